"""Harvest: activations of a subject on a corpus, and sparse-probing artifacts.

`python -m fumehood_tools.harvest spec.json` does the work in a process of its own and prints JSON
lines. What it leaves is content-addressed, written atomically and found again after a kill.
This module holds the light models only.
"""

from fumehood_tools.harvest.records import (
    Activations,
    HarvestRequest,
    Probing,
    Site,
    read_activations,
    read_request,
)

__all__ = ["Activations", "HarvestRequest", "Probing", "Site", "read_activations", "read_request"]

"""Harvest: compute activations of a subject on a corpus, and sparse-probing artifacts.

`python -m fumehood_tools.harvest spec.json` does the work in a separate process and prints JSON
lines. Its results are stored under the hash of their inputs and written atomically, so a killed
harvest continues where it stopped. This package exports only the data models, which are quick to
import.
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

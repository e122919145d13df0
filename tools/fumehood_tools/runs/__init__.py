"""Runs: several variants x seeds, trained from one activation cache and scored, as one job."""

from fumehood_tools.runs.start import start_run

__all__ = ["start_run"]

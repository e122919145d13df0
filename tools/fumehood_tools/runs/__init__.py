"""Runs: one job that trains and scores variants x seeds from one shared activation cache."""

from fumehood_tools.runs.start import StartedRun, start_run

__all__ = ["StartedRun", "start_run"]

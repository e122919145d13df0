"""Runs: one job that trains and scores variants x seeds from one shared activation cache."""

from fumehood_tools.runs.start import start_run

__all__ = ["start_run"]

"""Decide which variants beat a baseline, at equal sparsity and corrected for all variants tried."""

from fumehood_tools.compare.effects import effects_of
from fumehood_tools.compare.report import Comparison
from fumehood_tools.compare.run import (
    Records,
    answered,
    compare_records,
    compare_variants,
    power_of,
    scored_sae,
    tests_of,
    usual_comparison,
)

__all__ = [
    "Comparison",
    "Records",
    "answered",
    "compare_records",
    "compare_variants",
    "effects_of",
    "power_of",
    "scored_sae",
    "tests_of",
    "usual_comparison",
]

"""Decide which variants beat a baseline, at equal sparsity and corrected for all variants tried."""

from fumehood_tools.compare.effects import effects_of
from fumehood_tools.compare.report import Comparison
from fumehood_tools.compare.run import compare_variants, usual_comparison

__all__ = ["Comparison", "compare_variants", "effects_of", "usual_comparison"]

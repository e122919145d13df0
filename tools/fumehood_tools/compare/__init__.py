"""Decide which variants beat a baseline, at equal sparsity and corrected for all variants tried."""

from fumehood_tools.compare.report import Comparison
from fumehood_tools.compare.run import compare_variants

__all__ = ["Comparison", "compare_variants"]

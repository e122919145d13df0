"""Which variants are better than a baseline, at equal sparsity and after all that was tried."""

from fumehood_tools.compare.report import Comparison
from fumehood_tools.compare.run import compare_variants

__all__ = ["Comparison", "compare_variants"]

"""What the child of an evaluation can read, and its limits.

It sees Python, numpy, scipy, scikit-learn and torch, the evaluation's file and the data that were
written for it. It sees no variant, no weights, no record, no corpus and no workspace.
"""

from pathlib import Path

from fumehood_tools.glass import SAE, ChildLimits, GlassProfile
from fumehood_tools.spec import LimitsSpec

INSIDE = Path(__file__).with_name("inside")
PROGRAM = "fumehood_evaluation.run"
MOST_SECONDS = 300.0
"""Wall clock of one run of an evaluation, of which each SAE needs several."""
_NOT_NEEDED = ("dictionary_learning", "einops", "jaxtyping", "wadler_lindig", "dill", "numba")

EVALUATION = GlassProfile(
    packages=(
        *(name for name in SAE.packages if name not in _NOT_NEEDED),
        *("scipy", "scipy.libs", "sklearn", "scikit_learn.libs"),
        *("joblib", "cloudpickle", "threadpoolctl", "narwhals"),
    ),
    import_path=(INSIDE,),
    preload=(
        "torch",
        "scipy.optimize",
        "scipy.sparse",
        "sklearn.linear_model",
        "sklearn.metrics",
        PROGRAM,
        "fumehood_evaluation.warm",
    ),
    readable=(INSIDE / "fumehood_evaluation",),
    loaded_early=("torch", "numpy"),
)
"""The profile of the children that run evaluations."""


def limits_of(limits: LimitsSpec) -> ChildLimits:
    """Return the limits of one run of an evaluation, from those of its sandbox."""
    return ChildLimits(
        wall_seconds=min(limits.score_minutes * 60, MOST_SECONDS),
        memory_gb=limits.memory_gb,
        scratch_gb=min(limits.scratch_gb, 1.0),
        threads=1,
    )

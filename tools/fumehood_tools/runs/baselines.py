"""The baseline that a run with target L0s brings along, and the levels at which it is run.

A comparison reads the baseline's metrics at the L0 that a variant turned out to have. So the
baseline is run at every target and at one level below and one above all of them; then every variant
that is at a target lies between two levels of the baseline.
"""

import hashlib
from collections.abc import Sequence

from fumehood_tools.errors import UnknownName
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.levels import AROUND, shown
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import packaged_variants

UNTRAINED, USUAL = "untrained", "topk"


def is_unchanged(sandbox: Sandbox, name: str) -> bool:
    """Return whether a file in variants/ is a packaged baseline, byte for byte."""
    sha256 = packaged_variants(sandbox.spec.kind).get(name) if name != UNTRAINED else None
    if sha256 is None:
        return False
    try:
        source = read_plain(sandbox.variant_path(name))
    except UnknownName:
        return False
    return hashlib.sha256(source).hexdigest() == sha256


def baseline_of(sandbox: Sandbox, variants: Sequence[str]) -> str | None:
    """Return the baseline for a run of these variants: the one that compare_variants takes.

    This is topk. If its file is gone or was edited, it is the first packaged baseline among the
    variants, or None.
    """
    return next((name for name in (USUAL, *variants) if is_unchanged(sandbox, name)), None)


def levels_around(targets: Sequence[float], dict_size: int) -> tuple[float, ...]:
    """Return one L0 below and one above all targets, within what a dictionary can have."""
    if not targets:
        return ()
    low = max(1.0, shown(min(targets) / AROUND))
    high = min(dict_size / 2, shown(max(targets) * AROUND))
    return tuple(l0 for l0 in (low, high) if l0 not in targets)

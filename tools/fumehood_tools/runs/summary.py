"""The result of a run in a few lines, for the answer of wait_for_job."""

from collections.abc import Mapping, Sequence
from typing import Any

_NAMED = 5


def summary_of(
    scored: Sequence[str],
    reused: Sequence[str],
    failed: Mapping[str, str],
    aimed: Sequence[Mapping[str, Any]],
    levels: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Return the lines: how many SAEs were scored, which failed, and which missed their L0."""
    counts = [f"{len(scored)} SAEs trained and scored"]
    counts += [f"{len(reused)} had a score already"] if reused else []
    counts += [f"{len(failed)} failed: {_some([*failed])}"] if failed else []
    lines = ["; ".join(counts)]
    if aimed:
        hits = sum(bool(one["hit"]) for one in aimed)
        missed = [
            f"{one['variant']} at {one['target_l0']:g} (L0 {one['l0']:g}, {one['knob']} = "
            f"{one['value']:g})"
            for one in aimed
            if not one["hit"]
        ]
        more = f"; missed: {_some(missed)}" if missed else ""
        lines.append(f"{hits} of {len(aimed)} target L0s reached{more}")
    if levels:
        at = ", ".join(f"{one['l0']:g}" for one in sorted(levels, key=lambda one: one["l0"]))
        lines.append(f"{levels[0]['variant']} was also run at L0 {at}, for comparisons")
    return lines


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

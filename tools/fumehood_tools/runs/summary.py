"""The result of a run in a few lines, for the answer of wait_for_job."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fumehood_tools.bench.which_setting import Again
from fumehood_tools.quoting import one_line

_NAMED = 5
_REASONS, _LONGEST = 2, 400
"""How many reasons of failures are named, and with how many characters."""


def summary_of(
    scored: Sequence[str],
    reused: Sequence[str],
    failed: Mapping[str, str],
    aimed: Sequence[Mapping[str, Any]],
    levels: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Return the lines: which SAEs failed and why, how many were scored, which missed their L0."""
    ended = len(scored) + len(reused) + len(failed)
    counts = [f"{len(failed)} of {ended} SAEs FAILED: {_some([*failed])}"] if failed else []
    counts += [f"{len(scored)} SAEs trained and scored"]
    counts += [f"{len(reused)} had a score already"] if reused else []
    lines = ["; ".join(counts), *_reasons(failed)]
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


def next_call(
    sandbox: str, setting: str, training: Mapping[str, float], failed: Mapping[str, str]
) -> str:
    """Return the call that shows what a run was for. setting: the one that its scores belong to.

    Tables show the training of sandbox.toml; another one matters in comparisons, which do not show
    a variant that only failed.
    """
    tool = "compare_variants" if training and not failed else "read_benchmarks"
    return Again(setting if training else None).call(tool, sandbox)


def _reasons(failed: Mapping[str, str]) -> list[str]:
    """Return one line per reason, the most frequent first, quoted as it may be a variant's own."""
    counts = Counter(one_line(message) for message in failed.values())
    return [
        f"- {count} x (quoted): {reason[:_LONGEST]}{' […]' * (len(reason) > _LONGEST)}"
        for reason, count in counts.most_common(_REASONS)
    ]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

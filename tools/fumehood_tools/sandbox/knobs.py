"""The sparsity knob of a variant: which constant it is, or the line that would declare it."""

from typing import NamedTuple

from fumehood_tools.records.parameters import Value, constants_of
from fumehood_tools.sandbox.declarations import read_declarations

# The knobs of the packaged variants, and parts of names that authors give to theirs.
USUAL = ("K", "TARGET_L0", "L1_PENALTY")
LIKELY = ("L0", "L1", "SPARS", "PENALTY", "TOPK", "TOP_K", "THRESHOLD")
# Parent -> its knob and what the file does not have yet.
OF_PARENT = {
    "standard": ("L1_PENALTY", "0.1"),
    "gated": ("L1_PENALTY", "0.14"),
    "p_anneal": ("L1_PENALTY", "0.05"),
    "jumprelu": ("TARGET_L0", "32.0"),
}


class Knob(NamedTuple):
    """A file's knob and its value. Without one, `lines` are what to write at the top."""

    name: str | None
    value: Value | None
    lines: str | None


def find_knob(source: bytes, parent: str | None) -> Knob:
    """Return the declared knob, or the lines that would declare one."""
    numbers = {
        name: value
        for name, value in constants_of(source).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    declared = read_declarations(source).knob
    if declared is not None:
        return Knob(declared, numbers.get(declared), None)
    likely = [name for name in USUAL if name in numbers]
    likely += [name for name in numbers if any(part in name for part in LIKELY)]
    if likely:
        return Knob(None, None, f'KNOB = "{likely[0]}"')
    name, value = OF_PARENT.get(parent or "", ("K", "32"))
    return Knob(None, None, f'{name} = {value}\nKNOB = "{name}"')

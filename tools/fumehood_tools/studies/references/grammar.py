"""Read a reference. Nothing is looked up here."""

import re
from typing import Literal, NamedTuple

from fumehood_tools.errors import BadRequest

Kind = Literal[
    "score", "mean", "sd", "conclusion", "holdout", "plan", "study", "entry", "quote", "pack"
]
FORMS = (
    "score:SANDBOX/LABEL/SEED#METRIC, mean:SANDBOX/LABEL#METRIC, conclusion:ENTRY/VARIANT#FIELD, "
    'plan:ENTRY#FIELD, holdout:ENTRY/VARIANT#FIELD, study#FIELD, entry:NUMBER, quote:PAPER "words" '
    "or pack:PACK/PATH#FIRST-LAST"
)
LONGEST = 1_000
_SETTING = r"(?:@(?P<setting>[0-9a-f]{8}))?"
_SANDBOX, _FIELD = r"(?P<sandbox>[^/#@]+)", r"#(?P<field>\w+)"
_ENTRY = r"(?P<entry>\d{1,4})"
_PATTERNS: dict[Kind, str] = {
    "score": rf"score:{_SANDBOX}/(?P<name>[^/#]+)/(?P<seed>[\w-]+){_SETTING}{_FIELD}",
    "mean": rf"mean:{_SANDBOX}/(?P<name>[^/#]+?){_SETTING}{_FIELD}",
    "sd": rf"sd:{_SANDBOX}/(?P<name>[^/#]+?){_SETTING}{_FIELD}",
    "conclusion": rf"conclusion:{_ENTRY}(?:/(?P<name>[^#]+))?{_FIELD}",
    "holdout": rf"holdout:{_ENTRY}(?:/(?P<name>[^#]+))?{_FIELD}",
    "plan": rf"plan:{_ENTRY}{_FIELD}",
    "study": rf"study{_FIELD}",
    "entry": rf"entry:{_ENTRY}",
    "quote": r"""quote:(?P<name>\S+)\s+["'“](?P<words>.+)["'”]""",
    "pack": r"pack:(?P<name>[^/#\s]+)/(?P<path>[^#]+)#(?P<first>\d{1,7})(?:-(?P<last>\d{1,7}))?",
}
_READERS = {kind: re.compile(pattern, re.S) for kind, pattern in _PATTERNS.items()}


class Reference(NamedTuple):
    """A reference that was read. Fields that its kind does not have are empty.

    text: as passed. name: a label, a variant, a paper or a pack. seed: number of a seed, or the
    name of a run's folder. entry: 0 if it names none. lines: first and last line of a file.
    """

    text: str
    kind: Kind
    sandbox: str = ""
    name: str = ""
    seed: str = ""
    setting: str | None = None
    entry: int = 0
    field: str = ""
    words: str = ""
    path: str = ""
    lines: tuple[int, int] = (0, 0)


def read_reference(text: str) -> Reference:
    """Return the parts of a reference. Raises BadRequest with the possible forms."""
    said = " ".join(text.split())
    kind = re.split(r"[:#]", said, maxsplit=1)[0]
    if kind not in _READERS or len(said) > LONGEST:
        raise BadRequest(f"{said[:80]!r} is not a reference. Write {FORMS}.")
    found = _READERS[kind].fullmatch(said)
    if found is None:
        raise BadRequest(
            f"{said[:80]!r} is not a reference to a {kind}. Write it as in {_form(kind)}."
        )
    part = {name: value for name, value in found.groupdict().items() if value is not None}
    first = int(part.pop("first", 0))
    lines = first, int(part.pop("last", first))
    entry, setting = int(part.pop("entry", 0)), part.pop("setting", None)
    return Reference(said, kind, setting=setting, entry=entry, lines=lines, **part)


def _form(kind: str) -> str:
    return next((form for form in FORMS.split(", ") if form.startswith(kind)), FORMS)

"""Read the arguments of a call as the client meant them, before they are validated.

Hosts and models send the same wish in several forms. Many send null or "" for an argument that they
left out, because their form has a field for it, and a framework with a strict mode makes the model
send an empty list. Some send one name where a list of names is wanted. Some parse every value as
JSON, so the arXiv id 2309.08600 arrives as the number 2309.086. Some copy an id with the blanks or
the line end around it. None of these can mean anything else, so they are accepted; what was changed
in a way that could surprise is said in the answer.
"""

import re
from typing import Any, NamedTuple

PAPER_ARGUMENTS = ("paper", "papers")
"""Arguments whose values may be arXiv ids."""

NAME_ARGUMENTS = (
    *("paper", "papers", "sandbox", "variant", "variants", "baseline", "job_id", "cursor", "name"),
    *("metric", "sort", "section"),
)
"""Arguments that name something, so that blanks around a value cannot belong to it."""

NOTHING: tuple[Any, ...] = (None, "", [])
"""Values with which clients say that they left out an optional argument."""

FIRST_FIVE_DIGITS = 1501
"""Year and month since which the number in an arXiv id has five digits instead of four."""


class Sent(NamedTuple):
    """The arguments as they were meant, and sentences about what was restored."""

    arguments: dict[str, Any]
    notes: tuple[str, ...]


def as_meant(arguments: dict[str, Any], schema: dict[str, Any]) -> Sent:
    """Return the arguments of a call in the form in which its tool expects them.

    schema: the tool's input schema, as it is published. Unknown arguments are left as they are.
    """
    required, notes = schema.get("required", ()), []
    meant: dict[str, Any] = {}
    for name, value in arguments.items():
        argument = schema.get("properties", {}).get(name)
        if argument is None:
            meant[name] = value
        elif name in required or value not in NOTHING:
            meant[name] = _in_a_list(value) if argument.get("type") == "array" else value
            if name in NAME_ARGUMENTS:
                meant[name] = _trimmed(meant[name])
            if name in PAPER_ARGUMENTS:
                meant[name], restored = _with_ids(meant[name])
                notes += [f"{name}: {note}" for note in restored]
    return Sent(meant, tuple(notes))


def _in_a_list(value: Any) -> Any:
    """Return a single value as a list of one. Text that is a JSON list is parsed by the SDK."""
    if isinstance(value, str):
        return value if value.lstrip().startswith(("[", "{")) else [value]
    return [value] if isinstance(value, bool | int | float) else value


def _trimmed(value: Any) -> Any:
    """Return a name, or a list of names, without the blanks around them."""
    if isinstance(value, list):
        return [_trimmed(one) for one in value]
    return value.strip() if isinstance(value, str) else value


def _with_ids(value: Any) -> tuple[Any, list[str]]:
    """Return one paper or a list of them with numbers as arXiv ids, and what was restored."""
    if isinstance(value, list):
        pairs = [_with_ids(one) for one in value]
        return [one for one, _ in pairs], [note for _, notes in pairs for note in notes]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value, []
    text = arxiv_id_of(value)
    if text is None:
        return value, []
    return text, [f"the number {value} was read as the arXiv id {text!r}; send ids as strings"]


def arxiv_id_of(number: float) -> str | None:
    """Return the arXiv id that became this number when it was parsed as JSON; None if none did.

    The form since April 2007, YYMM.NNNN or YYMM.NNNNN, has a fixed width, so that the zeros that a
    number does not keep can only be at its ends. Source: https://info.arxiv.org/help/arxiv_identifier.html.
    """
    found = re.fullmatch(r"(\d{3,4})(?:\.(\d{1,5}))?", repr(number))
    if found is None:
        return None
    date, digits = found[1].zfill(4), found[2] or ""
    width = 5 if int(date) >= FIRST_FIVE_DIGITS else 4
    if int(date) < 704 or not 1 <= int(date[2:]) <= 12 or len(digits) > width:
        return None
    return f"{date}.{digits.ljust(width, '0')}" if digits.strip("0") else None

"""The arguments of commands and environments that nobody here knows."""

import re

from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.tokens import plain

_MOST_GROUPS = 9
_SIZE = re.compile(
    r"\s*[-+]?\d*\.?\d*\s*(?:pt|em|ex|sp|bp|pc|\\(?:text|line|column|page)(?:width|height)|\\hsize)\s*"
)
_ANY_SIZE = re.compile(rf"{_SIZE.pattern}|\s*\d*\.?\d+\s*(?:cm|mm|in)\s*")


def is_size(group: list[str], any_unit: bool = False) -> bool:
    """Return whether an argument is a size on the page, such as `0.9\\linewidth`, and no text.

    any_unit: also in units that papers measure with, such as 3cm.
    """
    return bool((_ANY_SIZE if any_unit else _SIZE).fullmatch(plain(group)))


def groups_after(stream: Stream) -> list[list[str]]:
    """Return the groups that follow an unknown command. Options before a group are dropped."""
    groups: list[list[str]] = []
    while len(groups) < _MOST_GROUPS:
        token = stream.pull()
        if token == "{":
            stream.push([token])
            groups.append(stream.argument())
            continue
        taken = [token] if token else []
        if token == "*":
            taken.append(stream.pull())
        if taken and taken[-1] == "[":
            stream.push(["["])
            options = stream.optional()
            taken = taken[:-1] + (["[", *options, "]"] if options is not None else [])
            taken.append(stream.pull())
        if len(taken) > 1 and taken[-1] == "{":
            stream.push(["{"])
            continue
        stream.push([token for token in taken if token])
        break
    return groups

"""Where the public names of a package occur in its README, examples, docs and tests.

A name counts by its last part, as a word: what a comment says counts too, and two objects of the
same name share their mentions. Members of classes are not counted, because their names are common.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from fumehood_tools.surveys.models import ApiObject
from fumehood_tools.surveys.texts import Text

MOST_PLACES = 12
LONGEST_LINE = 1_000
_WORD = re.compile(r"[^\W\d]\w{2,}")


class Mentions(NamedTuple):
    """counts: kind of file -> lines. places: path:line, those of examples before those of tests."""

    counts: dict[str, int]
    places: tuple[str, ...]


def mentions_in(texts: Iterable[Text], names: frozenset[str]) -> dict[str, Mentions]:
    """Return the mentions of each name (the last part of a path) that occurs."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    places: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        if text.kind == "changelog":
            continue
        for number, line in enumerate(text.text.split("\n"), 1):
            line = line[:LONGEST_LINE]
            for name in names.intersection(_WORD.findall(line)):
                if not is_code(name, line):
                    continue
                counts[name][text.kind] += 1
                if len(places[name]) < MOST_PLACES:
                    places[name].append(f"{text.path}:{number}")
    return {name: Mentions(dict(counts[name]), tuple(places[name])) for name in counts}


def is_code(name: str, line: str) -> bool:
    """Return whether a name is used as a name: `run` in prose is an ordinary word."""
    if not name.isalpha() or not name.islower():
        return True
    return any(form in line for form in (f"{name}(", f".{name}", f"`{name}`", "import "))


def last_parts(objects: Iterable[ApiObject]) -> frozenset[str]:
    """Return the names to look for."""
    return frozenset(it.path.rpartition(".")[2] for it in objects if not it.owner)


def scored(entry: ApiObject, roots: Iterable[str], found: dict[str, Mentions]) -> ApiObject:
    """Return the entry with its mentions and its rank: what users need first has most points."""
    if entry.owner:
        return entry
    mention = found.get(entry.path.rpartition(".")[2], Mentions({}, ()))
    counts = mention.counts
    shown = counts.get("readme", 0) + counts.get("example", 0) + counts.get("notebook", 0)
    points = 4.0 * (entry.path.rpartition(".")[0] in roots) + 2.0 * entry.exported
    points += 2.0 * bool(entry.doc) + 1.0 * (entry.kind in ("class", "function"))
    points += min(4.0, 1.0 * bool(shown) + 0.5 * shown)
    points += min(2.0, 0.25 * counts.get("docs", 0)) + min(2.0, 0.1 * counts.get("test", 0))
    points -= 4.0 * bool(entry.deprecated) + 3.0 * (entry.kind in ("unknown", "import"))
    points -= 2.0 * entry.path.rpartition(".")[2].startswith("__")
    return entry.model_copy(
        update={"mentions": counts, "used": mention.places, "score": round(points, 2)}
    )


def why(entry: ApiObject) -> str:
    """Return in words why an entry is ranked where it is."""
    parts = ["in __all__"] if entry.exported else []
    parts += ["documented"] if entry.doc else ["no docstring"]
    names = {"readme": "README", "example": "examples", "notebook": "notebooks", "test": "tests"}
    parts += [
        f"{names.get(kind, kind)} ×{number}" for kind, number in sorted(entry.mentions.items())
    ]
    return ", ".join(parts)

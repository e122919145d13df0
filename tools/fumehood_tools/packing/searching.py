"""Search the files of a pack for a text or a regular expression, line by line.

Regular expressions are those of RE2, which take time in proportion to the text whatever they are;
it has no references back and no lookaround. A search also stops at a time limit.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from fumehood_tools.deadlines import Clock, Deadline
from fumehood_tools.errors import BadRequest

MOST_PATTERN = 500
SECONDS = 20.0
MOST_HITS = 10_000
LINE_CHARACTERS = 240


class PackHit(NamedTuple):
    """A line that matches. text: the line, or the part of a long one around the match."""

    file: str
    line: int
    text: str


class Found(NamedTuple):
    """The hits of one page. total: all hits; complete: whether all were counted."""

    hits: list[PackHit]
    total: int
    complete: bool


def search_texts(
    texts: Iterable[tuple[str, str]],
    pattern: str,
    *,
    regex: bool,
    ignore_case: bool,
    skip: int,
    limit: int,
    clock: Clock | None = None,
) -> Found:
    """Return the hits from number `skip` on in (path, text) pairs, in their order.

    Raises BadRequest for an invalid pattern, or when it takes longer than SECONDS.
    """
    late = BadRequest(
        f"The search took more than {SECONDS:.0f} s. Search fewer files: file='src/'."
    )
    deadline = Deadline(SECONDS, lambda: late, clock) if clock else Deadline(SECONDS, lambda: late)
    places = _finder(pattern, regex=regex, ignore_case=ignore_case)
    hits: list[PackHit] = []
    total = 0
    for path, text in texts:
        deadline.left()
        for hit in _lines_of(path, text, places):
            total += 1
            if skip < total <= skip + limit:
                hits.append(hit)
            if total == MOST_HITS:
                return Found(hits, total, False)
    return Found(hits, total, True)


Places = Callable[[str], Iterator[int]]
"""Returns the offsets of the matches in a text."""


def _finder(pattern: str, *, regex: bool, ignore_case: bool) -> Places:
    if not pattern or len(pattern) > MOST_PATTERN or "\n" in pattern:
        raise BadRequest(f"grep takes 1 to {MOST_PATTERN} characters of one line. Shorten it.")
    if not regex and not ignore_case:
        return lambda text: _literal(pattern, text)
    import re2

    options = re2.Options()
    options.log_errors, options.case_sensitive = False, not ignore_case
    options.literal = not regex
    # Lines are found one by one, so ^ and $ are to mean the start and the end of a line.
    options.never_nl, options.never_capture = True, True
    try:
        compiled = re2.compile(pattern if not regex else f"(?m:{pattern})", options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise BadRequest(
            f"Invalid regular expression: {reason}. Write it as for RE2 (no references back, no "
            "lookaround), or search literally with regex=false."
        ) from error
    return lambda text: (found.start() for found in compiled.finditer(text))


def _literal(pattern: str, text: str) -> Iterator[int]:
    at = text.find(pattern)
    while at >= 0:
        yield at
        at = text.find(pattern, at + 1)


def _lines_of(path: str, text: str, places: Places) -> Iterator[PackHit]:
    """Yield each matching line once."""
    number, counted, after = 1, 0, -1
    for at in places(text):
        if at < after:
            continue
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        after = end + 1 if end >= 0 else len(text) + 1
        number += text.count("\n", counted, start)
        counted = start
        yield PackHit(path, number, _around(text, start, after - 1, at))


def _around(text: str, start: int, end: int, at: int) -> str:
    if end - start <= LINE_CHARACTERS:
        return text[start:end].rstrip("\r")
    first = max(start, min(at - LINE_CHARACTERS // 4, end - LINE_CHARACTERS))
    last = min(end, first + LINE_CHARACTERS)
    return f"{'…' * (first > start)}{text[first:last]}{'…' * (last < end)}"

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
    find = _finder(pattern, regex=regex, ignore_case=ignore_case)
    hits: list[PackHit] = []
    total = 0
    for path, text in texts:
        deadline.left()
        for hit in _lines_of(path, text.encode(), find):
            deadline.left()
            total += 1
            if skip < total <= skip + limit:
                hits.append(hit)
            if total == MOST_HITS:
                return Found(hits, total, False)
    return Found(hits, total, True)


Find = Callable[[bytes, int], int]
"""Returns the offset of the first match in a text from an offset on, or -1."""


def _finder(pattern: str, *, regex: bool, ignore_case: bool) -> Find:
    if not pattern or len(pattern) > MOST_PATTERN or "\n" in pattern:
        raise BadRequest(f"grep takes 1 to {MOST_PATTERN} characters of one line. Shorten it.")
    if not regex and not ignore_case:
        literal = pattern.encode("utf-8", "replace")
        return lambda text, start: text.find(literal, start)
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

    def find(text: bytes, start: int) -> int:
        found = compiled.search(text, start)
        return found.start() if found else -1

    return find


def _lines_of(path: str, text: bytes, find: Find) -> Iterator[PackHit]:
    """Yield each matching line once. Only the first match in a line is looked for."""
    number, counted, after = 1, 0, 0
    while after < len(text) and 0 <= (at := find(text, after)) < len(text):
        start = text.rfind(b"\n", 0, at) + 1
        end = text.find(b"\n", at)
        end = end if end >= 0 else len(text)
        number += text.count(b"\n", counted, start)
        counted, after = start, end + 1
        line = text[start:end].decode()
        yield PackHit(path, number, _around(line, len(text[start:at].decode(errors="ignore"))))


def _around(line: str, at: int) -> str:
    """Return a line, or the part of a long one around the match."""
    if len(line) <= LINE_CHARACTERS:
        return line.rstrip("\r")
    first = max(0, min(at - LINE_CHARACTERS // 4, len(line) - LINE_CHARACTERS))
    last = first + LINE_CHARACTERS
    return f"{'…' * (first > 0)}{line[first:last]}{'…' * (last < len(line))}"

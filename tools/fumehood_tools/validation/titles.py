"""Find a paper's title in a text: exactly, or with a slip of a letter in a long title.

A same-name stranger must not match: all words of the title must be there, in order. A title of
fewer than four words counts only where the text quotes it or gives it a line of its own.
"""

import re

from fumehood_tools.papers.identity import title_key

_WORD = re.compile(r"[^\W_]+")
_LEAST_WORDS = 4


def find_title(title: str, text: str) -> int:
    """Return the offset at which a text has the title, -1 if it does not."""
    wanted = title_key(title).split()
    if len(wanted) < 2:
        return -1
    places = list(_WORD.finditer(text))
    words = [it[0].lower() if it[0].isascii() else title_key(it[0]) for it in places]
    starts = [at for at, word in enumerate(words) if word == wanted[0] or word == wanted[1]]
    for at in starts:
        begin = at if words[at] == wanted[0] else at - 1
        if begin < 0 or begin + len(wanted) > len(words):
            continue
        if _alike(wanted, words[begin : begin + len(wanted)]):
            offset = places[begin].start()
            end = places[begin + len(wanted) - 1].end()
            if len(wanted) >= _LEAST_WORDS or _stands_alone(text, offset, end):
                return offset
    return -1


def same_title(one: str, other: str) -> bool:
    """Whether two titles are the same but for case, punctuation and a slip."""
    a, b = title_key(one).split(), title_key(other).split()
    return len(a) >= 2 and len(a) == len(b) and _alike(a, b)


def _alike(wanted: list[str], found: list[str]) -> bool:
    different = [(a, b) for a, b in zip(wanted, found, strict=True) if a != b]
    if not different:
        return True
    if len(wanted) < 6 or len(different) > 1:
        return False
    from rapidfuzz.distance import DamerauLevenshtein

    return len(different[0][0]) > 4 and DamerauLevenshtein.distance(*different[0]) <= 1


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    quoted = bool(re.search(r"[\"'“*_{\[]$", before) and re.match(r"[\"'”*_}\].,]", after))
    line = text[text.rfind("\n", 0, start) + 1 : (text + "\n").find("\n", end)]
    return quoted or line.strip(" #*=-") == text[start:end]

"""Split the prose of papers into sentences.

A rule-based splitter: it does not split after English abbreviations, initials or decimals. Its
cost is linear in the text. A sentence is a slice of the text it came from, so it can be quoted
verbatim.
"""

import re

_END = re.compile(r"[.!?][\"')\]”’]*\s+(?=[\"'(\[“‘]*[^\W_])")
_SHORT = re.compile(
    r"(?:\b(?:al|cf|e\.g|i\.e|etc|vs|resp|approx|Figs?|Eqs?|Secs?|Tabs?|Apps?|Refs?|Thm|Prop|Def"
    r"|Chap|Vol|No|pp|Dr|Prof|Mr|Ms|St|Inc|Ltd|w\.r\.t|i\.i\.d|a\.k\.a)|\b[A-Z])\.$"
)
_LONGEST_ABBREVIATION = 12


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) offsets of every sentence, without surrounding whitespace."""
    spans: list[tuple[int, int]] = []
    start = len(text) - len(text.lstrip())
    for match in _END.finditer(text):
        stop = match.start() + 1
        small = text[match.end()].islower()
        if small or _SHORT.search(text, max(start, stop - _LONGEST_ABBREVIATION), stop):
            continue
        spans.append((start, match.start() + len(match[0].rstrip())))
        start = match.end()
    end = len(text.rstrip())
    return [*spans, (start, end)] if end > start else spans


def sentences(text: str) -> list[str]:
    """Return the sentences of a text in order."""
    return [text[start:end] for start, end in sentence_spans(text)]

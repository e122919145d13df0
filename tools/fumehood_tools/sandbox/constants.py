"""Estimate how much data a variant's file contains besides code and prose.

Weights that were computed elsewhere can be brought into a sandbox in the file itself: as hex in a
string, as a list of numbers, in comments, in names. This module estimates their size without
running the file:

1. Words that look like code or prose are dropped. A word looks so if the packaged template (its
   sources and guides) contains it, or if a trigram model of the template's letters needs few bits
   for it.
2. The other words and all numbers are compressed together (zlib). Their size is the estimate.
3. An author who knows this can write data as plausible words. Therefore the compressed size of all
   strings and comments beyond TEXT_BYTES, or of the whole file beyond FILE_BYTES, is added,
   whatever it looks like. Up to those limits, data written as words are not seen.

Costs 0.1 s once, to build the letter model, then about 10 ms per 10 kB of source.
"""

import functools
import io
import math
import re
import tokenize
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.kinds import core_folder, kinds, template_folder
from fumehood_tools.sandbox.declarations import declares_no_training
from fumehood_tools.spec import LimitsSpec

# Measured on 81 honest files (packaged, examples, red team, tests): 80 have 3 to 119 bytes of
# constants, and one that demonstrates Python's idioms has 220. 400 random bytes measure as 410 to
# 620 bytes when written as hex, base 64, base 85, syllables, Chinese, identifiers or decimals.
START_BYTES = 256
"""An initialization does not need more: an SAE with more bytes counts as not trained here."""
# The strings and comments of those files compress to at most 650 bytes, the whole files to 3,002.
TEXT_BYTES, FILE_BYTES = 1_536, 6_144
KB = 1_000
# Any sensible limit refuses a file of this size, and splitting it into words would take seconds.
MOST_READ = 1 << 20
ZLIB_FRAME = 8
# Bits per character under the letter model: 5.5 or more for random letters, 3 to 5 for English
# words that are not in the template.
LETTER_BITS = 5.0
TEXTS = ("STRING", "COMMENT", "FSTRING_MIDDLE")
RUNS = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9\s_]+")
CURE = (
    "Compute what the SAE needs in __init__ or prepare, or let it be learned from the batches; or "
    "have limits.{limit} raised in sandbox.toml"
)


class Constants(NamedTuple):
    """Sizes of one source file, in bytes."""

    source: int
    compressed: int
    constants: int
    """Estimated size of the data: compressed unreadable words plus text beyond the limits."""


@functools.lru_cache(maxsize=64)
def measure_constants(source: bytes) -> Constants:
    """Return the sizes of a source. If it is not Python, all of it counts as data."""
    compressed = _compressed(source)
    if len(source) > MOST_READ:
        return Constants(len(source), compressed, compressed)
    try:
        words, texts = _words(source.decode("utf-8", "replace"))
    except (tokenize.TokenError, SyntaxError):
        return Constants(len(source), compressed, compressed)
    unread = " ".join(word for word in words if not _is_readable(word))
    constants = _compressed(unread.encode("utf-8", "replace"))
    text = _compressed("\n".join(texts).encode("utf-8", "replace"))
    constants += max(0, text - TEXT_BYTES, compressed - FILE_BYTES)
    return Constants(len(source), compressed, constants)


def judge_source(source: bytes, limits: LimitsSpec) -> None:
    """Raise IntegrityFailed (source_budget) if a file is too large or contains too much data."""
    if len(source) > limits.source_kb * KB:
        raise IntegrityFailed(
            "source_budget",
            f"the file has {len(source) / KB:,.1f} kB (allowed: {limits.source_kb:g})",
            f"{CURE.format(limit='source_kb')}.",
        )
    constants = measure_constants(source).constants
    if constants > limits.constants_kb * KB:
        raise IntegrityFailed(
            "source_budget",
            f"{constants / KB:,.1f} kB of the file, compressed, read neither as code nor as prose: "
            f"numbers, strings, comments or names (allowed: {limits.constants_kb:g})",
            f"{CURE.format(limit='constants_kb')}; its scores then say that it was not trained "
            "here.",
        )


def why_not_trained_here(source: bytes) -> str | None:
    """Return why a source's SAE counts as not trained here, or None if it counts as trained."""
    if declares_no_training(source):
        return "it says TRAIN = False"
    constants = measure_constants(source).constants
    if constants > START_BYTES:
        return (
            f"{constants:,} bytes of the file, compressed, read neither as code nor as prose (an "
            f"initialization needs at most {START_BYTES})"
        )
    return None


def _words(text: str) -> tuple[list[str], list[str]]:
    """Return all words and numbers of a source, with each name once, and its strings and comments.

    Raises tokenize.TokenError or SyntaxError if the source is not Python.
    """
    words: list[str] = []
    texts: list[str] = []
    names: set[str] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind in TEXTS:
            texts.append(token.string)
        elif kind == "NUMBER":
            words.append(token.string)
        elif kind == "NAME":
            names.add(token.string)
    for part in (*texts, *sorted(names)):
        words += RUNS.findall(part)
    return words, texts


def _is_readable(word: str) -> bool:
    if not word[0].isalpha():
        return word in _model().words and not word[0].isdigit()
    lower = word.lower()
    if lower in _model().words:
        return True
    return word.isascii() and word.isalpha() and _model().bits(lower) <= LETTER_BITS


class _Model:
    """The set of words of a text, and a trigram model of its letters.

    The probability of a letter after the two before it is interpolated with those of shorter
    contexts: each level adds 4 pseudo-counts that are distributed like the level below, and single
    letters have additive smoothing (0.2). See Chen and Goodman (1999), "An empirical study of
    smoothing techniques for language modeling".
    """

    def __init__(self, texts: Iterable[str]) -> None:
        text = " ".join(RUNS.findall("\n".join(texts))).lower()
        self.words = frozenset(text.split())
        self._ones, self._size = Counter(text), len(text)
        self._pairs = Counter(zip(text, text[1:], strict=False))
        self._triples = Counter(zip(text, text[1:], text[2:], strict=False))

    def bits(self, word: str) -> float:
        """Return the mean bits per character of a word, including the space that ends it."""
        before, last, total = "", " ", 0.0
        for letter in f"{word} ":
            alone = (self._ones[letter] + 0.2) / (self._size + 40)
            after_one = (self._pairs[last, letter] + 4 * alone) / (self._ones[last] + 4)
            seen, pair = self._triples[before, last, letter], self._pairs[before, last]
            total -= math.log2((seen + 4 * after_one) / (pair + 4))
            before, last = last, letter
        return total / (len(word) + 1)


@functools.cache
def _model() -> _Model:
    """Return the model of the sources and guides of the packaged templates."""
    folders = [template_folder(kind) for kind in kinds()]
    guides = [path for folder in folders for path in folder.glob("*.md")]
    sources = [path for folder in (*folders, core_folder()) for path in folder.rglob("*.py")]
    paths = sorted([*sources, *guides])
    return _Model(path.read_text(encoding="utf-8") for path in paths)


def _compressed(content: bytes) -> int:
    return max(0, len(zlib.compress(content, 9)) - ZLIB_FRAME)

"""Count the tokens of texts with a tokenizer that needs no network, or estimate them.

o200k_base is used if bpe-openai is installed, whose package contains the vocabulary. Otherwise, the
number of bytes is divided by BYTES_PER_TOKEN, and the name of the tokenizer says so. A text is
counted in pieces of whole lines, because tokenizers refuse long texts; this adds at most one token
per piece. Counts are cached by the content's digest. A count never fails: a piece that the
tokenizer refuses is estimated.
"""

import contextlib
import math
import sqlite3
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

# Over all text of the sdists of mcp 2.3.0, nnsight 0.8.1 and einops 0.8.2, o200k_base: 4.0.
BYTES_PER_TOKEN = 4.0
PIECE = 40_000
CACHE_FILE = "token_counts.sqlite3"
_COLUMNS = "tokenizer text, digest text, tokens integer, primary key (tokenizer, digest)"
_SELECT = "select digest, tokens from counts"
_CREATE = f"create table if not exists counts ({_COLUMNS}) without rowid"


class Tokenizer(NamedTuple):
    """Counts the tokens of a short text. name: says which tokenizer it is, or that it estimates.

    by_size: estimates the tokens of a file from its size in bytes, so that it need not be read.
    """

    name: str
    count_piece: Callable[[str], int]
    by_size: Callable[[int], int] | None = None

    def count(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return sum(self._count(piece) for piece in pieces_of(text))

    def count_blocks(self, blocks: Iterable[bytes], encoding: str) -> int:
        """Return the number of tokens of a text in blocks of whole lines."""
        return sum(self.count(block.decode(encoding, "replace")) for block in blocks)

    def count_file(self, blocks: Iterable[bytes], encoding: str, size: int) -> int:
        """Return the number of tokens of a file. size: that of all blocks together, in bytes."""
        return self.by_size(size) if self.by_size else self.count_blocks(blocks, encoding)

    def _count(self, piece: str) -> int:
        try:
            return self.count_piece(piece)
        except (ValueError, RuntimeError, KeyError):
            return _estimate(piece)


def installed_tokenizer() -> Tokenizer:
    """Return the best tokenizer that is installed. Importing it takes a second."""
    with warnings.catch_warnings():
        # bpe-openai 0.1.4 reads its vocabulary with a function that Python 3.11 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            import bpe_openai
        except ImportError:
            name = f"estimate (bytes / {BYTES_PER_TOKEN:g})"
            return Tokenizer(name, _estimate, lambda size: math.ceil(size / BYTES_PER_TOKEN))
        encode = bpe_openai.get_encoding("o200k_base").encode_ordinary
    return Tokenizer("o200k_base (bpe-openai)", lambda piece: len(encode(piece)))


def pieces_of(text: str) -> Iterator[str]:
    """Yield a text in pieces of whole lines; a longer line is cut."""
    start = 0
    while len(text) - start > PIECE:
        end = text.rfind("\n", start, start + PIECE) + 1 or start + PIECE
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _estimate(piece: str) -> int:
    return math.ceil(len(piece.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


class TokenCache:
    """Counts by content digest, in a file of the cache folder. Without it, all is counted."""

    def __init__(self, file: Path | None, tokenizer: str) -> None:
        self._file, self._tokenizer = file, tokenizer

    def known(self, digests: Iterable[str]) -> dict[str, int]:
        """Return the counts that are cached. A cache that cannot be read is empty."""
        wanted = sorted(set(digests))
        found: dict[str, int] = {}
        with self._forgiving(), contextlib.closing(self._open()) as connection:
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                marks = ",".join("?" * len(some))
                query = f"{_SELECT} where tokenizer = ? and digest in ({marks})"
                found.update(connection.execute(query, (self._tokenizer, *some)).fetchall())
        return found

    def keep(self, counts: dict[str, int]) -> None:
        """Add counts to the cache. One that cannot be written stays as it is."""
        rows = [(self._tokenizer, digest, tokens) for digest, tokens in counts.items()]
        with self._forgiving(), contextlib.closing(self._open()) as connection, connection:
            connection.executemany("insert or replace into counts values (?, ?, ?)", rows)

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            raise sqlite3.OperationalError("there is no cache")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._file, timeout=2)
        try:
            connection.execute(_CREATE)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError):
            return
        except sqlite3.DatabaseError:
            # The file is no database, or is damaged. Its content can be counted again.
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.unlink()

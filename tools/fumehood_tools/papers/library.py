"""The workspace's library: every paper seen, every judgment, and recent answers of sources.

It is one SQLite file in WAL mode that many threads and processes may share. A paper that is found
again is merged with its stored record. An id that once led to a paper always leads to it. Text
search uses SQLite's FTS5.
"""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.files import make_private
from fumehood_tools.papers.merging import merge_papers, same_paper, united
from fumehood_tools.papers.paper import Judgement, Paper
from fumehood_tools.papers.terms import content_words, expansions, stem

BUSY_SECONDS = 20.0
LIBRARY_FILE = "papers.sqlite"
MOST_CANDIDATES = 400
_SCHEMA = """
CREATE TABLE IF NOT EXISTS papers(
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL, seen REAL NOT NULL);
CREATE TABLE IF NOT EXISTS aliases(
    alias TEXT PRIMARY KEY, paper INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(
    title, abstract, authors, tokenize='porter unicode61');
CREATE TABLE IF NOT EXISTS judgements(
    paper TEXT NOT NULL, question TEXT NOT NULL, judge TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY(paper, question, judge)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept(
    name TEXT PRIMARY KEY, body TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
"""


class Library:
    """The papers of one workspace. The file is created at first use. Safe to share by threads."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._path = state / LIBRARY_FILE
        self._lock = threading.Lock()
        try:
            make_private(state)
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Creating the library") from error
        with self._naming_the_file():
            self._db = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def remember(self, papers: Iterable[Paper]) -> list[Paper]:
        """Store papers, merged with their earlier records, and return the merged records."""
        with self._changing():
            kept = [self._remember(paper) for paper in merge_papers(papers)]
        return merge_papers(kept)

    def find(self, paper_id: str) -> Paper:
        """Return the paper with this id, which may be an old one. Raises UnknownName."""
        with self._reading() as db:
            row = db.execute(
                "SELECT body FROM papers JOIN aliases ON number=paper WHERE alias=?", (paper_id,)
            ).fetchone()
        if row is None:
            raise UnknownName("paper", paper_id, [], "Call search_papers to get the ids of papers.")
        return Paper.model_validate_json(row[0])

    def candidates(self, query: str) -> list[Paper]:
        """Return papers that contain a word of the query or a synonym, most likely ones first."""
        plain = [stem(word) for word in content_words(query)]
        terms = [f'"{word}" *' for word in [*plain, *sorted(expansions(plain))]]
        if not terms:
            return []
        with self._reading() as db:
            rows = db.execute(
                "SELECT body FROM texts JOIN papers ON number=texts.rowid WHERE texts MATCH ? "
                "ORDER BY bm25(texts, 3.0, 1.0, 1.0) LIMIT ?",
                (" OR ".join(terms), MOST_CANDIDATES),
            ).fetchall()
        return [Paper.model_validate_json(row[0]) for row in rows]

    def judge(self, question: str, judgements: Sequence[tuple[str, Judgement]]) -> None:
        """Store (paper id, judgment) pairs for a question; a judge's new judgment replaces its old.

        question: the digest of query and purpose, see SearchRequest.question.
        """
        with self._changing() as db:
            db.executemany(
                "INSERT OR REPLACE INTO judgements VALUES(?, ?, ?, ?)",
                [(paper, question, it.judged_by, it.model_dump_json()) for paper, it in judgements],
            )

    def judgements(self, question: str) -> dict[str, list[Judgement]]:
        """Return the judgments stored for a question, by paper id."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT paper, body FROM judgements WHERE question=?", (question,)
            ).fetchall()
        found: dict[str, list[Judgement]] = {}
        for paper, body in rows:
            found.setdefault(paper, []).append(Judgement.model_validate_json(body))
        return found

    def keep(self, name: str, content: Any) -> None:
        """Store JSON-like content under a name, replacing earlier content."""
        with self._changing() as db:
            db.execute(
                "INSERT OR REPLACE INTO kept VALUES(?, ?, ?)",
                (name, json.dumps(content, ensure_ascii=False), self._clock()),
            )

    def kept(self, name: str) -> tuple[Any, float] | None:
        """Return the content stored under a name and its age in seconds, or None."""
        with self._reading() as db:
            row = db.execute("SELECT body, at FROM kept WHERE name=?", (name,)).fetchone()
        return None if row is None else (json.loads(row[0]), max(0.0, self._clock() - row[1]))

    def kept_under(self, prefix: str) -> list[Any]:
        """Return all content stored under names with this prefix."""
        with self._reading() as db:
            rows = db.execute("SELECT body FROM kept WHERE name GLOB ?", (f"{prefix}*",)).fetchall()
        return [json.loads(row[0]) for row in rows]

    def forget_kept(self, prefix: str, older_than: float) -> None:
        """Delete content under names with this prefix that is older than `older_than` seconds."""
        with self._changing() as db:
            db.execute(
                "DELETE FROM kept WHERE name GLOB ? AND at < ?",
                (f"{prefix}*", self._clock() - older_than),
            )

    def _remember(self, paper: Paper) -> Paper:
        known = self._known(paper)
        for _, other in known:
            paper = united(other, paper)
        paper = paper.model_copy(update={"judgement": None})
        if [other for _, other in known] == [paper]:
            return paper
        for place, _ in known:
            self._db.execute("DELETE FROM papers WHERE number=?", (place,))
            self._db.execute("DELETE FROM texts WHERE rowid=?", (place,))
        number = self._db.execute(
            "INSERT INTO papers VALUES(?, ?, ?, ?)",
            (known[0][0] if known else None, paper.id, paper.model_dump_json(), self._clock()),
        ).lastrowid
        self._db.execute(
            "INSERT INTO texts(rowid, title, abstract, authors) VALUES(?, ?, ?, ?)",
            (number, paper.title, paper.abstract, " ".join(paper.authors)),
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO aliases VALUES(?, ?)",
            [(alias, number) for alias in {paper.id, *paper.own_ids(), *paper.aliases}],
        )
        return paper

    def _known(self, paper: Paper) -> list[tuple[int, Paper]]:
        """Return the row numbers and records of the same paper in the library, oldest first."""
        names = [*paper.own_ids(), *paper.aliases]
        marks = ",".join("?" * len(names))
        title = '"' + paper.title.replace('"', " ") + '"'
        rows = self._db.execute(
            f"SELECT number, body FROM papers WHERE number IN "
            f"(SELECT paper FROM aliases WHERE alias IN ({marks})) "
            "UNION SELECT number, body FROM papers WHERE number IN "
            "(SELECT rowid FROM texts WHERE texts MATCH 'title : ' || ? LIMIT 20) ORDER BY number",
            (*names, title),
        ).fetchall()
        found = [(int(number), Paper.model_validate_json(body)) for number, body in rows]
        same: list[tuple[int, Paper]] = []
        whole = paper
        for number, other in found:
            if same_paper(whole, other):
                same.append((number, other))
                whole = united(whole, other)
        return same

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._naming_the_file():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._naming_the_file():
            yield self._db

    @contextlib.contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageFailed(
                f"The library {self._path.name} can't be used ({error}). Free disk space or check "
                "the file's permissions. If it is damaged, move it away: the next search creates "
                "a new one."
            ) from error

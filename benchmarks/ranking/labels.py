"""Load the labeled set: papers, and queries with graded judgments.

Reads two files of about a hundred lines; nothing is cached. README.md says how they were made.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

FOLDER = Path(__file__).parent


class Paper(BaseModel, frozen=True, extra="forbid"):
    """A paper as a ranker sees it. We wrote the abstract: do not quote it as the paper's."""

    id: str
    title: str
    year: int
    categories: list[str]
    abstract: str


class Query(BaseModel, frozen=True, extra="forbid"):
    """A query and its graded papers: 2 exactly what is wanted, 1 relevant, absent irrelevant."""

    id: str
    split: Literal["dev", "test"]
    kind: Literal["acronym", "synonyms", "question", "misspelling", "title fragment", "idea"]
    query: str
    judgements: dict[str, Literal[1, 2]]


def load_papers() -> list[Paper]:
    """Return the papers, in the order of the file."""
    return [Paper.model_validate_json(line) for line in _lines("papers.jsonl")]


def load_queries(split: Literal["dev", "test"]) -> list[Query]:
    """Return the queries of one split. Tune on dev; use test only once."""
    queries = [Query.model_validate_json(line) for line in _lines("queries.jsonl")]
    return [query for query in queries if query.split == split]


def _lines(name: str) -> list[str]:
    return (FOLDER / name).read_text(encoding="utf-8").splitlines()

"""Load the labelled set: papers, and queries with graded judgements.

Reads two files of some hundred lines; nothing is cached. What was made how stands in README.md.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

FOLDER = Path(__file__).parent


class Paper(BaseModel, frozen=True, extra="forbid"):
    """What a ranker sees. The abstract is ours: no source for what the paper claims."""

    id: str
    title: str
    year: int
    categories: list[str]
    abstract: str


class Query(BaseModel, frozen=True, extra="forbid"):
    """What somebody typed, and what they were looking for: 2 exactly, 1 relevant, absent not."""

    id: str
    split: Literal["dev", "test"]
    kind: Literal["acronym", "synonyms", "question", "misspelling", "title fragment", "idea"]
    query: str
    judgements: dict[str, Literal[1, 2]]


def load_papers() -> list[Paper]:
    """Return the papers, in the order of the file."""
    return [Paper.model_validate_json(line) for line in _lines("papers.jsonl")]


def load_queries(split: Literal["dev", "test"]) -> list[Query]:
    """Return the queries of one split. Tune on dev; look at test once."""
    queries = [Query.model_validate_json(line) for line in _lines("queries.jsonl")]
    return [query for query in queries if query.split == split]


def _lines(name: str) -> list[str]:
    return (FOLDER / name).read_text(encoding="utf-8").splitlines()

"""Split documents into training and evaluation so that no text is on both sides.

1. Exact copies are dropped. Documents with the same opening form a family and stay together.
2. Families are shuffled with a fixed seed. The last ones are the evaluation split, the others the
   training split.
3. Evaluation documents are dropped if more than a fifth of their sentences also occur in training
   documents, because news articles are often published again with a new headline. (Near-duplicate
   filters for language-model data use shared sentences in the same way.)
"""

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.corpora.sources import Document, opening_of

_SEED = 0
_SHARED_LIMIT = 0.2
# Unrelated texts often share shorter sentences ("Thank you.").
_SENTENCE_CHARACTERS = 40
_SENTENCE_END = re.compile(r"[.!?\n]+\s*")


class Split(NamedTuple):
    """Two lists of documents that share no text."""

    train: list[Document]
    evaluation: list[Document]


def split_documents(documents: Sequence[Document], share: float) -> Split:
    """Return a split with `share` of the families on its evaluation side, before step 3."""
    families: dict[str, list[Document]] = {}
    seen: set[str] = set()
    for document in documents:
        plain = " ".join(document.text.split())
        if plain and plain not in seen:
            seen.add(plain)
            families.setdefault(opening_of(document.text), []).append(document)
    order = list(families.values())
    random.Random(_SEED).shuffle(order)
    cut = len(order) - max(1, round(len(order) * share)) if len(order) > 1 else len(order)
    train = [document for family in order[:cut] for document in family]
    evaluation = [document for family in order[cut:] for document in family]
    return Split(train, without_shared(evaluation, train))


def without_shared(documents: Sequence[Document], others: Sequence[Document]) -> list[Document]:
    """Return the documents of which at most a fifth of the sentences are in `others`, too."""
    known = {hash(sentence) for other in others for sentence in sentences(other.text)}
    return [one for one in documents if _shared(one, known) <= _SHARED_LIMIT]


def sentences(text: str) -> list[str]:
    """Return the sentences of at least _SENTENCE_CHARACTERS, with white space normalized."""
    parts = (" ".join(part.split()) for part in _SENTENCE_END.split(text))
    return [part for part in parts if len(part) >= _SENTENCE_CHARACTERS]


def _shared(document: Document, known: set[int]) -> float:
    own = sentences(document.text)
    return sum(hash(sentence) in known for sentence in own) / len(own) if own else 0.0

"""Rows of documents that neither split of a sandbox has used.

The rows of the sandbox, and of all sandboxes of its study on the same corpus, are built again, and
everything that is tokenized on the way counts as used: a little more than the rows contain.
Documents are left out with their whole family (texts with the same opening), and so are those that
share more than a fifth of their sentences with a used one. What is left is shuffled with the secret
seed of the study and cut into rows like those of the sandbox, with the same share of each source.
R = rows, T = context.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.corpora.rows import (
    Encoder,
    TokenRows,
    as_rows,
    build_rows,
    caps_of,
    families_of,
    rows_needed,
    take_rows,
)
from fumehood_tools.corpora.sources import Document, opening_of, passages, read_documents
from fumehood_tools.corpora.splitting import without_shared
from fumehood_tools.errors import CorpusTooSmall
from fumehood_tools.spec import CorpusSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_TOKENS = 8_128
"""A tenth of the passages is looked at separately, so there must be enough of them."""
# A stream from the hub is read far enough for a corpus and a holdout of any alphabet.
_CHARACTERS_PER_TOKEN = 24


class UnseenRows(NamedTuple):
    """rows_RT of the holdout, and the sorted digests of document families. own: of the sandbox."""

    own: TokenRows
    used: list[str]
    rows: "NDArray[np.int32]"
    unseen: list[str]


class _Watched:
    """An encoder that remembers what it was asked to encode."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self.bos = encoder, encoder.bos
        self.texts: set[str] = set()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self.texts.update(texts)
        return self._encoder.encode(texts)


def holdout_tokens(corpus: CorpusSpec) -> int:
    """Return the number of activations of a holdout: those of the evaluation split, or more."""
    return max(corpus.eval_tokens, LEAST_TOKENS)


def unseen_rows(
    corpus: CorpusSpec, encoder: Encoder, seed: int, others: Sequence[CorpusSpec] = ()
) -> UnseenRows:
    """Return the rows of a corpus' holdout, with those of the sandbox. seed: of the study.

    others: further settings of this corpus, whose documents count as used too. Raises
    CorpusTooSmall, and the errors of reading the corpus.
    """
    watched = _Watched(encoder)
    own = build_rows(corpus, watched)
    for other in others:
        build_rows(other, watched)
    wanted = corpus.train_tokens + corpus.eval_tokens + holdout_tokens(corpus)
    documents = read_documents(corpus.name, _CHARACTERS_PER_TOKEN * wanted)
    used = [one for one in documents if not watched.texts.isdisjoint(passages(one.text))]
    left = _unrelated(documents, used)
    body = corpus.context - 1
    count = rows_needed(holdout_tokens(corpus), corpus.context)
    rows = take_rows(left, count, body, encoder, caps_of(corpus), seed)
    if len(rows) < count:
        raise _too_small(corpus, len(rows) * body)
    return UnseenRows(own, families_of(used), as_rows(rows, encoder.bos), families_of(left))


def _unrelated(documents: Sequence[Document], used: Sequence[Document]) -> list[Document]:
    """Return the documents without copies, families and near copies of the used ones."""
    seen = {opening_of(one.text) for one in used}
    left: dict[str, Document] = {}
    for one in documents:
        plain = " ".join(one.text.split())
        if plain and opening_of(one.text) not in seen:
            left.setdefault(plain, one)
    return without_shared(list(left.values()), used)


def _too_small(corpus: CorpusSpec, tokens: int) -> CorpusTooSmall:
    return CorpusTooSmall(
        f"Corpus {Path(corpus.name).name} has {tokens:,} tokens in documents that neither training "
        f"nor evaluation used, but the holdout needs {holdout_tokens(corpus):,}. The question was "
        "not answered and can be repeated at no cost. Plan the experiment in a sandbox with a "
        "smaller corpus.train_tokens or with a larger corpus: mixed has about 9 million tokens."
    )

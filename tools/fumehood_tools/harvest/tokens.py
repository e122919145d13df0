"""Token rows of a harvest, computed once and stored next to the shards of each site."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fumehood_tools.corpora.rows import Documents, TokenRows, build_rows, rows_needed
from fumehood_tools.files import read_json, write_json
from fumehood_tools.harvest.engine import Source, SyntheticReader
from fumehood_tools.harvest.records import DOCUMENTS, EVAL_TOKENS, TRAIN_TOKENS
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.harvest.shards import read_array, write_array
from fumehood_tools.spec import CorpusSpec
from fumehood_tools.subjects.synthetic import SyntheticSubject

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRAIN_SEED, _EVAL_SEED = 1, 2
# Rows per synthetic document: enough for its topic to be visible.
_ROWS_PER_DOCUMENT = 4


def token_rows(
    corpus: CorpusSpec, source: Source, folders: Sequence[Path], reporter: Reporter
) -> TokenRows:
    """Return the rows of both splits, and store them in every folder that lacks them.

    They are read from one of the folders if it has them, and computed otherwise.

    Raises CorpusTooSmall, PartMissing, StorageFailed.
    """
    lacking = [folder for folder in folders if not _has_rows(folder)]
    kept = next((folder for folder in folders if folder not in lacking), None)
    if kept is None:
        reporter.note("tokens", f"Tokenizing {corpus.name}")
        rows = make_rows(corpus, source)
    else:
        split = read_json(kept / DOCUMENTS)
        families = Documents(split["train"], split["eval"])
        rows = TokenRows(read_array(kept / TRAIN_TOKENS), read_array(kept / EVAL_TOKENS), families)
    for folder in lacking:
        write_array(folder / TRAIN_TOKENS, rows.train)
        write_array(folder / EVAL_TOKENS, rows.evaluation)
        content = {"train": rows.documents.train, "eval": rows.documents.evaluation}
        write_json(folder / DOCUMENTS, content)
    return rows


def _has_rows(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (TRAIN_TOKENS, EVAL_TOKENS, DOCUMENTS))


def make_rows(corpus: CorpusSpec, source: Source) -> TokenRows:
    """Return the rows of both splits, computed anew. Raises CorpusTooSmall, PartMissing."""
    if source.encoder is not None:
        return build_rows(corpus, source.encoder)
    assert isinstance(source.reader, SyntheticReader)
    subject = source.reader.subject
    train = sampled_rows(subject, corpus.context, corpus.train_tokens, _TRAIN_SEED)
    evaluation = sampled_rows(subject, corpus.context, corpus.eval_tokens, _EVAL_SEED)
    documents = Documents(sampled_documents(train), sampled_documents(evaluation))
    return TokenRows(train, evaluation, documents)


def sampled_rows(
    subject: SyntheticSubject, context: int, tokens: int, seed: int
) -> "NDArray[np.int32]":
    """Return rows_RT with at least `tokens` activations, of text sampled with this seed."""
    length = _ROWS_PER_DOCUMENT * (context - 1)
    rows_RT = subject.sample_documents(rows_needed(tokens, context), context, seed, length)
    return rows_RT.numpy().astype(np.int32)


def sampled_documents(rows_RT: "NDArray[np.int32]") -> list[str]:
    """Return the sorted digests of sampled documents (runs of _ROWS_PER_DOCUMENT rows)."""
    found = {
        hashlib.sha256(rows_RT[start : start + _ROWS_PER_DOCUMENT].tobytes()).hexdigest()[:16]
        for start in range(0, len(rows_RT), _ROWS_PER_DOCUMENT)
    }
    return sorted(found)

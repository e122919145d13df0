"""Token rows of a harvest, made once and kept beside its shards."""

from pathlib import Path

import numpy as np
import torch

from fumehood_tools.corpora.rows import TokenRows, build_rows, rows_needed
from fumehood_tools.harvest.engine import Source, SyntheticReader
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.harvest.shards import read_array, write_array
from fumehood_tools.sandbox.spec import CorpusSpec

_TRAIN_SEED, _EVAL_SEED = 1, 2
# Rows per synthetic document, so that a document's topic shows.
_ROWS_PER_DOCUMENT = 4


def token_rows(corpus: CorpusSpec, source: Source, folder: Path, reporter: Reporter) -> TokenRows:
    """Return the rows of both splits, from the folder or made now and kept there.

    Raises CorpusTooSmall, PartMissing, StorageFailed.
    """
    train, evaluation = folder / "train_tokens.npy", folder / "eval_tokens.npy"
    if not (train.is_file() and evaluation.is_file()):
        reporter.note("tokens", f"Tokenising {corpus.name}")
        made = _make(corpus, source)
        write_array(train, made.train)
        write_array(evaluation, made.evaluation)
    return TokenRows(read_array(train), read_array(evaluation))


def _make(corpus: CorpusSpec, source: Source) -> TokenRows:
    if source.encoder is not None:
        return build_rows(corpus, source.encoder)
    assert isinstance(source.reader, SyntheticReader)
    subject = source.reader.subject
    length = _ROWS_PER_DOCUMENT * (corpus.context - 1)

    def sample(tokens: int, seed: int) -> torch.Tensor:
        count = rows_needed(tokens, corpus.context)
        return subject.sample_documents(count, corpus.context, seed, length)

    return TokenRows(
        sample(corpus.train_tokens, _TRAIN_SEED).numpy().astype(np.int32),
        sample(corpus.eval_tokens, _EVAL_SEED).numpy().astype(np.int32),
    )

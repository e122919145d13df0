"""Digests of corpora and probing texts, computed without reading the embedded packages."""

from typing import Any

from fumehood_tools.corpora import checksums
from fumehood_tools.corpora.probing import TASKS
from fumehood_tools.corpora.sources import HUB_PREFIX, MIXED_SETS, local_identity, local_path
from fumehood_tools.errors import BadRequest
from fumehood_tools.files import digest_of
from fumehood_tools.spec import CorpusSpec, ScoringSpec

# Increase this number when the same text would lead to different rows.
_ROWS_VERSION = 1
_SYNTHETIC = "synthetic"


def corpus_identity(corpus: CorpusSpec, subject_kind: str) -> str:
    """Return the digest of a corpus with its split and row length.

    Raises BadRequest if corpus and subject do not fit together, UnknownName, StorageFailed.
    """
    if (corpus.name == _SYNTHETIC) != (subject_kind == _SYNTHETIC):
        raise BadRequest(
            f"Corpus {corpus.name} does not fit a {subject_kind.replace('_', ' ')} subject: the "
            "synthetic subject, and no other, samples its own text. "
            'Set corpus.name to "synthetic" for it, to "mixed" for a language model.'
        )
    return digest_of({"rows": _ROWS_VERSION, "text": _text(corpus.name), **corpus.model_dump()})


def probing_identity(scoring: ScoringSpec) -> str:
    """Return the digest of the texts of all probing tasks, requested or not."""
    sizes = [scoring.probing_context, scoring.probing_train, scoring.probing_test]
    return digest_of({"rows": _ROWS_VERSION, "tasks": TASKS, "sizes": sizes})


def _text(name: str) -> Any:
    if name == "mixed":
        return [checksums.SOTU, *(checksums.SAE_PROBES[one] for one in MIXED_SETS)]
    if name == "sotu":
        return checksums.SOTU
    if name == _SYNTHETIC or name.startswith(HUB_PREFIX):
        return name
    return local_identity(local_path(name))

"""`python -m fumehood_tools.studies.holdout`: the trusted process that computes a holdout.

Reads one HoldoutRequest as a JSON line from stdin, because arguments of processes can be read by
others. Prints JSON lines: {"progress": …}, then {"activations": …, "targets": … or null,
"documents": count}, or {"error": {"code", "message"}} with exit status 1. Writes nothing outside
the request's folder.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import write_json
from fumehood_tools.harvest.records import (
    DOCUMENTS,
    EVAL_TOKENS,
    TRAIN_TOKENS,
    Activations,
    Site,
)
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.studies.holdout.requests import HoldoutRequest
from fumehood_tools.studies.holdout.unseen import UnseenRows, holdout_tokens, unseen_rows

if TYPE_CHECKING:
    from fumehood_tools.harvest.engine import Source


TARGETS = "targets"
"""The folder of the activations that variants predict, where they are others than they read."""


def main() -> int:
    """Serve one request; return the exit status."""
    reporter = Reporter(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    try:
        request = HoldoutRequest.model_validate_json(sys.stdin.readline())
        reporter.say(compute(request, reporter))
    except FumehoodError as error:
        reporter.say({"error": {"code": error.code, "message": str(error)}})
        return 1
    return 0


def compute(request: HoldoutRequest, reporter: Reporter) -> dict[str, object]:
    """Write the holdout's activations to the request's folder; return the last output line."""
    from fumehood_tools.harvest.batching import DEFAULT_TOKENS
    from fumehood_tools.harvest.engine import open_source
    from fumehood_tools.harvest.shards import Target, shard_sizes, write_array, write_split

    own, folder, subject = request.activations, request.folder, request.subject
    sites = [Site(layer=subject.layer, site=subject.site)]
    if request.writes is not None:
        sites.append(Site(layer=subject.layer, site=request.writes))
    reporter.note("loading", f"Loading {subject.name} in {own.dtype}")
    source = open_source(subject, sites, request.cache, own.dtype, request.device)
    reporter.note("tokens", "Choosing documents")
    found = _rows(request, source)
    _check_own(found, own.folder)
    write_array(folder / EVAL_TOKENS, found.rows)
    write_json(folder / DOCUMENTS, {"train": found.used, "eval": found.unseen})
    total = sum(shard_sizes(found.rows))
    phase = reporter.phase("activations", total)
    batch = own.batch_tokens or DEFAULT_TOKENS
    # The folder of each site: the second one is of what variants predict.
    into = [
        Target(one, place) for one, place in zip(sites, (folder, folder / TARGETS), strict=False)
    ]
    shards, *others = write_split(found.rows, into, source.reader, batch, phase)
    held = _held(own, folder, shards, total)
    targets = request.targets and _held(request.targets, folder, others[0], total)
    return {
        "activations": held.model_dump(mode="json"),
        "targets": targets and targets.model_dump(mode="json"),
        "documents": len(found.unseen),
    }


def _held(own: Activations, folder: Path, shards: tuple[Path, ...], total: int) -> Activations:
    """Return the activations of the holdout; own: those of the sandbox at the same site."""
    return own.model_copy(
        update={
            "digest": "holdout",
            "eval_shards": shards,
            "eval_tokens_file": folder / EVAL_TOKENS,
            "documents_file": folder / DOCUMENTS,
            "eval_tokens": total,
        }
    )


def _rows(request: HoldoutRequest, source: "Source") -> UnseenRows:
    """Return the rows of the holdout: of unseen documents, or another stream of the generator."""
    from fumehood_tools.harvest.engine import SyntheticReader
    from fumehood_tools.harvest.tokens import make_rows, sampled_documents, sampled_rows

    corpus = request.corpus
    if source.encoder is not None:
        return unseen_rows(corpus, source.encoder, request.seed, request.others)
    assert isinstance(source.reader, SyntheticReader)
    own = make_rows(corpus, source)
    rows = sampled_rows(source.reader.subject, corpus.context, holdout_tokens(corpus), request.seed)
    used = sorted({*own.documents.train, *own.documents.evaluation})
    return UnseenRows(own, used, rows, sampled_documents(rows))


def _check_own(found: UnseenRows, folder: Path) -> None:
    """Raise RunFailed if the sandbox's rows are not those that its documents give today."""
    import numpy as np

    from fumehood_tools.harvest.shards import read_array

    stored = read_array(folder / TRAIN_TOKENS), read_array(folder / EVAL_TOKENS)
    for own, kept in zip((found.own.train, found.own.evaluation), stored, strict=True):
        if not np.array_equal(own, kept):
            raise RunFailed(
                "The corpus is no longer the one that the sandbox's SAEs were trained on, so "
                "nobody can tell which documents they have seen. Restore it, or run the plan "
                "again in a new sandbox."
            )


if __name__ == "__main__":
    sys.exit(main())

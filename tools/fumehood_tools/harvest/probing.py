"""Build sparse-probing artifacts: the files sae-bench reads before it touches a model.

{"train": {class: x_BTD}, "test": {class: x_BTD}, "llm_results": {key: {class: accuracy}}}, float32:
sae-bench hands the tensors to `sae.encode` as they are, and a float32 SAE takes no other dtype.
Rows of BOS, EOS and padding are zero: sae-bench leaves zero rows out of its means.
B = texts, T = context, D = d_model.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fumehood_tools.corpora.probing import labelled_texts
from fumehood_tools.files import replacing
from fumehood_tools.harvest.engine import Source, SyntheticReader, TextEncoder
from fumehood_tools.harvest.records import artifact
from fumehood_tools.harvest.reporting import Phase, Reporter
from fumehood_tools.harvest.shards import BATCH_TOKENS
from fumehood_tools.sandbox.spec import ScoringSpec
from fumehood_tools.subjects.synthetic import TOPICS

_PROBE_SEED = 42
_TOP_K = (1, 2, 5)
# Tokens are rarely longer; where they are, the whole text is tokenised.
_CHARACTERS_PER_TOKEN = 16
_SYNTHETIC_SEEDS = (100, 200)

Ids = list[list[int]]


class ClassIds(NamedTuple):
    """Token ids of one class, without BOS, at most context - 1 per text."""

    train: Ids
    test: Ids


def build_artifacts(
    tasks: Sequence[str], scoring: ScoringSpec, source: Source, folder: Path, reporter: Reporter
) -> None:
    """Write `<task>_activations.pt` for each task, one after the other, each atomically.

    Raises CorpusTooSmall, PartMissing, RunFailed, StorageFailed.
    """
    reporter.note("probing", f"Tokenising {len(tasks)} probing tasks")
    ids = {task: _task_ids(task, scoring, source) for task in tasks}
    total = sum(
        len(one) + 1 for classes in ids.values() for pair in classes.values() for part in pair
        for one in part
    )  # fmt: skip
    phase = reporter.phase("probing", total)
    for task, classes in ids.items():
        sides: dict[str, dict[str, Tensor]] = {"train": {}, "test": {}}
        for name, (train, test) in classes.items():
            sides["train"][name] = _read(train, scoring.probing_context, source, phase)
            sides["test"][name] = _read(test, scoring.probing_context, source, phase)
        reporter.note("probing", f"Training probes on the model's own activations: {task}")
        results = probe_model(sides["train"], sides["test"])
        _save({**sides, "llm_results": results}, artifact(folder, task))


def mean_over_tokens(x_BTD: Tensor) -> Tensor:
    """Return x_BD, the mean over rows that are not zero (sae-bench: create_meaned_model_…)."""
    used_BT = (x_BTD.sum(-1) != 0).to(x_BTD.dtype)
    return x_BTD.sum(1) / used_BT.sum(1, keepdim=True)


def probe_model(train: dict[str, Tensor], test: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """Return the accuracy of probes on the model's own activations, by sae-bench's own code."""
    # Its type checks reject top-k probes under the pinned jaxtyping and beartype.
    import jaxtyping

    jaxtyping.config.update("jaxtyping_disable", True)
    means: list[dict[str, Tensor]] = [
        {name: mean_over_tokens(x_BTD) for name, x_BTD in side.items()} for side in (train, test)
    ]
    with warnings.catch_warnings():
        # sae-bench names scikit-learn's penalty in a way that is going out of use.
        warnings.simplefilter("ignore", FutureWarning)
        results = _train_probes(means)
    return {
        key: {name: float(value) for name, value in found.items()} for key, found in results.items()
    }


def _train_probes(means: list[dict[str, Tensor]]) -> dict[str, dict[str, float]]:
    from sae_bench.evals.sparse_probing.probe_training import train_probe_on_activations

    torch.manual_seed(_PROBE_SEED)
    whole: dict[str, Any] = {"use_sklearn": False, "batch_size": 250, "epochs": 100, "lr": 1e-2}
    _, accuracy = train_probe_on_activations(*means, select_top_k=None, **whole)
    results = {"llm_test_accuracy": accuracy}
    for k in _TOP_K:
        _, accuracy = train_probe_on_activations(*means, select_top_k=k)
        results[f"llm_top_{k}_test_accuracy"] = accuracy
    return results


def _task_ids(task: str, scoring: ScoringSpec, source: Source) -> dict[str, ClassIds]:
    keep = scoring.probing_context - 1
    if source.encoder is None:
        return _synthetic_ids(scoring, source)
    texts = labelled_texts(task, scoring.probing_train, scoring.probing_test)
    return {
        name: ClassIds(*(_first_ids(part, keep, source.encoder) for part in pair))
        for name, pair in texts.items()
    }


def _first_ids(texts: Sequence[str], keep: int, encoder: TextEncoder) -> Ids:
    """Return the first `keep` ids of each text, without tokenising what follows them."""
    limit = keep * _CHARACTERS_PER_TOKEN
    ids = encoder.encode([text[:limit] for text in texts])
    again = [
        number
        for number, (text, found) in enumerate(zip(texts, ids, strict=True))
        if len(text) > limit and len(found) <= keep
    ]
    whole = encoder.encode([texts[number] for number in again]) if again else []
    for number, found in zip(again, whole, strict=True):
        ids[number] = found
    return [found[:keep] for found in ids]


def _synthetic_ids(scoring: ScoringSpec, source: Source) -> dict[str, ClassIds]:
    assert isinstance(source.reader, SyntheticReader)
    subject, context = source.reader.subject, scoring.probing_context

    def sample(count: int, topic: int, seed: int) -> Ids:
        rows = subject.sample_documents(count, context, seed + topic, context - 1, topic)
        ids: Ids = rows[:, 1:].tolist()
        return ids

    train, test = _SYNTHETIC_SEEDS
    return {
        f"topic_{topic}": ClassIds(
            sample(scoring.probing_train, topic, train), sample(scoring.probing_test, topic, test)
        )
        for topic in range(TOPICS)
    }


def _read(ids: Ids, context: int, source: Source, phase: Phase) -> Tensor:
    """Return x_BTD with zero rows for special tokens; texts of like length share a batch."""
    special = source.encoder.special if source.encoder else frozenset({source.bos})
    pad = source.encoder.pad if source.encoder else source.bos
    x_BTD = torch.zeros(len(ids), context, source.reader.d_model)
    order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
    batch = max(1, BATCH_TOKENS // context)
    for start in range(0, len(order), batch):
        numbers = order[start : start + batch]
        width = 1 + len(ids[numbers[-1]])
        rows = [[source.bos, *ids[n], *[pad] * (width - 1 - len(ids[n]))] for n in numbers]
        tokens_BT = torch.tensor(rows)
        found_BTD = source.reader.read(tokens_BT)
        found_BTD[torch.isin(tokens_BT, torch.tensor(sorted(special)))] = 0
        x_BTD[torch.tensor(numbers), :width] = found_BTD
        phase.advance(sum(len(ids[n]) + 1 for n in numbers))
    return x_BTD


def _save(content: dict[str, Any], path: Path) -> None:
    """Replace path atomically with a file that torch.load(weights_only=True) reads."""
    with replacing(path) as file:
        torch.save(content, file)

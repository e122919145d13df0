"""Build sparse-probing artifacts: files from which sae-bench probes an SAE without a model.

Content: {"train": {class: x_BTD}, "test": {class: x_BTD}, "llm_results": {key: {class: accuracy}}}.
The tensors are float32, because sae-bench passes them to `sae.encode` unchanged and a float32 SAE
accepts nothing else. Rows of BOS, EOS and padding are zero, because sae-bench excludes zero rows
from its means. B = texts, T = context, D = d_model.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fumehood_tools.corpora.probing import labelled_texts
from fumehood_tools.files import replacing
from fumehood_tools.harvest.engine import Source, SyntheticReader, TextEncoder
from fumehood_tools.harvest.records import Site, artifact
from fumehood_tools.harvest.reporting import Phase, Reporter
from fumehood_tools.spec import ScoringSpec
from fumehood_tools.subjects.synthetic import TOPICS

_PROBE_SEED = 42
_TOP_K = (1, 2, 5)
_SIDES = ("train", "test")
# Texts are cut to this many characters per token, and tokenized whole if that was too short.
_CHARACTERS_PER_TOKEN = 16
_SYNTHETIC_SEEDS = (100, 200)

Ids = list[list[int]]
Sides = dict[str, dict[str, Tensor]]


class _Text(NamedTuple):
    """One labeled text: where its activations go, and at most context - 1 ids, without BOS."""

    side: str
    name: str
    row: int
    ids: list[int]


class Wanted(NamedTuple):
    """The tasks that are missing in a site's folder."""

    site: Site
    folder: Path
    tasks: tuple[str, ...]


def build_artifacts(
    wanted: Sequence[Wanted],
    scoring: ScoringSpec,
    source: Source,
    batch_tokens: int,
    reporter: Reporter,
) -> None:
    """Write `<task>_activations.pt` for each task, one after another, each atomically.

    If a task is missing for several sites, one forward pass serves all of them. Raises
    CorpusTooSmall, PartMissing, RunFailed, StorageFailed.
    """
    tasks = tuple(dict.fromkeys(task for one in wanted for task in one.tasks))
    reporter.note("probing", f"Tokenizing {len(tasks)} probing tasks")
    texts = {task: _task_texts(task, scoring, source) for task in tasks}
    total = sum(len(text.ids) + 1 for part in texts.values() for text in part)
    phase = reporter.phase("probing", total)
    for task in tasks:
        lacking = [one for one in wanted if task in one.tasks]
        read = partial(_read, texts[task], scoring, source, batch_tokens=batch_tokens, phase=phase)
        _build(task, lacking, read, reporter)


def _build(
    task: str,
    lacking: Sequence[Wanted],
    read: Callable[[Sequence[Site]], list[Sides]],
    reporter: Reporter,
) -> None:
    """Write one task's artifacts. A function, so that its activations are freed before the next."""
    for one, sides in zip(lacking, read([one.site for one in lacking]), strict=True):
        reporter.note("probing", f"Training probes on the model's own activations: {task}")
        results = probe_model(sides["train"], sides["test"])
        _save({**sides, "llm_results": results}, artifact(one.folder, task))


def mean_over_tokens(x_BTD: Tensor) -> Tensor:
    """Return x_BD, the mean over positions with a non-zero sum.

    The same as sae-bench's create_meaned_model_activations.
    """
    used_BT = (x_BTD.sum(-1) != 0).to(x_BTD.dtype)
    return x_BTD.sum(1) / used_BT.sum(1, keepdim=True)


def probe_model(train: dict[str, Tensor], test: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """Return the accuracy of probes on the model's own activations, trained by sae-bench."""
    # sae-bench's type checks reject top-k probes with the pinned jaxtyping and beartype.
    import jaxtyping

    jaxtyping.config.update("jaxtyping_disable", True)
    means: list[dict[str, Tensor]] = [
        {name: mean_over_tokens(x_BTD) for name, x_BTD in side.items()} for side in (train, test)
    ]
    with warnings.catch_warnings():
        # sae-bench uses a deprecated argument of scikit-learn.
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


def _task_texts(task: str, scoring: ScoringSpec, source: Source) -> list[_Text]:
    """Return all texts of a task, tokenized, class by class."""
    if source.encoder is None:
        classes = _synthetic_ids(scoring, source)
    else:
        keep, encoder = scoring.probing_context - 1, source.encoder
        classes = {
            name: tuple(_first_ids(part, keep, encoder) for part in pair)
            for name, pair in labelled_texts(
                task, scoring.probing_train, scoring.probing_test
            ).items()
        }
    return [
        _Text(side, name, row, ids)
        for name, pair in classes.items()
        for side, part in zip(_SIDES, pair, strict=True)
        for row, ids in enumerate(part)
    ]


def _first_ids(texts: Sequence[str], keep: int, encoder: TextEncoder) -> Ids:
    """Return the first `keep` ids of each text, without tokenizing much more than that."""
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


def _synthetic_ids(scoring: ScoringSpec, source: Source) -> dict[str, tuple[Ids, ...]]:
    assert isinstance(source.reader, SyntheticReader)
    subject, context = source.reader.subject, scoring.probing_context

    def sample(count: int, topic: int, seed: int) -> Ids:
        rows = subject.sample_documents(count, context, seed + topic, context - 1, topic)
        ids: Ids = rows[:, 1:].tolist()
        return ids

    train, test = _SYNTHETIC_SEEDS
    return {
        f"topic_{topic}": (
            sample(scoring.probing_train, topic, train),
            sample(scoring.probing_test, topic, test),
        )
        for topic in range(TOPICS)
    }


def _read(
    texts: Sequence[_Text],
    scoring: ScoringSpec,
    source: Source,
    sites: Sequence[Site],
    batch_tokens: int,
    phase: Phase,
) -> list[Sides]:
    """Return {side: {class: x_BTD}} for each site, with zero rows for special tokens."""
    special = source.encoder.special if source.encoder else frozenset({source.bos})
    special_S = torch.tensor(sorted(special))
    held = [_zeros(texts, scoring, source.reader.d_model) for _ in sites]
    for batch in _batches(texts, batch_tokens):
        tokens_BT = _padded(batch, source)
        special_BT = torch.isin(tokens_BT, special_S)
        for sides, x_BTD in zip(held, source.reader.read(tokens_BT, sites), strict=True):
            x_BTD[special_BT] = 0
            for text, x_TD in zip(batch, x_BTD, strict=True):
                sides[text.side][text.name][text.row, : len(x_TD)] = x_TD
        phase.advance(sum(len(text.ids) + 1 for text in batch))
    return held


def _zeros(texts: Sequence[_Text], scoring: ScoringSpec, d_model: int) -> Sides:
    counts = {"train": scoring.probing_train, "test": scoring.probing_test}
    names = dict.fromkeys(text.name for text in texts)
    return {
        side: {name: torch.zeros(counts[side], scoring.probing_context, d_model) for name in names}
        for side in _SIDES
    }


def _batches(texts: Sequence[_Text], batch_tokens: int) -> Iterator[list[_Text]]:
    """Yield batches of texts of similar length, of at most batch_tokens including padding."""
    batch: list[_Text] = []
    for text in sorted(texts, key=lambda text: len(text.ids)):
        if batch and (len(batch) + 1) * (len(text.ids) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(text)
    yield batch


def _padded(batch: Sequence[_Text], source: Source) -> Tensor:
    """Return tokens_BT: BOS, the text, then padding."""
    pad = source.encoder.pad if source.encoder else source.bos
    width = max(len(text.ids) for text in batch)
    return torch.tensor(
        [[source.bos, *text.ids, *[pad] * (width - len(text.ids))] for text in batch]
    )


def _save(content: dict[str, Any], path: Path) -> None:
    """Write `path` atomically, in a form that torch.load(weights_only=True) can read."""
    with replacing(path) as file:
        torch.save(content, file)

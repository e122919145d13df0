"""What evaluations get, as files: inside/fumehood_evaluation/context.py reads them.

The folder `data` has what all SAEs of a job share. For each SAE there are four more folders: its
own latents, the same in another order, shuffled, and random ones of another density.

N = rows, D = d_model, F = dictionary size, A = active latents, G = planted features, T = texts.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from fumehood_tools.evaluations.judging import CHANGED
from fumehood_tools.harvest.shards import read_array
from fumehood_tools.scoring.probing_texts import Means
from fumehood_tools.scoring.reconstruction_run import EvaluationRows
from fumehood_tools.scoring.requests import ScoringSetup

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fumehood_tools.evaluations.encoding import Encoded

    Array = NDArray[Any]

_DEAD, _DENSE = 0.5, 0.05
"""Shares of latents that are dead and dense among the random ones of another density."""


class TaskArrays(NamedTuple):
    """Mean latents [T, F] and labels [T] of one task's training and test texts."""

    train: "Array"
    train_labels: "Array"
    test: "Array"
    test_labels: "Array"
    classes: tuple[str, ...]


class Latented(NamedTuple):
    """What belongs to one SAE. latent: the number of the latent of each value. W, b: None for a
    nonlinear decoder."""

    start: "Array"
    latent: "Array"
    value: "Array"
    dict_size: int
    W: "Array | None"
    b: "Array | None"
    tasks: dict[str, TaskArrays]
    siblings: "tuple[Array, ...]"

    @property
    def rows(self) -> int:
        """The number of rows, N."""
        return len(self.start) - 1

    def alive(self) -> "Array":
        """Return whether each latent is active in any row, bool [F]."""
        return np.bincount(self.latent, minlength=self.dict_size) > 0


def latented(encoded: "Encoded", siblings: "Sequence[Array]") -> Latented:
    """Return an SAE's part of the material."""
    tasks = {name: _task(*sides) for name, sides in encoded.tasks.items()}
    return Latented(
        encoded.start_N1,
        encoded.index_A,
        encoded.value_A,
        encoded.dict_size,
        encoded.W_FD,
        encoded.b_D,
        tasks,
        tuple(siblings),
    )


def _task(train: Means, test: Means) -> TaskArrays:
    classes = tuple(train)
    (f, labels), (test_f, test_labels) = (_side(side, classes) for side in (train, test))
    return TaskArrays(f, labels, test_f, test_labels, classes)


def _side(side: Means, classes: Sequence[str]) -> "tuple[Array, Array]":
    """Return the mean latents of all classes, and the number of the class of each text."""
    counts = [len(side[label]) for label in classes]
    rows = torch.cat([side[label] for label in classes]).numpy()
    return rows, np.repeat(np.arange(len(classes)), counts)


def permuted(given: Latented, draw: np.random.Generator) -> Latented:
    """Return the same SAE with its latents in another order, each value changed by up to 0.1 %."""
    order = draw.permutation(given.dict_size)
    place = np.argsort(order)

    def changed(values: "Array") -> "Array":
        near = 1 + draw.uniform(-CHANGED, CHANGED, values.shape).astype(np.float32)
        return np.asarray(values * near, dtype=np.float32)

    start, index, value = given.start, place[given.latent], changed(given.value)
    row = np.repeat(np.arange(given.rows), np.diff(start))
    sorted_A = np.lexsort((index, row))
    tasks = {
        name: task._replace(train=changed(task.train[:, order]), test=changed(task.test[:, order]))
        for name, task in given.tasks.items()
    }
    return given._replace(
        latent=index[sorted_A].astype(np.int32),
        value=value[sorted_A],
        W=None if given.W is None else given.W[order],
        tasks=tasks,
    )


def shuffled(given: Latented, draw: np.random.Generator) -> Latented:
    """Return latents of the same density and sizes that say nothing about the rows.

    The values of each latent are moved to random rows, and decoder rows are random directions of
    the same lengths.
    """
    by_latent = np.argsort(given.latent, kind="stable")
    counts = np.bincount(given.latent, minlength=given.dict_size)
    rows = [draw.choice(given.rows, count, replace=False) for count in counts]
    row = np.concatenate(rows) if len(by_latent) else by_latent
    tasks = {
        name: task._replace(train=_mixed(task.train, draw), test=_mixed(task.test, draw))
        for name, task in given.tasks.items()
    }
    index, value = given.latent[by_latent], given.value[by_latent]
    return _by_row(given, row, index, value)._replace(W=_random_rows(given.W, draw), tasks=tasks)


def random_latents(given: Latented, draw: np.random.Generator) -> Latented:
    """Return latents of another density: half are dead, one in twenty is dense, the rest is rare.

    They have nothing of the SAE but its sizes.
    """
    F, N = given.dict_size, given.rows
    chance = np.full(F, 2e-3)
    kind = draw.permutation(F)
    chance[kind[: int(_DEAD * F)]] = 0
    chance[kind[-max(1, int(_DENSE * F)) :]] = 0.3
    counts = draw.binomial(N, chance)
    row = np.concatenate([draw.choice(N, count, replace=False) for count in counts])
    index = np.repeat(np.arange(F, dtype=np.int32), counts)
    value = draw.exponential(1, len(index)).astype(np.float32)
    tasks = {
        name: task._replace(
            train=draw.random(task.train.shape, dtype=np.float32),
            test=draw.random(task.test.shape, dtype=np.float32),
        )
        for name, task in given.tasks.items()
    }
    return _by_row(given, row, index, value)._replace(W=_random_rows(given.W, draw), tasks=tasks)


def _by_row(given: Latented, row: "Array", index: "Array", value: "Array") -> Latented:
    order = np.lexsort((index, row))
    counts = np.bincount(row, minlength=given.rows)
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return given._replace(start=start, latent=index[order].astype(np.int32), value=value[order])


def _mixed(side: "Array", draw: np.random.Generator) -> "Array":
    return draw.permuted(side, axis=0)


def _random_rows(W: "Array | None", draw: np.random.Generator) -> "Array | None":
    if W is None:
        return None
    rows = draw.standard_normal(W.shape).astype(np.float32)
    rows *= np.linalg.norm(W, axis=1, keepdims=True) / np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def write_given(given: Latented, folder: Path) -> Path:
    """Write an SAE's part into a new folder and return it."""
    folder.mkdir(parents=True)
    arrays = {"start": given.start, "index": given.latent, "value": given.value}
    arrays["alive"] = given.alive()
    if given.W is not None and given.b is not None:
        arrays |= {"W": given.W, "b": given.b}
    arrays |= {f"sibling{number}": W for number, W in enumerate(given.siblings)}
    for number, task in enumerate(given.tasks.values()):
        parts = zip(task._fields[:4], task[:4], strict=True)
        arrays |= {f"task{number}_{name}": part for name, part in parts}
    _write(folder, arrays)
    facts = {
        "dict_size": given.dict_size,
        "linear": given.W is not None,
        "siblings": len(given.siblings),
        "tasks": {name: list(task.classes) for name, task in given.tasks.items()},
    }
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def write_data(
    setup: ScoringSetup, kept: int, seed: int, vocabulary: Sequence[str], folder: Path
) -> Path:
    """Write what all SAEs share into a new folder and return it. kept: the number of rows, N."""
    folder.mkdir(parents=True)
    body = setup.spec.corpus.context - 1
    tokens = read_array(setup.activations.eval_tokens_file)[: kept // body]
    numbers = np.arange(kept)
    arrays = {
        "x": EvaluationRows(setup.activations).read(numbers).numpy(),
        "tokens": tokens[:, 1:].reshape(-1).astype(np.int32),
        "passage": numbers // body,
    }
    if setup.targets is not None:
        arrays["y"] = EvaluationRows(setup.targets).read(numbers).numpy()
    planted = _planted(setup, tokens)
    _write(folder, arrays | planted)
    facts = {
        "seed": seed,
        "has_targets": setup.targets is not None,
        "planted": bool(planted),
        "vocabulary": list(vocabulary),
    }
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def _planted(setup: ScoringSetup, tokens: "Array") -> "dict[str, Array]":
    """Return the truth of the synthetic subject; nothing for other subjects.

    A transcoder predicts the planted MLP, whose features are the answers of its neurons.
    """
    from fumehood_tools.subjects.catalogue import SYNTHETIC
    from fumehood_tools.subjects.synthetic import SyntheticSubject

    if setup.spec.subject.name != SYNTHETIC:
        return {}
    subject, tokens_BT = SyntheticSubject(), torch.from_numpy(tokens.astype(np.int64))
    with torch.no_grad():
        features_BTG = subject.features(tokens_BT)
        if setup.targets is not None:
            u_BTD = subject.mlp_in(tokens_BT)
            features_BTG = torch.relu(u_BTD @ subject.W_in_DG + subject.b_in_G)
    features = features_BTG[:, 1:].reshape(-1, features_BTG.shape[-1]).numpy()
    return {"directions": subject.dictionary.numpy(), "features": features.astype(np.float32)}


def _write(folder: Path, arrays: "dict[str, Array]") -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)

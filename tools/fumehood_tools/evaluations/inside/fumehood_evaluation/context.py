"""What an evaluation receives besides the latents. The arrays are read-only.

N = rows, D = d_model, F = dictionary size, G = planted features, T = texts of a probing task.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Planted:
    """The ground truth of the synthetic subject.

    Its activations are x = features @ directions + constant + small noise.
    """

    directions: "NDArray[np.float32]"
    """Unit vectors [G, D]."""
    features: "NDArray[np.float32]"
    """Coefficients of every row [N, G]; 0 where a feature is absent."""


@dataclass(frozen=True)
class Task:
    """A probing task: mean latents of labeled texts, over the tokens of each text."""

    train: "NDArray[np.float32]"
    """[T, F]."""
    train_labels: "NDArray[np.int64]"
    test: "NDArray[np.float32]"
    test_labels: "NDArray[np.int64]"
    classes: tuple[str, ...]
    """The name of each label."""


@dataclass(frozen=True)
class Context:
    """Everything about the rows, the dictionary and the subject that an evaluation may use.

    The name of the variant, its file and its score are not here. Fields that are not in the file's
    NEEDS are None or empty.
    """

    x: "NDArray[np.float32]"
    """Activations that are encoded, raw units [N, D]."""
    y: "NDArray[np.float32]"
    """Activations that are predicted [N, D]: the same as x, except for a transcoder."""
    tokens: "NDArray[np.int32]"
    """The token at each row [N]."""
    passage: "NDArray[np.int64]"
    """The passage of each row [N]. Rows of a passage are consecutive tokens of one document."""
    W: "NDArray[np.float32] | None"
    """The decoder's rows [F, D]; None for a nonlinear decoder."""
    b: "NDArray[np.float32] | None"
    """The decoder's constant [D]; None for a nonlinear decoder."""
    alive: "NDArray[np.bool_]"
    """Whether each latent is active in any row [F]."""
    d_model: int
    dict_size: int
    seed: int
    """The same for every SAE. Random numbers of numpy, random and torch start from it already."""
    vocabulary: tuple[str, ...] = ()
    """NEEDS "vocabulary": the text of each token of a language model."""
    planted: Planted | None = None
    """NEEDS "planted": the truth, which only the synthetic subject has."""
    probing: Mapping[str, Task] | None = None
    """NEEDS "probing": the sparse-probing tasks by name."""
    siblings: "tuple[NDArray[np.float32], ...]" = ()
    """NEEDS "siblings": decoders [F, D] of the same variant trained with other seeds."""


def read_context(data: Path, given: Path) -> Context:
    """Return the context in two folders: what all SAEs share, and what belongs to one."""
    shared, own = (
        json.loads((folder / "facts.json").read_text(encoding="utf-8")) for folder in (data, given)
    )
    x = _array(data, "x")
    tasks = {
        name: _task(given, number, told) for number, (name, told) in enumerate(own["tasks"].items())
    }
    return Context(
        x=x,
        y=_array(data, "y") if shared["has_targets"] else x,
        tokens=_array(data, "tokens"),
        passage=_array(data, "passage"),
        W=_array(given, "W") if own["linear"] else None,
        b=_array(given, "b") if own["linear"] else None,
        alive=_array(given, "alive"),
        d_model=x.shape[1],
        dict_size=own["dict_size"],
        seed=shared["seed"],
        vocabulary=tuple(shared["vocabulary"]),
        planted=_planted(data) if shared["planted"] else None,
        probing=tasks or None,
        siblings=tuple(_array(given, f"sibling{number}") for number in range(own["siblings"])),
    )


def _planted(data: Path) -> Planted:
    return Planted(_array(data, "directions"), _array(data, "features"))


def _task(given: Path, number: int, classes: list[str]) -> Task:
    names = ("train", "train_labels", "test", "test_labels")
    f, labels, test_f, test_labels = (_array(given, f"task{number}_{name}") for name in names)
    return Task(f, labels, test_f, test_labels, tuple(classes))


def _array(folder: Path, name: str) -> Any:
    return np.load(folder / f"{name}.npy", mmap_mode="r")

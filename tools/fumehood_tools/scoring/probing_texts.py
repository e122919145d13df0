"""The probed activations of one job: read once, shared by all SAEs.

The rows that count are mapped from a file (`row_file.py`), rounded as the evaluation split is in
its files: a longer mantissa would tell an encoder that a row is one of a probing text. Rows of BOS,
EOS and padding are zero, and sae-bench leaves zero rows out of its means.

T = texts of a task, D = d_model, N = rows that count, B = rows of a request, F = dictionary size.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from fumehood_tools.harvest import Probing
from fumehood_tools.harvest.records import artifact
from fumehood_tools.scoring.latents import Latents
from fumehood_tools.scoring.row_file import RowWriter

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Means = dict[str, "Tensor"]
"""Label -> mean latents of its texts, float32 [texts, F]."""


class Texts(NamedTuple):
    """The texts of one class on one side; all texts of a task are numbered in one row."""

    side: str
    label: str
    first: int
    last: int


class Task(NamedTuple):
    """A probing task: rows and the text of each, and what probes on the activations reach."""

    x_ND: "Tensor"
    text_N: "Tensor"
    classes: list[Texts]
    subject_results: dict[str, dict[str, float]]

    @property
    def texts(self) -> int:
        """How many texts: T."""
        return self.classes[-1].last


class ProbingTexts:
    """Reads tasks from sae-bench's artifact files, each when it is first asked for.

    stored: the type in which the evaluation split is stored. scratch: where files are made for the
    rows that count.
    """

    def __init__(self, probing: Probing, stored: "np.dtype[Any]", scratch: Path) -> None:
        self.folder, self.names, self.scratch = Path(probing.folder), probing.tasks, scratch
        self.dtype = torch.float16 if stored == np.float16 else torch.float32
        self._tasks: dict[str, Task] = {}

    def task(self, name: str) -> Task:
        """Return a task by its name."""
        if name not in self._tasks:
            content = torch.load(artifact(self.folder, name), mmap=True, weights_only=True)
            self._tasks[name] = _task(content, self.dtype, self.scratch)
        return self._tasks[name]


def _task(content: Mapping[str, Any], dtype: torch.dtype, scratch: Path) -> Task:
    """Return a task of an artifact. Raises StorageFailed when the disk is full."""
    rows, numbers, classes = RowWriter(scratch), [], []
    most, first = torch.finfo(dtype).max, 0
    for side in ("train", "test"):
        for label, x_TCD in content[side].items():
            text_N, place_N = (x_TCD.sum(-1) != 0).nonzero(as_tuple=True)
            rows.append(x_TCD[text_N, place_N].clamp(-most, most).to(dtype))
            numbers.append(first + text_N)
            classes.append(Texts(side, label, first, first + len(x_TCD)))
            first += len(x_TCD)
    return Task(rows.mapped(), torch.cat(numbers), classes, content["llm_results"])


class TaskRows:
    """The texts of a task as a source of the encoder's stream: all classes, training and test."""

    def __init__(self, name: str, task: Task, scale: float, dict_size: int) -> None:
        self.name, self.task = name, task
        self._scale = scale
        self._sum_TF = torch.zeros(task.texts, dict_size)

    @property
    def rows(self) -> int:
        """How many rows count, of all texts."""
        return len(self.task.x_ND)

    def read(self, number_B: "NDArray[np.int64]") -> "Tensor":
        """Return rows in normalised space."""
        x_BD = self.task.x_ND.index_select(0, torch.from_numpy(number_B))
        return x_BD.float().div_(self._scale)

    def take(self, number_B: "NDArray[np.int64]", f: Latents) -> None:
        """Add a request's latents to the sums of their texts."""
        text_B = self.task.text_N[torch.from_numpy(number_B)]
        if f.dense_NF is not None:
            self._sum_TF.index_add_(0, text_B, f.dense_NF.float())
            return
        place_A = text_B[f.row_A()] * f.dict_size + f.index_A
        self._sum_TF.view(-1).index_add_(0, place_A, f.value_A.float())

    def means(self) -> tuple[Means, Means]:
        """Return the mean latents of every class for training and for test, in raw units.

        As sae-bench sees latents: times the scale of the activations. The sums are given up.
        """
        count_T = torch.bincount(self.task.text_N, minlength=self.task.texts)
        mean_TF = self._sum_TF.mul_(self._scale).div_(count_T[:, None])
        found: dict[str, Means] = {"train": {}, "test": {}}
        for part in self.task.classes:
            found[part.side][part.label] = mean_TF[part.first : part.last]
        return found["train"], found["test"]

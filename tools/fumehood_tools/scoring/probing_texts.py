"""The probed activations of one job. They are read once and shared by all SAEs.

Activations are mapped from a file (`row_file.py`) and rounded to the type of the stored evaluation
split; more digits would tell an encoder that a row belongs to a probing text. Rows of BOS, EOS and
padding are zero. They are left out here, as sae-bench leaves them out of its means.

T = texts of a task, D = d_model, N = rows of a task, B = rows of a request, F = dictionary size.
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
"""Mean latents of texts by label, float32 [texts, F]."""


class Texts(NamedTuple):
    """The texts of one class on one side. All texts of a task are numbered consecutively."""

    side: str
    label: str
    first: int
    last: int


class Task(NamedTuple):
    """A probing task: rows, the text of each row, and accuracies of probes on the activations."""

    x_ND: "Tensor"
    text_N: "Tensor"
    classes: list[Texts]
    subject_results: dict[str, dict[str, float]]

    @property
    def texts(self) -> int:
        """The number of texts, T."""
        return self.classes[-1].last


class ProbingTexts:
    """Reads tasks from sae-bench's artifact files when they are first asked for.

    stored: the type in which the evaluation split is stored. scratch: a folder for files with rows.
    """

    def __init__(self, probing: Probing, stored: "np.dtype[Any]", scratch: Path) -> None:
        self.folder, self.names, self.scratch = Path(probing.folder), probing.tasks, scratch
        self.dtype = torch.float16 if stored == np.float16 else torch.float32
        self._tasks: dict[str, Task] = {}

    def task(self, name: str) -> Task:
        """Return the task with this name. Raises StorageFailed when the disk is full."""
        if name not in self._tasks:
            content = torch.load(artifact(self.folder, name), mmap=True, weights_only=True)
            self._tasks[name] = _task(content, self.dtype, self.scratch)
        return self._tasks[name]


def _task(content: Mapping[str, Any], dtype: torch.dtype, scratch: Path) -> Task:
    """Return the task in an artifact. Raises StorageFailed when the disk is full."""
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

    def __init__(
        self, name: str, task: Task, scale: float, dict_size: int, out_scale: float
    ) -> None:
        """scale: of the rows. out_scale: of what the latents reconstruct; an SAE's is the same."""
        self.name, self.task = name, task
        self._scale, self._out_scale = scale, out_scale
        self._sum_TF = torch.zeros(task.texts, dict_size)

    @property
    def rows(self) -> int:
        """The number of rows of all texts."""
        return len(self.task.x_ND)

    def read(self, number_B: "NDArray[np.int64]") -> "Tensor":
        """Return normalized rows."""
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
        """Return the mean latents of the training and test texts by class, in raw units.

        Raw units are those of sae-bench: latents times the scale of what they reconstruct. Call it
        once: it overwrites the sums.
        """
        count_T = torch.bincount(self.task.text_N, minlength=self.task.texts)
        mean_TF = self._sum_TF.mul_(self._out_scale).div_(count_T[:, None])
        found: dict[str, Means] = {"train": {}, "test": {}}
        for part in self.task.classes:
            found[part.side][part.label] = mean_TF[part.first : part.last]
        return found["train"], found["test"]

"""The probed activations of one job: read once, shared by all SAEs.

They stay in the files that the harvest wrote (mapped, not copied); kept besides is which of their
rows count. Rows of BOS, EOS and padding are zero, and sae-bench leaves zero rows out of its means.

T = texts of a class, C = context, D = d_model, N = rows that count, B = rows of a request,
F = dictionary size.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from fumehood_tools.harvest import Probing
from fumehood_tools.harvest.records import artifact

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Means = dict[str, "Tensor"]
"""Label -> mean latents of its texts, float32 [T, F]."""


class Texts(NamedTuple):
    """The texts of one class: all rows, and the numbers of those that count, in order."""

    x_RD: "Tensor"
    row_N: "Tensor"
    context: int

    @property
    def texts(self) -> int:
        """How many texts: T."""
        return len(self.x_RD) // self.context

    def rows_per_text(self) -> "Tensor":
        """Return how many rows count in each text, float32 [T]."""
        return torch.bincount(self.row_N // self.context, minlength=self.texts).float()


class Task(NamedTuple):
    """A probing task: texts by class, and what probes on the subject's own activations reach."""

    train: dict[str, Texts]
    test: dict[str, Texts]
    subject_results: dict[str, dict[str, float]]


class ProbingTexts:
    """Reads tasks from sae-bench's artifact files, each when it is first asked for."""

    def __init__(self, probing: Probing) -> None:
        self.folder, self.names = Path(probing.folder), probing.tasks
        self._tasks: dict[str, Task] = {}

    def task(self, name: str) -> Task:
        """Return a task by its name."""
        if name not in self._tasks:
            content = torch.load(artifact(self.folder, name), mmap=True, weights_only=True)
            train, test = (
                {label: _texts(x_TCD) for label, x_TCD in content[side].items()}
                for side in ("train", "test")
            )
            self._tasks[name] = Task(train, test, content["llm_results"])
        return self._tasks[name]


def _texts(x_TCD: "Tensor") -> Texts:
    counts_R = (x_TCD.sum(-1) != 0).flatten()
    return Texts(x_TCD.flatten(0, 1), counts_R.nonzero().flatten(), x_TCD.shape[1])


class TaskRows:
    """The texts of a task as a source of the encoder's stream: all classes, training and test.

    Activations are rounded as the evaluation split's are in their files: a longer mantissa would
    tell that a row is one of a probing text.
    """

    def __init__(
        self, name: str, task: Task, scale: float, stored: "np.dtype[np.generic]", dict_size: int
    ) -> None:
        self.name, self._scale = name, scale
        self._half = stored == np.float16
        self._sides = [("train", label) for label in task.train]
        self._sides += [("test", label) for label in task.test]
        self._texts = [*task.train.values(), *task.test.values()]
        self._ends = np.cumsum([len(texts.row_N) for texts in self._texts])
        self._sums = [torch.zeros(texts.texts, dict_size) for texts in self._texts]

    @property
    def rows(self) -> int:
        """How many rows count, of all texts."""
        return int(self._ends[-1])

    def _parts(self, number_B: "NDArray[np.int64]") -> "list[tuple[int, slice, Tensor]]":
        """Return (class, place in the request, rows within the class); the numbers ascend."""
        cuts = [0, *np.searchsorted(number_B, self._ends)]
        found = []
        for place, (begin, end) in enumerate(zip(cuts, cuts[1:], strict=False)):
            if end > begin:
                row_N = self._texts[place].row_N
                within = number_B[begin:end] - (self._ends[place] - len(row_N))
                found.append((place, slice(int(begin), int(end)), row_N[torch.from_numpy(within)]))
        return found

    def read(self, number_B: "NDArray[np.int64]") -> "Tensor":
        """Return rows in normalised space."""
        parts = self._parts(number_B)
        x_BD = torch.cat([self._texts[place].x_RD[row_b] for place, _, row_b in parts])
        if self._half:
            most = torch.finfo(torch.float16).max
            x_BD = x_BD.clamp(-most, most).half()
        return x_BD.float() / self._scale

    def take(self, number_B: "NDArray[np.int64]", f_BF: "Tensor") -> None:
        """Add a request's latents to the sums of their texts."""
        for place, part, row_b in self._parts(number_B):
            text_b = row_b // self._texts[place].context
            self._sums[place].index_add_(0, text_b, f_BF[part].float())

    def means(self) -> tuple[Means, Means]:
        """Return the mean latents of every class for training and for test; sums are given up."""
        found: dict[str, Means] = {"train": {}, "test": {}}
        for (side, label), texts, sum_TF in zip(self._sides, self._texts, self._sums, strict=True):
            found[side][label] = sum_TF.div_(texts.rows_per_text()[:, None])
        self._sums = []
        return found["train"], found["test"]

"""The probed activations of one job: read once, shared by all SAEs.

They stay in the files that the harvest wrote (mapped, not copied); kept besides is which of their
rows count. Rows of BOS, EOS and padding are zero, and sae-bench leaves zero rows out of its means.

T = texts of a class, C = context, D = d_model, N = rows that count.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from fumehood_tools.harvest import Probing
from fumehood_tools.harvest.records import artifact

if TYPE_CHECKING:
    from torch import Tensor

ROWS_PER_CALL = 16_384


class Texts(NamedTuple):
    """The texts of one class: all rows, and the numbers of those that count, in order."""

    x_RD: "Tensor"
    row_N: "Tensor"
    context: int

    @property
    def texts(self) -> int:
        """How many texts: T."""
        return len(self.x_RD) // self.context

    def calls(self) -> "Iterator[tuple[Tensor, Tensor]]":
        """Yield copies of rows [n, D] and the number of the text that each belongs to [n]."""
        for start in range(0, len(self.row_N), ROWS_PER_CALL):
            row_n = self.row_N[start : start + ROWS_PER_CALL]
            yield self.x_RD[row_n], row_n // self.context

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

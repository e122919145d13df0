"""The training data of a run, as files for other machines: what is read, and what is predicted."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

from fumehood_tools.harvest import Activations
from fumehood_tools.runs.harvesting import Harvest

PREDICTED = "target-"


class TrainingShards(NamedTuple):
    """The training splits of the activations that are read and, if others, of those predicted.

    Shards of both sites have the same names here, and lie in one folder there.
    """

    inputs: Sequence[Path]
    targets: Sequence[Path] = ()

    @classmethod
    def of(cls, found: Harvest) -> Self:
        """Return the shards of a harvest."""
        return cls.of_sites(found.activations, found.targets)

    @classmethod
    def of_sites(cls, activations: Activations, targets: Activations | None) -> Self:
        """Return the shards of what is read and, if it is another site, of what is predicted."""
        return cls(activations.train_shards, targets.train_shards if targets else ())

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs on another machine."""
        return tuple(path.name for path in self.inputs)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names of the targets on another machine."""
        return tuple(f"{PREDICTED}{path.name}" for path in self.targets)

    def files(self) -> dict[str, Path]:
        """Return name on another machine -> file here."""
        names = (*self.input_names, *self.target_names)
        return dict(zip(names, (*self.inputs, *self.targets), strict=True))

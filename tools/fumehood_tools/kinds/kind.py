"""What a kind of sandbox states about its variants: names of classes and files, sites, baselines.

D = activation_dim, F = dict_size. Everything here is a plain value; nothing imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SiteName = Literal["resid_post", "mlp_in", "mlp_out"]

TRAINER_CLASS = "CustomTrainer"
"""The class in a variant's file that trains, in every kind. It derives from core's BaseTrainer or
from the kind's own base_trainer."""


@dataclass(frozen=True)
class Kind:
    """One kind of sandbox.

    Sites: an SAE reconstructs what it reads, so `reads` and `writes` are None and both sites are
    subject.site of sandbox.toml. A transcoder reads mlp_in and predicts mlp_out.
    """

    name: str
    """The value of `template` in sandbox.toml, and the name of the template's folder."""
    noun: str
    """What one variant trains, in messages: "SAE" or "transcoder"."""
    variant_class: str
    """The class in a variant's file that is scored: encode, decode, and skip where declared."""
    base_class: str
    """The class of core that variant_class starts from, unless it needs another one."""
    base_trainer: str
    """The class of core that CustomTrainer starts from."""
    weights_file: str
    """The file that a training leaves, and that lies next to a score."""
    reads: SiteName | None
    """The site whose activations are encoded; None for subject.site."""
    writes: SiteName | None
    """The site that is predicted; None for the site that is read."""
    parents: Mapping[str, str]
    """Base class of variant_class -> the packaged variant that uses this class unchanged."""
    complete_bases: frozenset[str]
    """Classes of core and of dictionary_learning that have encode and decode."""
    trainer_bases: frozenset[str]
    """Trainers of core that are given this kind's batches: x, or x and targets y."""
    skip_bases: frozenset[str] = frozenset()
    """Classes of core that have a skip path already, so that SKIP = True is enough."""
    probing_site: SiteName | None = None
    """The site at which sparse probing reads rows; None for the site that is read."""
    headline: str = "l0"
    """The metric that variants are matched on: a baseline is compared at the same value."""

    @property
    def derive(self) -> str:
        """The sentence that tells an author how the scored class begins."""
        return f"Write class {self.variant_class}({self.base_class}): … with {self.import_line}."

    @property
    def import_line(self) -> str:
        """The import that every variant of this kind starts with."""
        return f"from core import {self.base_class}, {self.base_trainer}"

    @property
    def has_targets(self) -> bool:
        """Whether what is predicted differs from what is read."""
        return self.reads != self.writes

    def sites(self, site: SiteName) -> tuple[SiteName, SiteName]:
        """Return the site that is read and the site that is predicted, for a subject's site."""
        return self.reads or site, self.writes or site

    def plain_parameters(self, activation_dim: int, dict_size: int) -> int:
        """Return the parameter count of a plain one: two matrices and the encoder's bias.

        The same for both kinds, without a skip path.
        """
        return 2 * activation_dim * dict_size + dict_size

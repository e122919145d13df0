"""Run the harvest in a child process: produce activations and probing data that are missing.

A kind whose variants predict another site than they read needs that site's activations too. Both
are read in the same forward passes, and row n of one belongs to row n of the other.
"""

import filecmp
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

from fumehood_tools.children import HUB_KEYS, LineChild
from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import sha256_of, write_json
from fumehood_tools.harvest import Activations, Probing
from fumehood_tools.jobs import Progress
from fumehood_tools.machine import RealDtype, best_threads, integer_screening
from fumehood_tools.records.scores import Data
from fumehood_tools.scoring.requests import ErrorReport, ScoringSetup
from fumehood_tools.settings import GlassLevel, Settings
from fumehood_tools.spec import SandboxSpec

HARVEST_PATIENCE_S = 6 * 3600.0
"""Longest time without output from a harvest: downloading a large subject prints nothing."""
SCORING_PATIENCE_S = 2 * 3600.0
"""Time for the scorer's own work, on one SAE and on what all SAEs share."""
CHILDREN_PER_SAE = 12
"""Upper bound on the children that score one SAE in turn; each has limits.score_minutes."""
_TRAIN_TOKENS = "train_tokens.npy"


class Harvest(NamedTuple):
    """The data that a sandbox's variants are trained and scored on, and how to compute on them."""

    activations: Activations
    probing: Probing | None
    device: str
    arithmetic: RealDtype = "float32"
    threads: int = 1
    targets: Activations | None = None
    """The activations that variants predict, row by row; None: those that they read."""
    integer_screening: bool = False
    """Whether trainings on this machine screen selections in integers. Results are the same."""

    @property
    def target_shards(self) -> tuple[Path, ...]:
        """The training split of what is predicted; none where it is what is read."""
        return self.targets.train_shards if self.targets else ()

    @property
    def digest(self) -> str:
        """The digest of activations, targets and probing data together."""
        parts = (self.activations, self.targets, self.probing)
        return "+".join(part.digest for part in parts if part)

    def data(self, train_tokens: int) -> Data:
        """Return the description of the data for a record. train_tokens: seen in training."""
        train = self.activations.folder / _TRAIN_TOKENS
        return Data(
            digest=self.digest,
            train_tokens=train_tokens,
            eval_tokens=self.activations.eval_tokens,
            train_sha256=sha256_of(train) if train.is_file() else None,
            eval_sha256=sha256_of(self.activations.eval_tokens_file),
        )

    def scoring_setup(
        self, spec: SandboxSpec, settings: Settings, scratch: Path, level: GlassLevel
    ) -> ScoringSetup:
        """Return the first message to a scorer of these data; children work under `scratch`."""
        return ScoringSetup(
            spec=spec,
            activations=self.activations,
            targets=self.targets,
            probing=self.probing,
            cache=settings.cache,
            scratch=scratch,
            glass=level,
        )


def harvest_request(spec: SandboxSpec, settings: Settings) -> dict[str, object]:
    """Return the request to the child for the data of a sandbox."""
    reads, writes = spec.sites()
    others = [{"layer": spec.subject.layer, "site": writes}] if spec.kind.has_targets else []
    return {
        "subject": {**spec.subject.model_dump(), "site": reads},
        "sites": others,
        "probing_everywhere": False,
        "corpus": spec.corpus.model_dump(),
        "scoring": spec.scoring.model_dump(),
        "cache": str(settings.cache),
        "dtype": settings.dtype,
        "device": settings.device,
        "parts": ["activations", *(["probing"] if spec.scoring.probing_tasks else [])],
    }


def harvest(
    spec: SandboxSpec,
    settings: Settings,
    folder: Path,
    on_progress: Callable[[Progress], None] = lambda _: None,
    prints: IO[bytes] | None = None,
) -> Harvest:
    """Return the data for `spec` from the cache, harvesting them first if they are missing.

    folder: where the request to the child is written. prints: the file for what libraries print in
    the child; default: our own output. Raises the errors of the harvest:
    CorpusTooSmall, PartMissing, BadRequest, RunFailed …
    """
    path = folder / "harvest.json"
    write_json(path, harvest_request(spec, settings))
    with LineChild("fumehood_tools.harvest", str(path), keys=HUB_KEYS, stderr=prints) as child:
        return _taken(harvested(child, on_progress), settings)


HarvestData = Callable[
    [SandboxSpec, Settings, Path, Callable[[Progress], None], IO[bytes] | None], Harvest
]
"""Returns the data of a sandbox as `harvest` does, with its arguments."""


def harvested(child: LineChild, on_progress: Callable[[Progress], None]) -> dict[str, Any]:
    """Return the last line of a child that harvests. Raises the child's error."""
    while True:
        for line in child.receive(1.0, patience=HARVEST_PATIENCE_S):
            if "progress" in line:
                on_progress(Progress.model_validate(line["progress"]))
            elif "error" in line:
                raise ErrorReport.model_validate(line["error"]).as_error()
            else:
                return line


def scoring_patience(spec: SandboxSpec) -> float:
    """Return the seconds to wait for a scorer that owes an answer but sends nothing."""
    return SCORING_PATIENCE_S + CHILDREN_PER_SAE * spec.limits.score_minutes * 60


def _taken(line: dict[str, Any], settings: Settings) -> Harvest:
    """Convert the child's last line to a Harvest, adding arithmetic and threads for trainings.

    With the setting "auto", trainings use the arithmetic of the harvest, which was measured to be
    the faster one.
    """
    activations = Activations.model_validate(line["activations"])
    probing = line.get("probing")
    targets = [Activations.model_validate(site["activations"]) for site in line["sites"]]
    for one in targets:
        check_same_rows(activations, one)
    arithmetic = activations.dtype if settings.dtype == "auto" else settings.dtype
    return Harvest(
        activations,
        Probing.model_validate(probing) if probing else None,
        line["device"],
        arithmetic,
        best_threads(settings.cache),
        targets[0] if targets else None,
        integer_screening(arithmetic, line["device"], settings.cache),
    )


def check_same_rows(activations: Activations, targets: Activations) -> None:
    """Raise StorageFailed if two sites were not harvested from the same rows of tokens."""
    pairs = [(one.folder / _TRAIN_TOKENS, one.eval_tokens_file) for one in (activations, targets)]
    for ours, theirs in zip(*pairs, strict=True):
        if not filecmp.cmp(ours, theirs, shallow=False):
            raise StorageFailed(
                f"The activations {activations.digest} and {targets.digest} in the cache are of "
                "different tokens. Delete both folders there, then repeat."
            )

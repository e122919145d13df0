"""The harvest as a child of a job: activations and probing artifacts, made where missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.children import HUB_KEYS, LineChild
from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import sha256_of, write_json
from fumehood_tools.harvest import Activations, Probing
from fumehood_tools.jobs import Progress
from fumehood_tools.machine import RealDtype, best_threads
from fumehood_tools.records.scores import Data
from fumehood_tools.scoring.requests import ScoringSetup
from fumehood_tools.settings import GlassLevel, Settings
from fumehood_tools.spec import SandboxSpec

HARVEST_PATIENCE_S = 6 * 3600.0
"""The longest silence of a harvest: a large subject is downloaded without a word."""
SCORING_PATIENCE_S = 2 * 3600.0
"""What the scorer has for its own work on one SAE, and for what all of them share."""
CHILDREN_PER_SAE = 12
"""More than the scorer asks for one SAE, one after another; each has limits.score_minutes."""
_TRAIN_TOKENS = "train_tokens.npy"


class Harvest(NamedTuple):
    """What a sandbox's variants are trained and scored on."""

    activations: Activations
    probing: Probing | None
    device: str
    arithmetic: RealDtype = "float32"
    threads: int = 1

    @property
    def digest(self) -> str:
        """The content address of all of it."""
        return "+".join(part.digest for part in (self.activations, self.probing) if part)

    def data(self, train_tokens: int) -> Data:
        """Return what a record says of it; train_tokens were seen in training."""
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
        """Return what a scorer of these data is told first; children work under `scratch`."""
        return ScoringSetup(
            spec=spec,
            activations=self.activations,
            probing=self.probing,
            cache=settings.cache,
            scratch=scratch,
            glass=level,
        )


def harvest(
    spec: SandboxSpec,
    settings: Settings,
    folder: Path,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Harvest:
    """Return what the cache holds for spec, made now if it holds nothing; folder is for notes.

    Raises what the harvest raises: CorpusTooSmall, PartMissing, BadRequest, RunFailed …
    """
    content = {
        "subject": spec.subject.model_dump(),
        "corpus": spec.corpus.model_dump(),
        "scoring": spec.scoring.model_dump(),
        "cache": str(settings.cache),
        "dtype": settings.dtype,
        "device": settings.device,
        "parts": ["activations", *(["probing"] if spec.scoring.probing_tasks else [])],
    }
    path = folder / "harvest.json"
    write_json(path, content)
    with LineChild("fumehood_tools.harvest", str(path), keys=HUB_KEYS) as child:
        while True:
            for line in child.receive(1.0, patience=HARVEST_PATIENCE_S):
                if "progress" in line:
                    on_progress(Progress.model_validate(line["progress"]))
                elif "error" in line:
                    raise as_error(line["error"])
                else:
                    return _taken(line, settings)


def scoring_patience(spec: SandboxSpec) -> float:
    """Return the seconds of silence after which a scorer that owes an answer is given up."""
    return SCORING_PATIENCE_S + CHILDREN_PER_SAE * spec.limits.score_minutes * 60


def _taken(line: dict[str, Any], settings: Settings) -> Harvest:
    """Return the child's last line as a Harvest, with how trainings on it are to compute.

    Their arithmetic is the harvest's, which was measured to be the faster one, or what was set.
    """
    activations = Activations.model_validate(line["activations"])
    probing = line.get("probing")
    return Harvest(
        activations,
        Probing.model_validate(probing) if probing else None,
        line["device"],
        activations.dtype if settings.dtype == "auto" else settings.dtype,
        best_threads(settings.cache),
    )


def as_error(content: dict[str, Any]) -> FumehoodError:
    """Return an error that a child described as JSON."""
    error = RunFailed(content["message"])
    error.code = content["code"]
    return error

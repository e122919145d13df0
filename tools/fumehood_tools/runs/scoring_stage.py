"""The scoring of a run: trained SAEs go to the scorer one after another, scores are recorded."""

from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.files import write_bytes
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.runs.harvesting import Harvest
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.scorer_line import Scorer
from fumehood_tools.runs.tally import Tally
from fumehood_tools.runs.training_stage import Trained
from fumehood_tools.runs.work import decoder_limit, with_decoder
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.scoring.inertness import find_parent
from fumehood_tools.scoring.requests import (
    ErrorReport,
    ScorerReady,
    ScoringAnswer,
    ScoringFailure,
    ScoringRequest,
)


class Ended(NamedTuple):
    """An item that has been through the scorer. l0: None if it got no score."""

    item: RunItem
    l0: float | None


class ScoringStage:
    """Sends trained SAEs to the scorer, and records its answers."""

    def __init__(self, scorer: Scorer, sandbox: Sandbox, found: Harvest, tally: Tally) -> None:
        self._scorer, self._sandbox, self._found, self._tally = scorer, sandbox, found, tally
        self._sent: dict[str, Trained] = {}
        self._compared: set[str] = set()
        self.is_ready = False
        """Whether the scorer has its data."""

    @property
    def items(self) -> list[RunItem]:
        """The items that wait for their score; the first is being scored."""
        return [trained.item for trained in self._sent.values()]

    @property
    def sent(self) -> list[str]:
        """The names of the items that wait for their score; the first is being scored."""
        return list(self._sent)

    def is_busy(self) -> bool:
        """Return whether the scorer owes a score."""
        return bool(self._sent)

    def send(self, trained: Trained) -> None:
        """Ask for the score of an SAE."""
        item, out = trained.item, trained.trainee.out
        # The evaluator's own copy: no child of the training has had it.
        variant = out / f"{item.variant}.py"
        write_bytes(variant, item.source)
        compared = self._is_compared(item, variant)
        self._sent[item.name] = trained
        self._scorer.ask(
            ScoringRequest(
                name=item.name,
                variant=variant,
                weights=out / self._sandbox.spec.kind.weights_file,
                out=out,
                seed=item.seed,
                decoder_seconds=decoder_limit(trained.effort.work, self._sandbox.spec.limits),
                compare=compared,
                parent=self._parent_of(variant) if compared else None,
            )
        )

    def take(self, seconds: float) -> list[Ended]:
        """Record the replies that arrive within `seconds`; return the items that they are about.

        Raises the error of a scorer that could not be set up, or that ended.
        """
        ended = []
        for reply in self._scorer.receive(seconds, owed=self.is_busy()):
            if isinstance(reply, ScorerReady):
                self.is_ready = True
                self._tally.ready(self._sandbox.name)
            else:
                trained = self._sent.pop(reply.name or "")
                ended.append(Ended(trained.item, self._recorded(trained, reply)))
                trained.trainee.end()
        return ended

    def _recorded(self, trained: Trained, reply: ScoringAnswer | ScoringFailure) -> float | None:
        """Record a score or a failure; return the L0, or None."""
        item, effort, spec = trained.item, trained.effort, self._sandbox.spec
        if isinstance(reply, ScoringFailure):
            # The next seed is compared instead.
            self._compared.discard(item.sha256)
            self._tally.failure(item, "score", reply.error, trained.trainee.spent)
            return None
        try:
            work = with_decoder(effort.work, reply.decode_seconds, spec.limits)
        except IntegrityFailed as error:
            self._tally.failure(item, "score", ErrorReport.of(error), trained.trainee.spent)
            return None
        data = self._found.data(spec.steps * spec.training.batch_size)
        out = trained.trainee.out
        score = self._tally.score(item, out, data, reply, effort._replace(work=work))
        return score.metrics[SPARSITY]

    def _is_compared(self, item: RunItem, variant: Path) -> bool:
        """Return True if the scorer should check this file for inertness: once, not for each seed.

        Copies with other parameters are not compared, because their parent would need the same
        parameters. Packaged files without a parent are not compared either.
        """
        if item.sha256 in self._compared or item.parameters:
            return False
        self._compared.add(item.sha256)
        known = packaged_variants(self._sandbox.spec.kind)
        packaged = known.get(item.variant) == item.sha256
        return not packaged or self._parent_of(variant) is not None

    def _parent_of(self, variant: Path) -> Path | None:
        """Return the file of a variant's parent, or None if it has no parent."""
        parent = find_parent(variant, self._sandbox.variants, self._sandbox.spec.kind)
        return parent.path if parent else None

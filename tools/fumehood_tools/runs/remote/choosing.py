"""The target that a run's request names."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import IO, Any, NamedTuple

from fumehood_tools.errors import BadRequest, FumehoodError
from fumehood_tools.files import digest_of
from fumehood_tools.pods.hosts import host_named, read_hosts
from fumehood_tools.pods.keeping import keep_record
from fumehood_tools.pods.rentals import Desk, Rental, open_rentals
from fumehood_tools.pods.ssh import ClientKey
from fumehood_tools.pods.wishes import wishes
from fumehood_tools.runs.harvesting import HarvestData, harvest
from fumehood_tools.runs.job import RunParts
from fumehood_tools.runs.local_target import LocalTarget
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.remote.harvest_checks import is_wanted_there
from fumehood_tools.runs.remote.harvest_there import HarvestThere
from fumehood_tools.runs.remote.hosts import HostPlace, places_of
from fumehood_tools.runs.remote.kept import KeptPlace, taken
from fumehood_tools.runs.remote.places import RemotePlace
from fumehood_tools.runs.remote.renting import SCORING, PodPlace
from fumehood_tools.runs.remote.scoring_checks import check_trains_only, is_scored_there
from fumehood_tools.runs.remote.scoring_there import scorer_there
from fumehood_tools.runs.remote.sky import SkyTarget
from fumehood_tools.runs.remote.target import RemoteTarget
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.scorer_line import OpenScorer, Scorer, scorer_here
from fumehood_tools.runs.targets import RunSite, Target
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.web.service import open_client


class ChosenTarget(NamedTuple):
    """open, harvest, scorer: see RunParts.

    bill: what the run has cost so far, None where nothing is rented. one_machine: whether it trains
    on the machine that scores.
    """

    open: Callable[[RunSite], Target]
    bill: Callable[[], dict[str, Any] | None] = lambda: None
    harvest: HarvestData = harvest
    scorer: OpenScorer = scorer_here
    one_machine: bool = False

    @property
    def parts(self) -> RunParts:
        """The parts of a run at this target."""
        return RunParts(
            open_target=self.open,
            harvest=self.harvest,
            open_scorer=self.scorer,
            one_machine=self.one_machine,
        )


@contextlib.contextmanager
def target_of(request: RunRequest, settings: Settings, job: str | None) -> Iterator[ChosenTarget]:
    """Yield the target of a run. job: the id of its job; pods of a job that is over are ended.

    Raises BadRequest for hosts that are not there, and the errors of `choose_api`.
    """
    if request.target == "local":
        yield ChosenTarget(LocalTarget, one_machine=True)
    elif request.target == "ssh":
        places = _host_places(request, settings)
        device = "cuda" if all(place.has_gpu for place in places) else "cpu"
        scores = _scoring_host(places[0], request, settings)
        try:
            chosen = _at(places, device, request, settings, scores=scores)
            yield chosen._replace(one_machine=bool(scores))
        finally:
            _release([*places, *scores])
    elif request.target == "skypilot":
        if request.sky is None:
            raise BadRequest("Pass a bucket for a run through SkyPilot.")
        check_trains_only(settings)
        yield ChosenTarget(functools.partial(SkyTarget, wanted=request.sky))
    else:
        with open_client() as client, contextlib.closing(open_rentals(settings, client)) as desk:
            yield from _on_pods(request, settings, desk, job)


def _on_pods(
    request: RunRequest, settings: Settings, desk: Desk, job: str | None
) -> Iterator[ChosenTarget]:
    # A processor is only chosen by name: for trying this without a GPU.
    device = "cpu" if settings.device == "cpu" else "cuda"
    fresh = _pod_places(request, settings, desk, job)
    pods: list[RemotePlace] = [*fresh]
    with contextlib.ExitStack() as held:
        kept = taken(desk, request.pods.gpus if request.pods else (), len(pods), held)
        for number, rental in enumerate(kept):
            pods[number] = KeptPlace(desk, settings, rental, pods[number])
        scores = _scoring_place(desk, settings, request, fresh[0])
        # A kept pod may have run variants, and then it does not harvest.
        needs_one = kept and not scores
        spare = [PodPlace(desk, settings, fresh[0].wish_for("harvest"))] if needs_one else []
        chosen = _at(pods, device, request, settings, scores=scores, spare=spare)
        bill = functools.partial(_bill, settings, desk, job, kept)
        try:
            yield chosen._replace(bill=bill)
        finally:
            _release([*pods, *spare, *scores])
            # A pod that never booted was billed, too.
            log("pods", "all", f"cost ${bill()['cost_usd']:.4f} so far")


def _release(places: Sequence[RemotePlace]) -> None:
    """Give back places that are open still: one has harvested, and the run failed after that."""
    for place in places:
        try:
            place.release("the run ended")
        except FumehoodError as error:
            log("place", place.name, f"ALARM: {error}")


def _at(
    places: Sequence[RemotePlace],
    device: str,
    request: RunRequest,
    settings: Settings,
    scores: Sequence[RemotePlace] = (),
    spare: Sequence[RemotePlace] = (),
) -> ChosenTarget:
    """Return the target at some places, which harvest too where that is wanted.

    scores: the pod or host that scores, if one does: a pod is asked first to harvest. spare:
    harvests if none of the others may.
    """
    opens = functools.partial(RemoteTarget, places=places, device=device)
    spec = _spec_of(request, settings)
    scorer = _scorer_at(scores[0], settings) if scores else scorer_here
    if not is_wanted_there(spec, settings):
        return ChosenTarget(opens, scorer=scorer)
    there = HarvestThere([*scores, *places, *spare], spec, settings)
    opens = functools.partial(opens, split=there)
    return ChosenTarget(opens, harvest=there.harvest, scorer=scorer)


def _scorer_at(place: RemotePlace, settings: Settings) -> OpenScorer:
    def opened(spec: SandboxSpec, prints: IO[bytes]) -> AbstractContextManager[Scorer]:
        return scorer_there(place, settings.state)

    return opened


def _spec_of(request: RunRequest, settings: Settings) -> SandboxSpec:
    return open_sandbox(settings, request.sandbox).trained_with(request.training).spec


def _scoring_place(
    desk: Desk, settings: Settings, request: RunRequest, like: PodPlace
) -> list[PodPlace]:
    """Return the pod that scores, where that is wanted: one more, which trains nothing."""
    if not is_scored_there(_spec_of(request, settings), settings):
        return []
    return [PodPlace(desk, settings, like.wish_for(SCORING), use=SCORING)]


def _scoring_host(first: HostPlace, request: RunRequest, settings: Settings) -> list[HostPlace]:
    """Return the place on the first host that scores, where that is wanted."""
    return [first.for_scoring()] if is_scored_there(_spec_of(request, settings), settings) else []


def _host_places(request: RunRequest, settings: Settings) -> list[HostPlace]:
    hosts = [host_named(settings, name) for name in request.hosts] or read_hosts(settings)
    places = [place for host in hosts for place in places_of(host, settings.state)]
    if not places:
        raise BadRequest("There is no host to train on. Add one to hosts.toml in the workspace.")
    if len({place.has_gpu for place in places}) > 1:
        raise BadRequest(
            "Some of these hosts have GPUs and some have none, and scores of both cannot be "
            "compared. Name hosts of one kind."
        )
    return places


def _pod_places(
    request: RunRequest, settings: Settings, desk: Desk, job: str | None
) -> list[PodPlace]:
    wanted = request.pods
    if wanted is None:
        raise BadRequest("Pass gpus and max_cost_usd for a run on rented pods.")
    # The same request after a crash gets the same pods, whatever its job is called.
    wished = request.model_dump(mode="json", exclude={"asked", "saes", "then"})
    purpose = f"run {digest_of(wished)[:16]}"
    key = ClientKey(desk.state).public()
    return [
        PodPlace(desk, settings, wish)
        for wish in wishes(wanted, settings, key, purpose=purpose, job=job)
    ]


def _bill(
    settings: Settings, desk: Desk, job: str | None, kept: Sequence[Rental]
) -> dict[str, Any]:
    """Return what the pods of a job have cost, and whether each of them has ended.

    Those that never booted are among them. Each that has ended has a record after this. kept: pods
    that were rented before and that the job could use; they are billed in any case.
    """
    rentals = [rental for rental in desk.journal.rentals(ended=True) if rental.job == job]
    return {
        "cost_usd": sum(rental.cost_usd for rental in rentals),
        "kept_pods": [rental.pod_id for rental in kept],
        "pods": [
            {
                "pod_id": rental.pod_id,
                "gpu": rental.gpu,
                "usd_per_hour": rental.usd_per_hour,
                "cost_usd": rental.cost_usd,
                "state": rental.state,
                "record": keep_record(settings, rental),
            }
            for rental in rentals
        ],
    }

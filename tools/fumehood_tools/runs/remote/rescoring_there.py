"""Score stored SAEs again on a rented pod: `fumehood verify --on-pod`.

The pod is rented for this alone, within an amount that a person has named, and ended when it is
over. It harvests, where that is wanted on pods; what was harvested elsewhere before is sent.
"""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol

from fumehood_tools.files import digest_of
from fumehood_tools.jobs import Progress
from fumehood_tools.pods.rentals import open_rentals
from fumehood_tools.pods.ssh import ClientKey
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.pods.wishes import wishes
from fumehood_tools.runs.harvesting import Harvest, harvest
from fumehood_tools.runs.remote.harvest_checks import is_wanted_there
from fumehood_tools.runs.remote.harvest_there import HarvestThere
from fumehood_tools.runs.remote.renting import SCORING, PodPlace
from fumehood_tools.runs.remote.scoring_there import scorer_there
from fumehood_tools.runs.rescore import RescoringPlace
from fumehood_tools.runs.scorer_line import Scorer
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.timestamps import now
from fumehood_tools.web.service import open_client


class Tell(Protocol):
    """Is told how far a harvest is."""

    def __call__(self, progress: Progress, /) -> None:
        """Take note of it."""
        ...


@contextlib.contextmanager
def rescoring_there(settings: Settings, wanted: PodsWanted) -> Iterator[RescoringPlace]:
    """Yield a pod on which SAEs are scored again; it is ended with the block.

    Raises KeyRefused without a key, and what renting raises.
    """
    with open_client() as client, contextlib.closing(open_rentals(settings, client)) as desk:
        key = ClientKey(desk.state).public()
        # A pod of its own for each call: none is found again.
        purpose = f"verify {digest_of(now())} scoring"
        [wish] = wishes(wanted, settings, key, purpose=purpose, job=None)
        place = PodPlace(desk, settings, wish, use=SCORING)

        def data(
            spec: SandboxSpec,
            own: Settings,
            folder: Path,
            tell: Tell,
            prints: IO[bytes] | None,
        ) -> Harvest:
            wants = is_wanted_there(spec, own)
            source = HarvestThere([place], spec, own).harvest if wants else harvest
            return source(spec, own, folder, tell, prints)

        def scorer(spec: SandboxSpec) -> AbstractContextManager[Scorer]:
            return scorer_there(place, settings.state)

        try:
            yield RescoringPlace(data, scorer)
        finally:
            place.release("everything was scored again")

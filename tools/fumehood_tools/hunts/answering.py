"""Answer a repeat of a hunt, and start the scoring once all are answered. Light."""

import sys
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.hunts.asking import check_repeat
from fumehood_tools.hunts.journal import Hunt, alone, enter, read_hunt
from fumehood_tools.hunts.records import REPEATS, Direction, HuntAnswer
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs.start import slot_of
from fumehood_tools.settings import Settings
from fumehood_tools.timestamps import now

KIND = "hunt"
LEAST_STRENGTH, MOST_STRENGTH = 0.01, 1.0


class Given(NamedTuple):
    """A hunt after an answer. job: it scores the hunt; None: repeats are open, or it is scored."""

    hunt: Hunt
    job: Job | None


def give_answer(
    settings: Settings,
    jobs: JobStore,
    name: str,
    repeat: int,
    latent: int | None,
    direction: Direction = "raise",
    strength: float = 0.2,
) -> Given:
    """Enter the answer to a repeat. latent: None: it was not found, which scores 0.

    The same answer again changes nothing, and starts the scoring again if it was interrupted.
    Raises BadRequest for another answer to an answered repeat, UnknownName, StorageFailed.
    """
    if not LEAST_STRENGTH <= strength <= MOST_STRENGTH:
        raise BadRequest(f"strength goes from {LEAST_STRENGTH:g} to {MOST_STRENGTH:g}.")
    with alone(settings.workspace, name):
        hunt = read_hunt(settings.workspace, name)
        before = hunt.answer(repeat)
        same = before and (before.latent, before.direction, before.strength)
        if same != (latent, direction, strength):
            check_repeat(hunt, repeat)
            if latent is not None and not 0 <= latent < hunt.opened.dict_size:
                raise BadRequest(f"Latents go from 0 to {hunt.opened.dict_size - 1}.")
            content = HuntAnswer(
                repeat=repeat,
                latent=latent,
                direction=direction,
                strength=strength,
                questions=hunt.used(repeat),
                written=now(),
            )
            enter(settings.workspace, name, str(repeat), content)
            hunt = read_hunt(settings.workspace, name)
    return Given(hunt, _scoring(settings, jobs, hunt))


def _scoring(settings: Settings, jobs: JobStore, hunt: Hunt) -> Job | None:
    if hunt.score is not None or any(not hunt.is_answered(n + 1) for n in range(REPEATS)):
        return None
    return jobs.submit(
        KIND,
        [sys.executable, "-m", "fumehood_tools.hunts.worker", hunt.name],
        title=f"hunt {hunt.name}: score {REPEATS} answers",
        slot=slot_of(settings),
        request_key=f"hunt:{hunt.name}",
        env=settings.as_environment(),
    )

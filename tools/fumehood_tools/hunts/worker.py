"""The job of a hunt: score all answers on held-back texts, and enter the score.

usage (inside a job): python -m fumehood_tools.hunts.worker HUNT

The held-back texts exist in the trusted process only. The job's log and result have scores.
"""

import signal
import sys
import time
from typing import Any

from fumehood_tools.errors import BadRequest
from fumehood_tools.hunts.calibration import interval
from fumehood_tools.hunts.host import Answering, HuntHost
from fumehood_tools.hunts.journal import Hunt, alone, enter, read_hunt
from fumehood_tools.hunts.messages import ScoreAnswer
from fumehood_tools.hunts.records import (
    ANSWER,
    REPEATS,
    HuntScore,
    RepeatScore,
)
from fumehood_tools.hunts.sae import read_sae
from fumehood_tools.hunts.told import score_in_words
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.receipts.ledger import make_key
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.timestamps import now

_PURPOSE, _BITS = "fumehood-hunt-v1", 63


def score_hunt(context: JobContext, settings: Settings, host: Answering, name: str) -> HuntScore:
    """Score a hunt, enter the score and return it; a hunt that has one keeps it.

    Raises BadRequest if a repeat has no answer that can be trusted, and the host's errors.
    """
    began, hunt = time.monotonic(), read_hunt(settings.workspace, name)
    if hunt.score is not None:
        return hunt.score
    found = []
    for number, question in enumerate(_questions(settings, hunt)):
        said = f"answer {question.repeat} of {REPEATS}"
        context.report(Progress(done=number, total=REPEATS, phase="score", message=said))
        sae = read_sae(settings, hunt.opened.sae, hunt.opened.sae_receipt)
        found.append(host.ask(sae, question, RepeatScore))
    mean, low, high = interval([one.score for one in found if one.score is not None])
    content = HuntScore(
        score=mean,
        low=low,
        high=high,
        repeats=found,
        tries=hunt.opened.tries,
        answers=[one.receipt for one in hunt.entries if one.kind == ANSWER],
        seconds=round(time.monotonic() - began, 2),
        written=now(),
    )
    with alone(settings.workspace, name):
        kept = read_hunt(settings.workspace, name).score
        if kept is None:
            enter(settings.workspace, name, "0", content)
    return kept or content


def _questions(settings: Settings, hunt: Hunt) -> list[ScoreAnswer]:
    opened, seed = hunt.opened, _secret(settings, hunt.name)
    found = []
    for repeat in range(1, REPEATS + 1):
        given = hunt.answer(repeat)
        if given is None:
            raise BadRequest(
                f"Repeat {repeat} of the hunt {hunt.name} has no answer that can be trusted: its "
                "entry is gone or was edited. Restore it, or open a new hunt."
            )
        found.append(
            ScoreAnswer(
                repeat=repeat,
                family=opened.family,
                word=opened.concepts[repeat - 1].word,
                latent=given.latent,
                direction=given.direction,
                strength=given.strength,
                control_seeds=tuple(opened.control_seeds),
                seed=seed,
            )
        )
    return found


def _secret(settings: Settings, name: str) -> int:
    """Return the seed of a hunt's held-back texts: an HMAC of its name with the workspace's key."""
    key = make_key(settings.state)
    return int(key.mac(_PURPOSE, name.encode()), 16) >> (256 - _BITS)


def main() -> None:
    """Run the job about the hunt argv[1]."""
    # Turn SIGTERM into SystemExit, so that a canceled job unwinds and ends its child.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = JobContext.from_environment()
    with context.guard():
        settings, name = load_settings(), sys.argv[1]
        host = HuntHost(settings)
        try:
            found = score_hunt(context, settings, host, name)
        finally:
            host.close()
        result: dict[str, Any] = {
            "hunt": name,
            "score": found.score,
            "summary": score_in_words(found),
            "next": f"open_hunt(hunt={name!r}) shows it again",
        }
        context.finish(result)


if __name__ == "__main__":
    main()

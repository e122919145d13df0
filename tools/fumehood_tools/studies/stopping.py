"""Count the trainings of a plan that were stopped, and what p is multiplied by for them.

Whoever stops a training when its log looks bad, and starts it again, can choose among several
results if the file trains differently from run to run. The ledger says when the training of an own
file begins, so each one without an outcome is known, whoever or whatever ended it: nobody can tell
a crash from a choice.

Method: as for looks (see `compare.looks`). A training at its k-th start is its k-th look, so p is
multiplied by k(k+1)/2 for it, and by the product of these for all trainings of the plan: 3 for one
that was stopped once. Packaged files are left out, as they train in the same way every time. Light:
reads the ledger.
"""

from collections import Counter
from typing import NamedTuple

from fumehood_tools.compare.looks import times_for
from fumehood_tools.receipts.places import SANDBOXES, run_of
from fumehood_tools.receipts.trials import read_trial
from fumehood_tools.studies.entries import Plan
from fumehood_tools.studies.lab import Lab

_MOST_TIMES = 10**6


class Stopped(NamedTuple):
    """Trainings that were begun and have no outcome.

    files: name of a planned file -> how many. times: what p is multiplied by.
    """

    files: dict[str, int] = {}
    times: int = 1


NOTHING_STOPPED = Stopped()


def stopped_trainings(
    lab: Lab, plan: Plan, settings_digest: str = "", *, may_go_on: bool = False
) -> Stopped:
    """Return the stopped trainings of a plan's files and seeds.

    settings_digest: of the scores that are judged; "" for any. may_go_on: whether the last one of a
    place without an outcome may still be in training, so that it does not count.
    """
    planned = {file.name: file.file_sha256 for file in (plan.baseline, *plan.variants)}
    files, times = Counter[str](), 1
    for place, words in lab.book.begun.items():
        if not place.startswith(f"{SANDBOXES}/{plan.sandbox}/"):
            continue
        name, seed = run_of(place)[0], lab.seed_of(place)
        mine = sum(
            trial.is_of(planned.get(name, ""))
            and (not settings_digest or settings_digest.startswith(trial.settings))
            for trial in map(read_trial, words)
        )
        outcomes = lab.receipts_at.get(place, 0)
        left = mine - outcomes - (may_go_on and not outcomes)
        if seed in plan.seeds and left > 0:
            files[name] += left
            times = min(_MOST_TIMES, times * times_for(1 + left))
    return Stopped(dict(files), times)

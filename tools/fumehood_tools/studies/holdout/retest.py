"""The job of promote_variant: train and score a winner and its baseline elsewhere, and judge them.

usage (inside a job): python -m fumehood_tools.studies.holdout.retest '{"study": …, "plan": …, …}'

It is an ordinary run in a sandbox made for it: scores with receipts, the same checks, and SAEs that
have a score already are not trained again after a crash. The verdict is entered in the notebook.
"""

import signal
import sys
import time
from typing import Any

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import RunFailed
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.locking import exclusive
from fumehood_tools.records.scores import Asked
from fumehood_tools.runs.job import RunJob
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.studies.entries import HoldoutAnswer, Plan
from fumehood_tools.studies.holdout.ladder import ladder_of
from fumehood_tools.studies.holdout.places import Spot
from fumehood_tools.studies.holdout.promoting import retest_of
from fumehood_tools.studies.holdout.promotion import Retest, make_sandbox, tests_elsewhere
from fumehood_tools.studies.holdout.questions import LOCK
from fumehood_tools.studies.holdout.requests import RetestRequest
from fumehood_tools.studies.holdout.standing import Standing, standing_scores
from fumehood_tools.studies.holdout.verdicts import claims_elsewhere
from fumehood_tools.studies.lab import Lab, setting_digest
from fumehood_tools.studies.notebook import append
from fumehood_tools.studies.stopping import stopped_trainings
from fumehood_tools.studies.told import claim_in_words
from fumehood_tools.timestamps import now


class RetestJob:
    """One re-test."""

    def __init__(self, context: JobContext, settings: Settings, request: RetestRequest) -> None:
        self.context, self.settings, self.request = context, settings, request
        self.lab = Lab(settings)

    def run(self) -> dict[str, Any]:
        """Train, score, judge and enter the verdict; return the job's result."""
        began, asked = time.monotonic(), self.request
        study = self.lab.studies.read(asked.study)
        retest = retest_of(self.lab, study, asked)
        sandbox = make_sandbox(self.settings, retest)
        self._train(retest)
        plan = retest.plan_there(setting_digest(sandbox.spec))
        receipt = study.entry(asked.plan, Plan)[0].receipt
        lab = Lab(self.settings)
        standing, stopped = standing_scores(lab, plan, receipt), stopped_trainings(lab, plan)
        _check_place(retest, standing)
        lacking = dict(standing.lacking)
        _check_baseline(retest, plan.baseline.name, lacking.pop(plan.baseline.name, ""))
        places = len({one.digest for _, one in tests_elsewhere(study)})
        answer = HoldoutAnswer(
            plan=asked.plan,
            test=retest.there.test,
            where=f"{retest.there.spot}, sandbox {retest.sandbox}",
            question=0,
            claims=claims_elsewhere(plan, standing, lacking, max(1, places), stopped),
            written=now(),
            digest=asked.digest,
            minutes=round((time.monotonic() - began) / 60, 2),
            saes=len(standing.all),
            sandbox=retest.sandbox,
            subject=retest.there.spot.subject,
            layer=retest.there.spot.layer,
            seeds=list(retest.seeds),
        )
        entry = self._enter(answer)
        return {
            "study": asked.study,
            "entry": entry,
            "sandbox": retest.sandbox,
            "ladder": self._ladder(),
            "summary": [claim_in_words(claim, plan.metric) for claim in answer.claims],
            "next": f"read_study(study={asked.study!r}, entry={entry})",
        }

    def _ladder(self) -> list[str]:
        """Return the ladder of the variant after this test, in words, with the next call."""
        asked = self.request
        study = self.lab.studies.read(asked.study)
        ladder = ladder_of(self.lab, study, asked.plan, asked.variant)
        return [*ladder.rungs, *([f"next rung: {ladder.next}"] if ladder.next else [])]

    def _train(self, retest: Retest) -> None:
        """Run the sandbox. What fails there has a record, as in every run."""
        request, results = retest.request, self.settings.sandboxes / retest.sandbox / "results"
        newest = Shelf(self.settings.state).newest(results)
        asked = Asked(after=newest, seeds=list(request.seeds))
        request = request.model_copy(update={"saes": retest.saes, "asked": asked})
        RunJob(self.context, self.settings, request).run()

    def _enter(self, answer: HoldoutAnswer) -> int:
        """Append the verdict, unless another job has; return the number of its entry."""
        name, workspace = self.request.study, self.settings.workspace
        with exclusive(self.settings.state / LOCK.format(study=name)):
            for number, one in tests_elsewhere(self.lab.studies.read(name)):
                if one.digest == answer.digest and not one.asked:
                    return number
            return append(workspace, name, answer).number


def _check_place(retest: Retest, standing: Standing) -> None:
    """Raise RunFailed if the scores are of another place: sandbox.toml was edited meanwhile."""
    for one in standing.all:
        if Spot(one.score.subject, one.score.layer) != retest.there.spot:
            raise RunFailed(
                f"The sandbox {retest.sandbox} was edited while the re-test ran. Move its folder "
                "away, then call promote_variant again."
            )


def _check_baseline(retest: Retest, baseline: str, lacking: str) -> None:
    """Raise RunFailed if the baseline lacks scores."""
    if lacking:
        raise RunFailed(
            f"The baseline {baseline} lacks {lacking} at {retest.there.spot}, so there is nothing "
            "to compare with. Fix the cause, then call promote_variant again: SAEs with a score "
            "are kept."
        )


def main() -> None:
    """Run the job described by argv[1]."""
    # Turn SIGTERM into SystemExit, so that a canceled job unwinds and ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = JobContext.from_environment()
    with context.guard():
        request = RetestRequest.model_validate_json(sys.argv[1])
        context.finish(RetestJob(context, load_settings(), request).run())


if __name__ == "__main__":
    main()

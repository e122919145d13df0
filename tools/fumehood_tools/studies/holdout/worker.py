"""The job of ask_holdout: score a plan's weights on the holdout, judge them, enter the answer.

usage (inside a job): python -m fumehood_tools.studies.holdout.worker '{"study": …, "plan": …, …}'

The question was counted before the job was started. Everything that is measured is in a folder
that is removed at the end, and that the next question removes if this job is killed. The job's log
and result name the verdicts, and no SAE's own numbers.
"""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.files import make_private
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.locking import exclusive
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.prints import PRINTS, last_words
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.spec import CorpusSpec, SandboxSpec
from fumehood_tools.studies.entries import HoldoutAnswer, Plan
from fumehood_tools.studies.holdout.measuring import Measured, harvest_holdout, score_on
from fumehood_tools.studies.holdout.questions import enter_answer, used_in_other_studies
from fumehood_tools.studies.holdout.requests import QuestionRequest
from fumehood_tools.studies.holdout.seal import holdout_seed
from fumehood_tools.studies.holdout.standing import Standing, spec_of, standing_scores
from fumehood_tools.studies.holdout.verdicts import claims_on_holdout
from fumehood_tools.studies.hunts_seen import hunts_beside
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import Study
from fumehood_tools.studies.running import plan_of
from fumehood_tools.studies.told import claim_in_words
from fumehood_tools.studies.view import write_notebook
from fumehood_tools.temporary import remove_folder
from fumehood_tools.timestamps import now


class HoldoutJob:
    """One question."""

    def __init__(self, context: JobContext, settings: Settings, request: QuestionRequest) -> None:
        self.context, self.settings, self.request = context, settings, request
        self.lab = Lab(settings)

    def run(self) -> dict[str, Any]:
        """Answer the question; return the job's result. Raises the errors of measuring."""
        began, asked = time.monotonic(), self.request
        study = self.lab.studies.read(asked.study)
        entry, plan = plan_of(study, asked.plan)
        standing = self._standing(plan, entry.receipt)
        found, where = self._measure(study, standing)
        questions = study.opened.holdout_questions
        questions += used_in_other_studies(asked.study, self.lab.studies)
        tries = len(plan.variants) * questions
        said = claims_on_holdout(plan, found, tries, standing.lacking)
        answer = HoldoutAnswer(
            plan=asked.plan,
            test="holdout",
            where=where,
            question=asked.question,
            claims=said.claims,
            written=now(),
            digest=asked.digest,
            held_back=said.held_back,
            minutes=round((time.monotonic() - began) / 60, 2),
        )
        number = enter_answer(self.lab.studies, asked.study, answer)
        study = self.lab.studies.read(asked.study)
        write_notebook(study, hunts_beside(self.lab, study))
        return {
            "study": asked.study,
            "entry": number,
            "summary": [claim_in_words(claim) for claim in said.claims],
            "next": f"read_study(study={asked.study!r}, entry={number})",
        }

    def _standing(self, plan: Plan, receipt: str) -> Standing:
        standing = standing_scores(self.lab, plan, receipt)
        if standing.digest != self.request.digest:
            raise BadRequest(
                "The scores of the plan have changed since the question was asked: some were "
                f"added or removed. Call ask_holdout(study={self.request.study!r}, "
                f"plan={self.request.plan}) again; if the SAEs are others, it is a new question."
            )
        return standing

    def _measure(self, study: Study, standing: Standing) -> tuple[list[Measured], str]:
        """Return the measured SAEs, and what they were measured on, in words."""
        scores = standing.all
        spec, settings = _unprobed(spec_of(self.lab, scores)), self.settings
        with sealed_folder(settings, self.request.study) as folder:
            seed = holdout_seed(settings.workspace, self.request.study)
            digest = scores[0].score.data.digest
            report = self.context.report
            others = other_corpora(settings, study, spec.corpus)
            held = harvest_holdout(spec, others, settings, folder, seed, report, digest)
            log("harvest", spec.subject.name, f"{held.activations.eval_tokens:,} tokens are there")
            prints = folder / PRINTS
            with prints.open("ab") as file, last_words(prints):
                found = score_on(held, spec, scores, settings, folder, report, file)
        log("score", self.request.study, f"{len(found)} SAEs scored on the holdout")
        source = "another stream" if spec.corpus.name == spec.subject.name else "unseen documents"
        tokens = held.activations.eval_tokens
        return found, f"{tokens:,} tokens of {source} of {Path(spec.corpus.name).name}"


def other_corpora(settings: Settings, study: Study, own: CorpusSpec) -> list[CorpusSpec]:
    """Return other settings of the same corpus that sandboxes of the study's plans have or had.

    Plans keep them, so that deleting a sandbox hides none of the documents that it has shown.
    """
    plans = [plan for _, plan in study.only(Plan)]
    every = [plan.corpus for plan in plans if plan.corpus is not None]
    for name in {plan.sandbox for plan in plans}:
        with contextlib.suppress(UnknownName):  # the folder is gone
            every.append(open_sandbox(settings, name).spec.corpus)
    found: list[CorpusSpec] = []
    for corpus in every:
        if corpus.name == own.name and corpus not in (own, *found):
            found.append(corpus)
    return found


def _unprobed(spec: SandboxSpec) -> SandboxSpec:
    """Return settings without sparse probing, which has texts of its own."""
    scoring = spec.scoring.model_copy(update={"probing_tasks": ()})
    return spec.model_copy(update={"scoring": scoring})


@contextlib.contextmanager
def sealed_folder(settings: Settings, study: str) -> Iterator[Path]:
    """Yield an empty folder for a holdout, which only the user may read; remove it at the end.

    One job of a study has it at a time. What a killed job left in it is removed first.
    """
    folder = settings.state / "holdout" / study
    with exclusive(settings.state / f"holdout.{study}.job.lock"):
        remove_folder(folder)
        try:
            make_private(folder)
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Making the holdout's folder") from error
        try:
            yield folder
        finally:
            remove_folder(folder)


def main() -> None:
    """Run the job described by argv[1]."""
    # Turn SIGTERM into SystemExit, so that a canceled job removes what it has measured.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = JobContext.from_environment()
    with context.guard():
        request = QuestionRequest.model_validate_json(sys.argv[1])
        context.finish(HoldoutJob(context, load_settings(), request).run())


if __name__ == "__main__":
    main()

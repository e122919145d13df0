"""The job of run_evaluations: encode SAEs again, evaluate them, and write signed records.

usage (inside a job): python -m fumehood_tools.evaluations.worker, with request.json in its folder

A record is written as soon as its evaluation is done. A job that was killed is started again with
the same call: what has a record is not evaluated again.
"""

import shutil
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.children import HUB_KEYS, LineChild
from fumehood_tools.errors import RunFailed
from fumehood_tools.evaluations.choosing import Chosen, ScoredSae, chosen_saes
from fumehood_tools.evaluations.profile import MOST_SECONDS
from fumehood_tools.evaluations.recording import SEED, Item, draft_of, is_recorded, items_of
from fumehood_tools.evaluations.request import REQUEST_FILE, EvaluationsRequest
from fumehood_tools.evaluations.requests import (
    Done,
    Evaluated,
    EvaluationCopy,
    EvaluationRequest,
    EvaluationSetup,
    Failed,
    Ready,
    Reply,
    SaeFiles,
    read_reply,
)
from fumehood_tools.evaluations.source import EvaluationFile, chosen_evaluations
from fumehood_tools.files import read_json, write_bytes
from fumehood_tools.glass import choose_level, scratch_folder
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.receipts import RecordWriter, open_book, results_of
from fumehood_tools.runs.harvesting import harvest, scoring_patience
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.prints import PRINTS, last_words
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings, load_settings

PROCESS = "fumehood_tools.evaluations"
_ENVIRONMENT = {"JAXTYPING_DISABLE": "1"}
"""sae-bench, which the scorer's modules import, fails under the current jaxtyping without this."""
_RUNS = 5


class EvaluationJob:
    """One job: some evaluations of some SAEs."""

    def __init__(
        self, context: JobContext, settings: Settings, request: EvaluationsRequest
    ) -> None:
        self.context, self.settings, self.request = context, settings, request
        self.box = open_sandbox(settings, request.sandbox)
        self.files = chosen_evaluations(self.box, request.evaluations)
        self.counts: Counter[str] = Counter()
        self.problems: dict[str, str] = {}
        self.total = 0

    def run(self) -> dict[str, Any]:
        """Evaluate; return the job's result. Raises the errors of harvest and process."""
        chosen = chosen_saes(
            self.settings, self.box, Shelf(self.settings.state), self.request.variants
        )
        items, book = items_of(chosen, self.files), open_book(self.settings.state)
        waiting = [one for one in items if not is_recorded(one, self.settings.workspace, book)]
        self.total, self.counts["recorded before"] = len(items), len(items) - len(waiting)
        if waiting:
            # In the job's folder, so that what a killed job leaves goes with the job.
            with scratch_folder(self.context.folder, "scratch-") as folder:
                self._evaluate(chosen, waiting, folder.resolve())
        return self._result(chosen)

    def _evaluate(self, chosen: Chosen, waiting: Sequence[Item], folder: Path) -> None:
        found = harvest(chosen.spec, self.settings, folder, self.context.report)
        if found.digest != chosen.digest:
            raise RunFailed(
                "The sandbox's data are no longer those that its SAEs were scored on: the corpus, "
                "the subject or FUMEHOOD_DTYPE has changed since. Restore it, or run_variants "
                "again."
            )
        level = choose_level(self.settings.glass, chosen.spec.limits.glass)
        setup = EvaluationSetup(
            scoring=found.scoring_setup(chosen.spec, self.settings, folder, level),
            evaluations=tuple(_copied(file, folder / "files") for file in self.files),
            seed=SEED,
        )
        prints = self.context.folder / PRINTS
        environ = {**self.settings.as_environment(), **_ENVIRONMENT}
        with (
            prints.open("ab") as stderr,
            last_words(prints),
            LineChild(PROCESS, environ=environ, keys=HUB_KEYS, stderr=stderr) as child,
        ):
            child.send(setup.model_dump_json())
            self._serve(child, chosen, waiting, folder)

    def _serve(
        self, child: LineChild, chosen: Chosen, waiting: Sequence[Item], folder: Path
    ) -> None:
        patience = scoring_patience(chosen.spec) + _RUNS * MOST_SECONDS
        by_sae: dict[str, dict[str, Item]] = defaultdict(dict)
        for item in waiting:
            by_sae[item.sae.place][item.file.name] = item
        for number, (place, items) in enumerate(by_sae.items()):
            copies = folder / f"copies-{number}"
            child.send(self._request(chosen, items, copies).model_dump_json())
            done = False
            while not done:
                for line in child.receive(1.0, patience=patience):
                    done = self._take(read_reply(line), by_sae[place]) or done
            shutil.rmtree(copies, ignore_errors=True)

    def _request(self, chosen: Chosen, items: dict[str, Item], folder: Path) -> EvaluationRequest:
        """Copy the files of an SAE and of the seeds beside it; return the request."""
        first = next(iter(items.values()))
        wants = any(item.siblings for item in items.values())
        others = chosen.siblings(first.sae) if wants else []
        log("evaluate", first.sae.place, ", ".join(items))
        self._report(first.sae)
        return EvaluationRequest(
            name=first.sae.place,
            sae=self._sae_files(chosen, first.sae, folder / "own"),
            siblings=tuple(
                self._sae_files(chosen, one, folder / f"other-{number}")
                for number, one in enumerate(others)
            ),
            evaluations=tuple(items),
            l0=first.sae.l0,
        )

    def _sae_files(self, chosen: Chosen, sae: ScoredSae, copy: Path) -> SaeFiles:
        copy.mkdir(parents=True)
        record, variant = self.settings.workspace / sae.place, f"{sae.score.variant}.py"
        weights = chosen.spec.kind.weights_file
        for name in (variant, weights):
            shutil.copyfile(record / name, copy / name)
        sha256 = sae.score.provenance.weights_sha256
        return SaeFiles(variant=copy / variant, weights=copy / weights, weights_sha256=sha256)

    def _take(self, reply: Reply, items: dict[str, Item]) -> bool:
        """Handle a reply; return whether it is the last one about its SAE."""
        if isinstance(reply, Ready):
            return False
        if isinstance(reply, Done):
            return True
        if isinstance(reply, Failed) and reply.name is None:
            raise reply.error.as_error()
        if isinstance(reply, Evaluated):
            self._write(items[reply.evaluation], reply)
            return False
        if isinstance(reply, Failed):
            self.counts["failed"] += len(items) if reply.evaluation is None else 1
            problem = f"{reply.evaluation or 'all evaluations'}: {reply.error.message}"
        else:
            self.counts["not applicable"] += 1
            problem = f"{reply.evaluation}: {reply.why}"
        sae = next(iter(items.values())).sae
        self.problems.setdefault(problem, sae.place)
        log("evaluate", sae.place, problem)
        self._report(sae)
        return False

    def _write(self, item: Item, reply: Evaluated) -> None:
        writer = RecordWriter(self.settings.workspace, results_of(self.request.sandbox))
        signed = writer.write(draft_of(item, reply))
        self.counts["evaluated"] += 1
        values = ", ".join(f"{key} {value:.4g}" for key, value in signed["metrics"].items())
        log("evaluate", item.sae.place, values)
        if signed["constant"]:
            said = "the same value on this SAE and on random latents, so it may not depend on them"
            self.problems.setdefault(f"{', '.join(signed['constant'])}: {said}", item.sae.place)
        self._report(item.sae)

    def _report(self, sae: ScoredSae) -> None:
        done = sum(self.counts.values())
        message = f"{sae.label}, seed {sae.score.seed}"
        self.context.report(
            Progress(done=done, total=self.total, phase="evaluate", message=message)
        )

    def _result(self, chosen: Chosen) -> dict[str, Any]:
        counts = {key: count for key, count in self.counts.items() if count}
        notes = [f"{said} (first: {place})" for said, place in self.problems.items()]
        if chosen.others:
            notes.append(f"{chosen.others} scores by another version, or on other data, left out")
        if counts.get("failed") and not {"evaluated", "recorded before"} & counts.keys():
            raise RunFailed(f"Nothing could be evaluated. {' '.join(notes)[:2000]}")
        said = ", ".join(f"{count} {key}" for key, count in counts.items())
        of = f"{len(self.files)} evaluations of {len(chosen.saes)} SAEs"
        return {
            "summary": [f"{of}: {said}", *notes],
            "sandbox": self.request.sandbox,
            "saes": len(chosen.saes),
            "evaluations": [file.name for file in self.files],
            **{key.replace(" ", "_"): count for key, count in counts.items()},
            "notes": notes,
            "next": f"read_benchmarks(sandbox={self.request.sandbox!r})",
        }


def _copied(file: EvaluationFile, folder: Path) -> EvaluationCopy:
    path = folder / f"{file.name}.py"
    write_bytes(path, file.source)
    return EvaluationCopy(
        name=file.name,
        path=path,
        metrics=dict(file.metrics),
        needs=file.needs,
        is_trusted=file.is_trusted,
    )


def main() -> None:
    """Run the job."""
    # Turn SIGTERM into SystemExit, so that a canceled job removes its folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = JobContext.from_environment()
    with context.guard():
        request = EvaluationsRequest.model_validate(read_json(context.folder / REQUEST_FILE))
        context.finish(EvaluationJob(context, load_settings(), request).run())


if __name__ == "__main__":
    main()

"""Validate a sandbox: try every requirement of the standard, and report each.

The budget "read" costs milliseconds and runs nothing. "quick" trains every baseline four times for
100 steps and scores it once, in a copy of the sandbox: about a minute on the synthetic subject.
"full" does the same with the budget of sandbox.toml. A validation that was interrupted goes on
where it was; nothing is written into the sandbox.
"""

import contextlib
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fumehood_tools.errors import FumehoodError
from fumehood_tools.files import make_private, write_json
from fumehood_tools.glass import choose_level, remove_folder, scratch_folder
from fumehood_tools.jobs import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.kinds import Kind
from fumehood_tools.proving.bench import make_bench
from fumehood_tools.proving.documents import judge_documents
from fumehood_tools.proving.folder import VARIANTS, SandboxFolder, look, tree_digest
from fumehood_tools.proving.interface import judge_interface
from fumehood_tools.proving.manifest import judge_manifest
from fumehood_tools.proving.report import Report, Result, in_order, not_tried
from fumehood_tools.proving.request import (
    ReportShelf,
    ValidationRequest,
    sarif_path,
    validation_id,
)
from fumehood_tools.proving.running import NUMBERS, Proof, judge_runs
from fumehood_tools.proving.sealed import judge_files
from fumehood_tools.sarif import Found, Rule, sarif_log
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.timestamps import now

_NOT_NEEDED = "budget read: nothing is run"


def validate_sandbox(
    request: ValidationRequest, settings: Settings, context: JobContext | None = None
) -> Report:
    """Try every requirement, keep the report and return it.

    context: the job that it runs in; without one, nothing is run, as with the budget "read".
    Raises UnknownName for a sandbox that does not exist, GlassTooWeak, StorageFailed. Every other
    failure is part of the report.
    """
    started = time.monotonic()
    folder = look(settings, request.sandbox)
    shelf, found = ReportShelf(settings), list[Result]()
    ident = validation_id(request, folder, settings)
    manifest = judge_manifest(folder)
    kind = manifest.spec.kind if manifest.spec is not None else None
    found += [*manifest.results, *judge_files(folder, kind, settings)]
    found += judge_documents(folder, kind)
    level = choose_level(settings.glass, manifest.spec.limits.glass) if manifest.spec else "rlimits"
    if request.budget != "read" and manifest.spec is not None and context is not None:
        bench = shelf.bench(folder.name, ident)
        with _working(bench):
            proof = _Running(request, settings, folder, manifest.spec, bench)
            found += proof.results(context)
    report = Report(
        id=ident,
        sandbox=folder.name,
        budget=request.budget,
        glass=level,
        kind=kind.name if kind is not None else "unknown kind",
        sealed=sealed_digest(folder),
        validated=now(),
        seconds=round(time.monotonic() - started, 1),
        results=in_order(found, _why_not(request, manifest.spec)),
    )
    shelf.put(report)
    return report


@contextlib.contextmanager
def _working(bench: Path) -> Iterator[None]:
    """Remove the bench at the end; keep it if the process is stopped, to go on from it."""
    try:
        yield
    except FumehoodError:
        remove_folder(bench)
        raise
    remove_folder(bench)


def _why_not(request: ValidationRequest, spec: SandboxSpec | None) -> str:
    if spec is None:
        return "sandbox.toml cannot be used, see 1.1, 1.2 and 6.1"
    return _NOT_NEEDED if request.budget == "read" else "it was not reached"


def sealed_digest(folder: SandboxFolder) -> str:
    """Return the sha256 of all that an agent must not change: everything outside variants/."""
    files = [path for path in folder.files if not path.startswith(f"{VARIANTS}/")]
    return tree_digest(folder.root, files)


class _Running:
    """The part of a validation that runs something."""

    def __init__(
        self,
        request: ValidationRequest,
        settings: Settings,
        folder: SandboxFolder,
        spec: SandboxSpec,
        bench: Path,
    ) -> None:
        self._request, self._settings = request, settings
        self._folder, self._spec, self._bench = folder, spec, bench
        self._level = choose_level(settings.glass, spec.limits.glass)

    def results(self, context: JobContext) -> list[Result]:
        """Return the results of 2.1 and of all that needs trainings."""
        context.report(Progress(done=0.0, total=1.0, phase="import the interface"))
        make_private(self._bench)
        with scratch_folder(self._bench, "scratch-") as scratch:
            found = [self._interface(self._spec.kind, scratch / "interface")]
            try:
                bench = make_bench(self._bench, self._settings, self._folder, self._request.budget)
                proof = Proof(self._folder, self._spec, bench, self._request.budget, self._level)
                found += judge_runs(proof, context, scratch)
            except FumehoodError as error:
                found += [not_tried(number, str(error)) for number in NUMBERS]
        return found

    def _interface(self, kind: Kind, scratch: Path) -> Result:
        scratch.mkdir(parents=True)
        try:
            return judge_interface(self._folder, kind, self._level, scratch)
        except FumehoodError as error:
            return not_tried("2.1", str(error))


def write_sarif(report: Report, settings: Settings) -> str:
    """Write a report as SARIF; return the file's path in the workspace. Raises StorageFailed."""
    needed = [report.rules[one.number] for one in report.results]
    rules = [Rule(f"sandbox/{one.number}", f"{one.says}.", one.remedy) for one in needed]
    path = sarif_path(settings, report)
    content = sarif_log(
        "fumehood validate_sandbox", _version(), rules, _findings(report), report.validated
    )
    write_json(path, content)
    return path.relative_to(settings.workspace).as_posix()


def _findings(report: Report) -> Iterator[Found]:
    for result in report.results:
        for fault in result.faults:
            message = f"{fault.why} {report.remedy(result)}"
            file = f"sandboxes/{report.sandbox}/{fault.file or 'sandbox.toml'}".rstrip("/")
            yield Found(f"sandbox/{result.number}", message, file, fault.line)


def _version() -> str:
    try:
        return version("fumehood")
    except PackageNotFoundError:
        return "0"

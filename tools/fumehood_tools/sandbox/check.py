"""Check one variant: static rules in this process, then two runs in child processes.

check_static takes milliseconds and does not import the variant. check_variant takes some seconds:
behind the glass, it runs the packaged core/check.py on a copy of the file, and then a trial beside
the file's parent (trial.py). Timeouts and memory kills are findings. A file with static errors is
not run at all.
"""

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from fumehood_tools.errors import FumehoodError, IntegrityFailed, RunFailed, UnknownName
from fumehood_tools.files import write_bytes
from fumehood_tools.glass import (
    ChildLimits,
    ChildOutcome,
    GlassLevel,
    Nursery,
    scratch_folder,
    take_file,
)
from fumehood_tools.kinds import SAE, Kind
from fumehood_tools.plain_files import read_plain
from fumehood_tools.sandbox.check_report import CheckReport, Trial
from fumehood_tools.sandbox.complaints import Complaint, error, warning
from fumehood_tools.sandbox.constants import judge_source, why_not_trained_here
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.declarations import read_declarations
from fumehood_tools.sandbox.fault_lines import Source, at_fault
from fumehood_tools.sandbox.following import next_step
from fumehood_tools.sandbox.knobs import find_knob
from fumehood_tools.sandbox.static_rules import check_source
from fumehood_tools.sandbox.trial import PROFILE, Subjects, TrialSaid, run_trial, subjects_of
from fumehood_tools.sandbox.trial_findings import JUDGED_HERE, Findings
from fumehood_tools.spec import LimitsSpec

__all__ = ["CheckReport", "Complaint", "check_static", "check_variant"]

# Many clients abort tool calls after 60 s.
WALL_SECONDS = 40.0
TRIAL_SECONDS = 20.0
# However long the first run took, the trial gets this much.
LEAST_TRIAL_SECONDS = 8.0
# The child prints its stack this long before the time limit, so that we can name the line.
STACK_SECONDS = 3.0
# Used if the subject's width cannot be looked up.
FALLBACK_WIDTH = 512
MOST_FINDINGS = 1 << 20
FINDINGS = TypeAdapter(list[Complaint])


def check_static(source: bytes, name: str, kind: Kind = SAE) -> list[Complaint]:
    """Return the findings about a variant's source, without running it, in line order.

    name: the variant's name, used in messages. kind: of the sandbox that it is for. These rules
    help authors early; they do not protect the evaluator.
    """
    return check_source(source, name, kind)


def check_variant(
    sandbox: Sandbox,
    name: str,
    level: GlassLevel,
    wall_seconds: float = WALL_SECONDS,
    kernels: Callable[[], Path | None] = lambda: None,
) -> CheckReport:
    """Check a variant statically and, unless that finds errors, by running it for a few steps.

    kernels: calls compiled_kernels; without it, the nursery compiles the kernels itself. It is not
    called for a file with static errors.
    Raises UnknownName if the variant has no file, StorageFailed if its file is not a regular one or
    a file cannot be written, and RunFailed if the glass cannot be started at this level.
    """
    started = time.monotonic()
    path = sandbox.variant_path(name)
    source = read_plain(path)
    findings = [
        *check_static(source, path.stem, sandbox.spec.kind),
        *_check_budget(source, sandbox.spec.limits),
    ]
    files: Subjects | None = None
    said: TrialSaid | None = None
    if not _errors(findings):
        try:
            files = subjects_of(sandbox, path.stem, source)
        except UnknownName as unknown:
            findings.append(_no_parent(source, unknown))
    if files is not None:
        with scratch_folder(None, "fumehood-check-") as scratch:
            run = _DynamicCheck(sandbox, files, scratch, wall_seconds)
            found, said = run.results(level, kernels())
            findings += found
    return _report(sandbox, path.stem, source, findings, files, said, started)


def _report(
    sandbox: Sandbox,
    name: str,
    source: bytes,
    findings: list[Complaint],
    files: Subjects | None,
    said: TrialSaid | None,
    started: float,
) -> CheckReport:
    declared = files.declared if files else None
    comparison = said.comparison(declared) if said else None
    knob = find_knob(source, declared)
    ok = not _errors(findings)
    is_inert = (
        comparison is not None
        and comparison.mechanism == "same"
        and comparison.same_weights is not False
    )
    return CheckReport(
        variant=name,
        ok=ok,
        findings=sorted(findings, key=lambda finding: finding.severity),
        comparison=comparison,
        trial=_trial(said) if said else None,
        knob=knob.name,
        knob_value=float(knob.value) if knob.value is not None else None,
        knob_lines=knob.lines,
        seconds=round(time.monotonic() - started, 2),
        next=next_step(
            sandbox,
            name,
            declared,
            width=_width(sandbox),
            ok=ok,
            inert=is_inert,
            aims=knob.name is not None,
        ),
    )


def _trial(said: TrialSaid) -> Trial | None:
    if said.l0 is None or said.parameters is None:
        return None
    return Trial(
        steps=said.steps,
        l0=round(said.l0, 2),
        ms_per_step=said.ms_per_step,
        parent_ms_per_step=said.parent_ms_per_step,
        parameters=said.parameters,
        parent_parameters=said.parent_parameters,
        unmoved=(*said.unmoved, *said.unknown) if said.steps else (),
        frozen=said.frozen,
    )


def _no_parent(source: bytes, unknown: UnknownName) -> Complaint:
    line = Source(source).constant("PARENT")
    cure = 'name a file in variants/, as in PARENT = "topk", or remove the line'
    return error("parent", line, f"PARENT: {unknown}", cure)


def _check_budget(source: bytes, limits: LimitsSpec) -> list[Complaint]:
    """Return a finding if a run would refuse the file, or mark its scores, for the data in it."""
    try:
        judge_source(source, limits)
    except IntegrityFailed as refusal:
        cure = "compute it in __init__ or prepare, or let it be learned from the batches"
        return [error("source_budget", None, str(refusal), cure)]
    if (why := why_not_trained_here(source)) is None:
        return []
    said = f"its SAEs will count as not trained here and get no verdict: {why}"
    cure = "start from random numbers or the first batch; ignore this warning for a control"
    return [warning("not_trained_here", None, said, cure)]


def _errors(findings: Iterable[Complaint]) -> list[Complaint]:
    return [finding for finding in findings if finding.severity == "error"]


class _DynamicCheck:
    """A run of core/check.py on a copy of the variant, and a trial beside its parent."""

    def __init__(
        self, sandbox: Sandbox, files: Subjects, scratch: Path, wall_seconds: float
    ) -> None:
        self.sandbox, self.files, self.scratch = sandbox, files, scratch
        self.width = _width(sandbox)
        self.spec = sandbox.spec
        self.out = scratch / "child" / "out"
        self.variant = scratch.resolve() / f"{files.name}.py"
        self.limits = ChildLimits(
            wall_seconds=wall_seconds,
            memory_gb=self.spec.limits.memory_gb,
            scratch_gb=self.spec.limits.scratch_gb,
        )
        write_bytes(self.variant, files.source)
        self.content = {
            "template": self.spec.template,
            "variant": str(self.variant),
            "activation_dim": self.width,
            "dict_size": self.spec.dict_size,
            "out": str(self.out.resolve()),
            "threads": 1,
        }

    def results(
        self, level: GlassLevel, kernels: Path | None
    ) -> tuple[list[Complaint], TrialSaid | None]:
        """Return the findings of both children, and what the trial said unless it did not run."""
        started = time.monotonic()
        with Nursery(self.scratch, level=level, kernels=kernels, profile=PROFILE) as nursery:
            kind, made = self.spec.kind, self._contract(nursery)
            found = [at_fault(self.files.source, one, kind) for one in made]
            if _errors(found):
                return found, None
            left = self.limits.wall_seconds - (time.monotonic() - started)
            seconds = min(TRIAL_SECONDS, max(LEAST_TRIAL_SECONDS, left))
            place = self.scratch / "trial"
            said, missing = run_trial(nursery, self.sandbox, self.width, self.files, seconds, place)
        if missing is not None:
            found.append(_not_tried(missing))
        if said is None or (said.l0 is None and said.error is None):
            return found, None
        declared = read_declarations(self.files.source)
        judged = Findings(said, self.files, declared, self.spec.kind).all(
            said.comparison(self.files.declared)
        )
        if said.l0 is not None:
            found = [one for one in found if one.rule not in JUDGED_HERE]
        return [*found, *judged], said

    def _contract(self, nursery: Nursery) -> list[Complaint]:
        """Run core/check.py; return its findings, or one that says why it did not finish."""
        deadline = time.time() + max(0.5, self.limits.wall_seconds - STACK_SECONDS)
        child = nursery.start(
            "core.check",
            {**self.content, "deadline_at": deadline},
            scratch=self.scratch / "child",
            readable=[self.variant],
            limits=self.limits,
        )
        with child:
            outcome = child.wait()
        found = self._found() if outcome.exit_code == 0 else None
        return [self._ended_early(outcome)] if found is None else found

    def _found(self) -> list[Complaint] | None:
        """Return the findings that the child wrote, or None if they cannot be read."""
        try:
            written = take_file(self.out, "findings.json", MOST_FINDINGS)
            return None if written is None else FINDINGS.validate_json(written)
        except (RunFailed, ValidationError):
            return None

    def _ended_early(self, outcome: ChildOutcome) -> Complaint:
        phase = self._phase()
        if outcome.timed_out:
            rule, message = "time", f"{phase} did not end within {self.limits.wall_seconds:g} s."
            instead = (
                "Look for a loop that does not end there; work on whole tensors, not row by row."
            )
        elif outcome.out_of_memory:
            rule, message = "memory", f"{phase} used more than {self.limits.memory_gb:g} GiB."
            instead = (
                "Compute on active latents or a sample, never an F x F matrix or all tokens at "
                "once; limits.memory_gb in sandbox.toml is the limit."
            )
        else:
            tail = " ".join(outcome.output_tail.splitlines()[-3:])[-300:]
            rule = "crash"
            message = (
                f"{phase} ended the process (exit {outcome.exit_code}): {tail or 'no output'}."
            )
            instead = "Remove sys.exit, threads and native code, then check again."
        line = self._line(outcome.output_tail)
        return Complaint(severity="error", rule=rule, line=line, message=message, instead=instead)

    def _phase(self) -> str:
        try:
            text = (take_file(self.out, "phase.txt", 4_000) or b"").decode("utf-8", "replace")
        except RunFailed:
            text = ""
        return text.strip()[:200].capitalize() or "Starting the check"

    def _line(self, output: str) -> int | None:
        """Return the innermost line of the variant in the stack that the child printed, if any."""
        # faulthandler prints the innermost call first, a traceback prints it last.
        found = re.findall(rf'File "{re.escape(str(self.variant))}", line (\d+)', output)
        if not found:
            return None
        newest_first = "most recent call first" in output
        return int(found[0] if newest_first else found[-1])


def _not_tried(why: str) -> Complaint:
    message = f"The trial beside the parent did not end, so parts of this report are missing: {why}"
    cure = "look for what is slow or large in a step; run_variants compares after each training"
    return warning("trial", None, message, cure)


def _width(sandbox: Sandbox) -> int:
    try:
        return sandbox.describe_subject().d_model
    except FumehoodError:
        return FALLBACK_WIDTH

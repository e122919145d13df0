"""Register a plan: check everything, draw fresh seeds, compute the power, and write it down.

A plan is registered once and never edited. Its seeds are fresh and drawn at random: whoever knows
what a seed gives can choose what to plan about it. A plan whose seeds the agent chose says so, and
all that is concluded from it is exploratory. Costs about 2 s for the power (a child process) once
the baseline was scored, and reads all records of the workspace. Writes one entry, with `prereg.md`
beside it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare import power_of, scored_sae
from fumehood_tools.compare.question import PowerAsked, PowerFound
from fumehood_tools.compare.training import LEAST_STEPS
from fumehood_tools.custom.start import Ahead
from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import JobStore
from fumehood_tools.locking import exclusive
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.parameters import Value, constants_of
from fumehood_tools.records.seed_lists import MOST_SEEDS, short_seeds
from fumehood_tools.registry.lookup import judged_metrics, metric_named
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.runs.baselines import UNTRAINED
from fumehood_tools.runs.start import Prepared
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.sandbox.sources import origin_of
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.studies.claims import metric_of
from fumehood_tools.studies.counting import all_tries
from fumehood_tools.studies.drawing import drawn_seeds, taken_seeds
from fumehood_tools.studies.entries import (
    Budget,
    Direction,
    OwnEvaluation,
    Plan,
    PlannedVariant,
    Power,
)
from fumehood_tools.studies.lab import Lab, setting_digest
from fumehood_tools.studies.notebook import Entry, Study, append
from fumehood_tools.studies.own.planning import (
    digest_in,
    own_evaluation,
    own_power,
    refuse_what_is_not_there,
)
from fumehood_tools.studies.prereg import PREREG_FILE, prereg_of
from fumehood_tools.studies.running import prepare_plan
from fumehood_tools.studies.spending import Spent, check_budget
from fumehood_tools.timestamps import now

_LOCK = "studies.plans.lock"
_CHOSEN = (
    "The seeds were chosen by the agent, so every conclusion about this plan will be exploratory. "
    "For a registered one, pass how many seeds are to be drawn (seeds=5), or omit seeds."
)
LITTLE = 4
"""A corpus this many times smaller than a new sandbox's is little training."""


class Proposal(NamedTuple):
    """A plan as it was asked for.

    seeds: chosen by the agent, so that the plan is exploratory; empty to have them drawn. draw:
    how many are drawn; None for as many as are needed. smallest_effect: None for the metric's
    margin.
    """

    title: str
    hypothesis: str
    sandbox: str
    variants: Sequence[str]
    baseline: str
    metric: str
    direction: Direction = "better"
    smallest_effect: float | None = None
    l0_targets: Sequence[float] = ()
    grid: dict[str, list[Value]] = {}
    seeds: Sequence[int] = ()
    draw: int | None = None
    looks: int = 1
    controls: bool = False
    budget: Budget = Budget()


class Registered(NamedTuple):
    """A plan that was registered, and the run that it will take."""

    entry: Entry
    plan: Plan
    run: Prepared | Ahead


def register_plan(
    lab: Lab, study: str, asked: Proposal, jobs: JobStore | None = None
) -> Registered:
    """Register a plan, and return it with the run that it will take.

    jobs: whose runs' seeds are not fresh either, as the logs of stopped ones may have been read.

    Raises UnknownName for a study, sandbox, variant, baseline or metric that does not exist;
    BadRequest for an impossible L0, chosen seeds that were seen, or a budget that is spent;
    PartMissing without scipy; StorageFailed.
    """
    # Two servers that register at the same time must not give the same seeds to two plans.
    with exclusive(lab.settings.state / _LOCK):
        taken = taken_seeds(lab, jobs)
        notebook = lab.studies.read(study)
        box = open_sandbox(lab.settings, asked.sandbox)
        metric, own = _metric(lab, box, asked)
        files = _files(lab, box, asked)
        draft = Plan(
            title=asked.title,
            hypothesis=asked.hypothesis,
            sandbox=asked.sandbox,
            settings_digest=digest_in(box),
            variants=files[1:],
            baseline=files[0],
            corpus=box.spec.corpus,
            metric=metric.key,
            direction=asked.direction,
            smallest_effect=asked.smallest_effect or metric.margin or 0.0,
            l0_targets=list(asked.l0_targets),
            grid=asked.grid,
            seeds=_seeds(lab, asked, LEAST_SEEDS, taken),
            seeds_drawn=not asked.seeds,
            looks=asked.looks,
            controls=asked.controls,
            budget=asked.budget,
            power=Power(basis="not computed yet"),
            own=own,
            follows=_follows(notebook, asked.variants),
            written=now(),
        )
        _checked(lab, notebook, draft)  # what is refused is refused before the power is computed
        power = _power(lab, box, draft, asked.draw or len(set(asked.seeds)) or None)
        seeds = _seeds(lab, asked, power.seeds, taken)
        note, said = _note(box, power, draft, len(seeds)), _in_words(power, files[0].name)
        plan = draft.model_copy(update={"seeds": seeds, "power": said, "note": note})
        run = _checked(lab, notebook, plan)
        beside = {PREREG_FILE: prereg_of(study, plan).encode()}
        return Registered(append(lab.settings.workspace, study, plan, beside), plan, run)


def _metric(lab: Lab, box: Sandbox, asked: Proposal) -> tuple[Metric, OwnEvaluation | None]:
    """Return the metric of a plan, and what it registers about a sandbox's own evaluation."""
    if box.spec.custom is None:
        return metric_named(asked.metric, judged_metrics()), None
    refuse_what_is_not_there(l0_targets=asked.l0_targets, grid=asked.grid, controls=asked.controls)
    own, metric = own_evaluation(lab, box, asked.metric)
    return metric, own


def _checked(lab: Lab, study: Study, plan: Plan) -> Prepared | Ahead:
    """Return the run of a plan. Raises if it is impossible or exceeds a budget."""
    run = prepare_plan(lab, plan)
    more = Spent(run.left, run.seconds / 60)
    check_budget(lab, study, None, plan.budget, more, noun=plan.noun)
    return run


def _files(lab: Lab, box: Sandbox, asked: Proposal) -> list[PlannedVariant]:
    """Return the baseline and the variants, as their files are now."""
    names = [asked.baseline, *dict.fromkeys(asked.variants)]
    if len(names) == 1:
        raise BadRequest("variants is empty. Name the variants that the plan is about.")
    if UNTRAINED in names:
        raise BadRequest(
            f"{UNTRAINED} is the control, about which nothing can be claimed. Remove it; run it "
            "with run_variants, and conclusions will show it."
        )
    if asked.baseline in asked.variants:
        raise BadRequest(
            f"{asked.baseline} is the baseline of the plan. Remove it from variants; it is run "
            "with them."
        )
    found = []
    for name in names:
        source = read_plain(box.variant_path(name))
        sha256 = hashlib.sha256(source).hexdigest()
        constants = constants_of(source)
        found.append(
            PlannedVariant(
                name=name,
                file_sha256=sha256,
                packaged=_came_with(lab, box, name, sha256),
                seen_seeds=sorted(lab.seeds_of(sha256)),
                constants={key: constants[key] for key in asked.grid if key in constants},
            )
        )
    _check_grid(asked, found)
    return found


def _came_with(lab: Lab, box: Sandbox, name: str, sha256: str) -> bool:
    """Whether a file is a packaged one: of its kind, or of a shipped sandbox that was copied."""
    if box.spec.custom is None:
        return lab.packaged(box.name).get(name) == sha256
    origin = origin_of(box.folder)
    return origin.source.startswith("template:") and origin.came_with(f"variants/{name}.py", sha256)


def _check_grid(asked: Proposal, files: Sequence[PlannedVariant]) -> None:
    """Raise BadRequest if the grid varies a constant that the baseline lacks but would be run with.

    With target L0s the baseline is run without the grid, except for the sake of controls.
    """
    base, *variants = files
    lacking = [
        name
        for name in asked.grid
        if name not in base.constants and any(name in one.constants for one in variants)
    ]
    if lacking and (asked.controls or not asked.l0_targets):
        as_it_is = f"pass l0_targets, with which {base.name} is run as it is"
        remedy = "omit controls" if asked.l0_targets else as_it_is
        raise BadRequest(
            f"The grid varies {', '.join(lacking)}, which the baseline {base.name} lacks, and this "
            f"plan would run {base.name} with the same constants. Remove it from grid, {remedy}, "
            "or choose a baseline that has it."
        )


def _seeds(lab: Lab, asked: Proposal, usual: int, taken: set[int]) -> list[int]:
    """Return the seeds of a plan: drawn, or those that were asked for if they are fresh.

    usual: how many are drawn if nothing was asked for. Raises BadRequest for impossible ones.
    """
    if not asked.seeds:
        count = usual if asked.draw is None else asked.draw
        if not LEAST_SEEDS <= count <= MOST_SEEDS:
            raise BadRequest(
                f"{count} seeds cannot be drawn. Pass a number from {LEAST_SEEDS} to {MOST_SEEDS}, "
                "or omit seeds."
            )
        return drawn_seeds(taken, count, lab.draw)
    if spent := sorted(taken & set(asked.seeds)):
        raise BadRequest(
            f"Something was run with the seeds {', '.join(map(str, short_seeds(spent)))} in "
            "this workspace already, or another plan has them. What was seen cannot be registered. "
            f"Pass how many seeds are to be drawn: seeds={max(LEAST_SEEDS, len(set(asked.seeds)))}."
        )
    if len(set(asked.seeds)) < LEAST_SEEDS:
        raise BadRequest(
            f"A verdict needs {LEAST_SEEDS} seeds. Pass how many are to be drawn, as in "
            f"seeds={LEAST_SEEDS}, or omit seeds."
        )
    return sorted(set(asked.seeds))


def _power(lab: Lab, box: Sandbox, plan: Plan, seeds: int | None) -> PowerFound:
    """Return what a plan can detect, from the baseline's scores in this setting.

    seeds: how many; None for as many as are needed.
    """
    if plan.own is not None:
        own = own_power(lab, box, plan, seeds)
        return power_of(own) if own else PowerFound(noise=None, seeds=seeds or LEAST_SEEDS)
    found, base, metric = lab.found(plan.sandbox), plan.baseline, metric_of(plan)
    right = lab.settings_like(plan.sandbox, setting_digest(box.spec))
    points = [
        scored_sae(score, lab.packaged(plan.sandbox), metric)
        for place, score in found.scores.items()
        if found.settings[place] in right
        and score.control is None
        and (score.variant, score.file_version) == (base.name, base.file_sha256)
    ]
    if not points:  # as the child would say, which takes 2 s to start
        return PowerFound(noise=None, seeds=seeds or LEAST_SEEDS)
    new = sum(not file.seen_seeds and not file.packaged for file in plan.variants)
    return power_of(
        PowerAsked(
            metric=metric,
            baseline=base.name,
            points=points,
            smallest_effect=plan.smallest_effect,
            seeds=seeds,
            tries=max(1, all_tries(lab) + new) * plan.looks,
        )
    )


def _in_words(found: PowerFound, baseline: str) -> Power:
    if found.noise is None:
        basis = (
            f"not measured yet: {baseline} has no level with two seeds in this setting, so nothing "
            "can be said about power."
        )
        return Power(noise=None, basis=basis, detectable=None, seeds_needed=None)
    basis = (
        f"the standard deviation of {baseline} over seeds in this setting, times the root of 2: "
        f"{found.noise:.2g} ({found.freedom} degrees of freedom)."
    )
    return Power(
        noise=found.noise,
        basis=basis,
        detectable=found.detectable,
        seeds_needed=found.seeds_needed,
    )


def _note(box: Sandbox, found: PowerFound, plan: Plan, seeds: int) -> str | None:
    """Return what the author should know before the run; None if there is nothing."""
    chosen = "" if plan.seeds_drawn else _CHOSEN
    power = _underpowered(found, plan.smallest_effect, seeds)
    little = "" if plan.own else _little_training(box.spec)
    notes = [chosen, little, power]
    return " ".join(note for note in notes if note) or None


def _little_training(spec: SandboxSpec) -> str:
    """Return a warning if the sandbox trains far less than a new one does; else ""."""
    usual = SandboxSpec()
    if spec.steps >= LEAST_STEPS and LITTLE * spec.corpus.train_tokens >= usual.corpus.train_tokens:
        return ""
    return (
        f"Little training: {spec.corpus.train_tokens:,} tokens in {spec.steps:,} steps (a new "
        f"sandbox: {usual.corpus.train_tokens:,} in {usual.steps:,}). Who leads then may only "
        "learn faster, so a verdict holds for this budget alone. Before you rely on it, plan the "
        "same in a sandbox with a larger corpus.train_tokens."
    )


def _underpowered(found: PowerFound, smallest: float, seeds: int) -> str:
    """Return what the number of seeds cannot do; "" if they suffice."""
    if found.noise is None:
        return "The noise is not measured yet, so the number of seeds is a guess."
    if found.seeds_needed is not None and found.seeds_needed <= seeds:
        return ""
    needed = "more than 1,000" if found.seeds_needed is None else str(found.seeds_needed)
    return (
        f"Underpowered: a difference of {smallest:g} would be found 8 times in 10 with {needed} "
        f"seeds, and the plan has {seeds}. A result that is not significant says little."
    )


def _follows(study: Study, variants: Iterable[str]) -> int | None:
    """Return the newest plan of the study about the same variants."""
    names = set(variants)
    same = [e.number for e, plan in study.only(Plan) if {v.name for v in plan.variants} == names]
    return max(same, default=None)

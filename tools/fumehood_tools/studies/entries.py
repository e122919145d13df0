"""The entries of a study. Each is a signed record in `studies/<study>/entries/<number>-<kind>/`.

An entry is never changed: what turns out to be wrong is followed by another entry that says so. So
the study is the list of its entries, in the order of their numbers, and the ledger of receipts
shows if one was edited, removed, or put back in an older form.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.records.parameters import Value
from fumehood_tools.spec import CorpusSpec

Verdict = Literal["supported", "refuted", "inconclusive", "inert", "lost on transfer"]
Direction = Literal["better", "worse", "equal"]
NoteKind = Literal["background", "hypothesis", "idea", "failed idea", "decision", "run"]
EvidenceKind = Literal["receipt", "entry", "quote"]

STUDY, NOTE, PLAN, EXPERIMENT, CONCLUSION, REFLECTION, HOLDOUT, REPORT = KINDS = (
    "study",
    "note",
    "plan",
    "experiment",
    "conclusion",
    "reflection",
    "holdout",
    "report",
)


SEEDS_CHOSEN = "its seeds were chosen by the agent, who may know from elsewhere what they give"
"""Why a conclusion about a plan is exploratory if its seeds were not drawn."""
COMPARISON_FILE = "comparison.json"
"""The whole comparison, beside the entry of a conclusion."""


class Budget(BaseModel, frozen=True, extra="forbid"):
    """What a study may spend. null: no limit."""

    saes: int | None = Field(None, ge=1, description="SAEs to train")
    minutes: float | None = Field(None, gt=0, description="wall time")
    usd: float | None = Field(None, ge=0, description="rented machines")


class StudyOpened(BaseModel, frozen=True):
    """The first entry: what the study is about, and what it may spend."""

    question: str
    background: list[str] = Field(
        default_factory=list, description="quotes with their sources' words"
    )
    budget: Budget = Budget()
    holdout_questions: int = Field(3, description="how often the sealed holdout may be asked")
    written: str = Field(description="ISO 8601, UTC, as in every entry")


class Note(BaseModel, frozen=True):
    """One remark: background, a hypothesis, an idea, an idea that failed, a decision, or how an
    unattended run ended."""

    kind: NoteKind
    text: str
    about: list[str] = Field(default_factory=list, description="ids: papers, codebases, entries …")
    written: str


class PlannedVariant(BaseModel, frozen=True):
    """A variant of a plan, as its file was when the plan was registered."""

    name: str
    file_sha256: str
    packaged: bool = Field(description="a baseline that came with the sandbox")
    seen_seeds: list[int] = Field(
        default_factory=list,
        description="seeds that this file was scored with before the plan, in any setting",
    )
    constants: dict[str, Value] = Field(
        default_factory=dict, description="constants of the file that the plan's grid varies"
    )


class Power(BaseModel, frozen=True):
    """What a plan can be expected to detect."""

    noise: float | None = Field(
        None, description="standard deviation over seeds of a difference; null: not measured yet"
    )
    basis: str = Field(description="where the noise comes from, in words")
    detectable: float | None = Field(
        None, description="the smallest true difference that is found 8 times in 10; null: unknown"
    )
    seeds_needed: int | None = Field(
        None, description="seeds with which the smallest effect of interest is found 8 times in 10"
    )


class OwnEvaluation(BaseModel, frozen=True):
    """The evaluation of a sandbox that has one of its own, when a plan was registered."""

    sealed_sha256: str = Field(description="of the sealed files: interface, inputs, evaluation")
    better: Literal["higher", "lower"] = Field(description="of the plan's metric")


class Plan(BaseModel, frozen=True):
    """An experiment that was registered before it was run. `prereg.md` beside it is for people."""

    title: str
    hypothesis: str
    sandbox: str
    settings_digest: str = Field(description="of the sandbox when the plan was registered")
    variants: list[PlannedVariant]
    baseline: PlannedVariant
    corpus: CorpusSpec | None = Field(
        None, description="of the sandbox then; null in plans older than this field"
    )
    metric: str
    direction: Direction
    smallest_effect: float = Field(
        description="a difference below it does not matter; in units of the metric"
    )
    l0_targets: list[float] = Field(default_factory=list)
    grid: dict[str, list[Value]] = Field(default_factory=dict)
    seeds: list[int]
    seeds_drawn: bool = Field(
        False, description="at random, by fumehood; false: chosen by the agent, so exploratory"
    )
    looks: int = Field(1, description="how often results may be judged; alpha is divided by it")
    controls: bool = False
    budget: Budget = Budget()
    power: Power
    follows: int | None = Field(None, description="the plan with the same variants before it")
    note: str | None = Field(None, description="what the author should know, e.g. too few seeds")
    own: OwnEvaluation | None = Field(
        None, description="null: the sandbox is evaluated by fumehood's evaluator"
    )
    written: str

    @property
    def noun(self) -> str:
        """What its runs make."""
        return "SAEs" if self.own is None else "scores"


class Experiment(BaseModel, frozen=True):
    """A job that was started for a plan."""

    plan: int = Field(description="number of the plan's entry")
    job_id: str
    target: str = Field("local", description="where it trains")
    saes: int
    noun: str = Field("SAEs", description="what `saes` counts: SAEs, or scores of own evaluations")
    minutes: float = Field(description="estimated")
    written: str


class Claim(BaseModel, frozen=True):
    """What is concluded about one variant."""

    variant: str
    verdict: Verdict
    reason: str
    compared: str = Field(description="the word of compare_variants for the same points")
    effect: float | None = Field(description="mean difference from the baseline at the same L0")
    low: float | None = Field(description="95 % interval")
    high: float | None
    p: float | None
    p_adjusted: float | None = Field(description="corrected for all tries and looks")
    seeds: list[int]
    receipts: list[str] = Field(description="places of the scores that it rests on")


class Conclusion(BaseModel, frozen=True):
    """Our analysis of a plan. `comparison.json` beside it has the whole comparison."""

    plan: int = Field(description="number of the plan's entry; 0: no plan foresaw it")
    registered: bool = Field(description="false: exploratory")
    exploratory_because: list[str] = Field(default_factory=list)
    claims: list[Claim]
    look: int = Field(description="which look at this plan it is, from 1")
    tries: int = Field(description="variants tried in the workspace, by every agent")
    missing_controls: list[str] = Field(default_factory=list)
    minutes: float = Field(description="training and scoring of the SAEs it rests on")
    usd: float | None = Field(0.0, description="null: some of it has no known price")
    metric: str = Field("", description="of the effects")
    advice: str = Field("", description="the run of the baseline that a claim waits for, as a call")
    early: bool = Field(False, description="results were shown before all planned seeds were in")
    lacking: dict[str, str] = Field(
        default_factory=dict, description="file -> what is missing of its planned scores"
    )
    to_run: bool = Field(False, description="whether a run of the plan would give some of these")
    stopped: dict[str, int] = Field(
        default_factory=dict, description="file -> trainings that were stopped without an outcome"
    )
    stopped_times: int = Field(1, description="what p is multiplied by for them")
    state: str = Field("", description="digest of the scores that it rests on, and of what lacks")
    written: str


class Evidence(BaseModel, frozen=True):
    """Something that a reflection rests on, as it was found when it was written."""

    kind: EvidenceKind
    reference: str = Field(description="as passed")
    found: str = Field(description="what it says, e.g. the value of a metric or the quoted words")
    receipt: str | None = Field(None, description="MAC of the receipt that it is about")
    receipts: dict[str, str] = Field(
        default_factory=dict, description="place -> MAC, if it rests on several receipts"
    )


class Reflection(BaseModel, frozen=True):
    """An insight and the next step, with the evidence for them."""

    insight: str
    next_step: str
    evidence: list[Evidence]
    written: str


class HoldoutAnswer(BaseModel, frozen=True):
    """One question to the sealed holdout, or the re-test of a winner elsewhere."""

    plan: int
    test: Literal["holdout", "layer", "subject"]
    where: str = Field(description="documents, layer or subject that the study never saw")
    question: int = Field(description="which question it is, from 1; 0 for a re-test elsewhere")
    claims: list[Claim]
    written: str
    asked: bool = Field(False, description="counted before it was answered, in a later entry")
    digest: str = Field("", description="of the weights that the question is about")
    held_back: list[Claim] = Field(
        default_factory=list, description="by a metric that is shown nowhere else"
    )
    minutes: float = Field(0.0, description="what the answer cost; if it was asked: estimated")
    saes: int = Field(0, description="SAEs that were trained for it; if it was asked: estimated")
    sandbox: str = Field("", description="made for a re-test elsewhere")
    subject: str = Field("", description="of a re-test elsewhere; absent in older entries")
    layer: int | None = Field(None, description="of a re-test elsewhere; absent in older entries")
    seeds: list[int] = Field(
        default_factory=list, description="drawn at random for a re-test elsewhere"
    )


def newest_tests(answers: Iterable[HoldoutAnswer]) -> list[HoldoutAnswer]:
    """Return one entry per question and re-test: its answer, or that it was asked without one."""
    newest: dict[tuple[int, str], HoldoutAnswer] = {}
    for said in answers:
        key = said.question, said.digest
        if key not in newest or newest[key].asked:
            newest[key] = said
    return list(newest.values())


class ReportWritten(BaseModel, frozen=True):
    """A report that was rendered. The rendered files lie beside the record."""

    title: str
    references: dict[str, str] = Field(description="reference -> the value shown")
    receipts: dict[str, str] = Field(description="place -> MAC of every receipt that it rests on")
    basis: dict[str, list[str]] = Field(
        default_factory=dict, description="reference -> places of the receipts behind its value"
    )
    ledger_head: str = Field(description="MAC of the ledger's last line when it was rendered")
    ledger_lines: int
    written: str


Content = (
    StudyOpened | Note | Plan | Experiment | Conclusion | Reflection | HoldoutAnswer | ReportWritten
)
MODELS: dict[str, type[Content]] = {
    STUDY: StudyOpened,
    NOTE: Note,
    PLAN: Plan,
    EXPERIMENT: Experiment,
    CONCLUSION: Conclusion,
    REFLECTION: Reflection,
    HOLDOUT: HoldoutAnswer,
    REPORT: ReportWritten,
}
KIND_OF: dict[type[BaseModel], str] = {model: kind for kind, model in MODELS.items()}

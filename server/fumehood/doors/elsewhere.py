"""The arguments of run_variants that say on which machines it trains, and what may be spent.

They are published only where the toolset pods is offered.
"""

from typing import Annotated, Any, NamedTuple

from mcp.server.mcpserver import Context, Elicit, ElicitationResult
from pydantic import Field

from fumehood.doors.agreeing import YES, Agreement, agreed, agreed_pods
from fumehood.tooling import Toolbox, in_thread
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.pods.hosts import host_named, read_hosts
from fumehood_tools.pods.wanted import HERE, RunPlace, SkyWanted, TargetName

ARGUMENTS = ("target", "gpus", "pods", "hours", "max_cost_usd", "hosts", "sky")

TargetArgument = Annotated[
    TargetName, Field(description="Where it trains. runpod, skypilot COST MONEY; ssh: hosts.toml")
]
GpusArgument = Annotated[
    list[str] | None,
    Field(description="With runpod: kinds from list_gpus, the preferred one first", max_length=10),
]
PodsArgument = Annotated[int, Field(ge=1, le=32, description="With runpod: pods side by side")]
HoursArgument = Annotated[
    float, Field(gt=0, le=168, description="With runpod: the longest that a pod may work")
]
CostArgument = Annotated[
    float | None,
    Field(gt=0, description="For all pods; needed where the client cannot ask the user"),
]
HostsArgument = Annotated[
    list[str] | None, Field(description="With ssh; default: all", max_length=100)
]
SkyArgument = Annotated[
    SkyWanted | None,
    Field(description="With skypilot, whose clouds bill without a cap of ours: ask the user first"),
]


class Elsewhere(NamedTuple):
    """The arguments, as they were passed."""

    target: TargetName
    gpus: list[str] | None
    pods: int
    hours: float
    max_cost_usd: float | None
    hosts: list[str] | None
    sky: SkyWanted | None


class Subject(NamedTuple):
    """What is run, as far as the price needs it: a sandbox, or a plan of a study."""

    sandbox: str | None
    study: str | None
    plan: int | None


async def asked(
    toolbox: Toolbox, ctx: Context[None, Any], wanted: Elsewhere, subject: Subject
) -> Agreement | Elicit[Agreement]:
    """Return the question for the user where a run costs money. Raises BadRequest."""
    if wanted.target != "runpod":
        return YES
    if not wanted.gpus:
        raise BadRequest('target="runpod" needs gpus: kinds from list_gpus, the preferred first.')
    scores = await in_thread(scores_there, toolbox, subject)
    limits = wanted.pods, wanted.hours, wanted.max_cost_usd
    return await agreed(toolbox, ctx, wanted.gpus, *limits, scores)


def scores_there(toolbox: Toolbox, subject: Subject) -> bool:
    """Whether a run on pods has one more pod, which scores. False where nothing can be run."""
    # Loaded only for runs that are paid.
    from fumehood_tools.runs.remote.scoring_checks import is_scored_there
    from fumehood_tools.sandbox.create import open_sandbox

    try:
        sandbox = subject.sandbox or _planned_sandbox(toolbox, subject)
        return is_scored_there(open_sandbox(toolbox.settings, sandbox).spec, toolbox.settings)
    except (BadRequest, UnknownName):
        return False  # the run itself says what is wrong


def _planned_sandbox(toolbox: Toolbox, subject: Subject) -> str:
    from fumehood.doors.study_notebook import lab_of
    from fumehood_tools.studies.running import plan_of

    if subject.study is None or subject.plan is None:
        raise BadRequest("Pass a sandbox, or study and plan.")
    _, plan = plan_of(lab_of(toolbox).studies.read(subject.study), subject.plan)
    return plan.sandbox


def place_of(
    toolbox: Toolbox,
    agreement: "ElicitationResult[Agreement]",
    wanted: Elsewhere,
    subject: Subject,
) -> RunPlace:
    """Return where a run trains. Raises BadRequest for arguments that do not fit the target, and
    where the user did not agree; UnknownName for a host."""
    if wanted.target != "runpod" and (wanted.gpus or wanted.max_cost_usd is not None):
        raise BadRequest('gpus and max_cost_usd belong to target="runpod". Omit them, or pass it.')
    if wanted.target != "ssh" and wanted.hosts:
        raise BadRequest('hosts belong to target="ssh". Omit them, or pass it.')
    if (wanted.target == "skypilot") != (wanted.sky is not None):
        raise BadRequest('target="skypilot" and sky belong together. Pass both, or none of them.')
    if wanted.target == "local":
        return HERE
    if wanted.target == "skypilot":
        from fumehood_tools.runs.remote.scoring_checks import check_trains_only

        check_trains_only(toolbox.settings)
        return RunPlace(target="skypilot", sky=wanted.sky)
    settings = toolbox.settings
    if wanted.target == "ssh":
        named = tuple(wanted.hosts or ())
        there = [host_named(settings, name) for name in named] or read_hosts(settings)
        if not there:
            raise BadRequest("There is no host. Ask the user to add one to hosts.toml.")
        return RunPlace(target="ssh", hosts=named)
    limits = wanted.pods, wanted.hours, wanted.max_cost_usd
    scores = wanted.max_cost_usd is None and scores_there(toolbox, subject)
    pods = agreed_pods(
        toolbox, agreement, wanted.gpus or (), *limits, study=subject.study, scores=scores
    )
    return RunPlace(target="runpod", pods=pods)

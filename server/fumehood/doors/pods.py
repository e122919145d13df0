"""The pod tools: GPUs of other machines, what they cost, and the end of what was rented.

Thin: `fumehood_tools.pods` and `fumehood_tools.launches` do the work. Nothing is rented before
somebody has agreed to the price (`agreeing`). Renting is a job; ending waits for the proof.
"""

import contextlib
from typing import Annotated, Any

from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Resolve
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from fumehood.doors.agreeing import Agreement, agreed, agreed_pods, provider_of
from fumehood.tooling import Toolbox, answer
from fumehood_tools.errors import BadRequest
from fumehood_tools.launches.ending import EndedPod, end_everything, end_named, ended_text
from fumehood_tools.launches.start import script_of, start_launch
from fumehood_tools.pods.api import Stock
from fumehood_tools.pods.configured import has_key
from fumehood_tools.pods.hosts import read_hosts
from fumehood_tools.pods.overview import PodRows, pods_of
from fumehood_tools.pods.pricing import offer_for, spending_of
from fumehood_tools.pods.rentals import caps_of, open_desk
from fumehood_tools.pods.telling import rows_text

Hours = Annotated[
    float, Field(gt=0, le=168, description="The longest that a pod may work, after its setup")
]
Gpus = Annotated[
    list[str],
    Field(min_length=1, max_length=10, description="Kinds from list_gpus, the preferred one first"),
]
NO_KEY = (
    "RUNPOD_API_KEY is not set: with it, GPUs can be rented from RunPod (docs/gpus.md). Only the "
    "user can set it, for the server; never ask for its value."
)


class GpuLine(BaseModel, frozen=True):
    """One kind of GPU that can be rented."""

    gpu: str
    memory_gb: int
    stock: Stock
    usd_per_hour: float = Field(description="of one pod")
    total_usd: float = Field(description="the most, for all pods until the deadline")


class HostLine(BaseModel, frozen=True):
    """One of the user's own machines."""

    host: str
    gpus: int = Field(description="0: it trains on its processor")


class GpuList(BaseModel, frozen=True):
    """What can be rented, and the user's own hosts."""

    gpus: list[GpuLine]
    hosts: list[HostLine]
    deadline_hours: float
    cap_job_usd: float | None
    cap_day_usd: float | None
    spent_today_usd: float
    reserved_usd: float
    note: str | None = None


class Launched(BaseModel, frozen=True):
    """A launch that was submitted."""

    job_id: str
    status: str
    max_cost_usd: float
    next: str


class Terminated(BaseModel, frozen=True):
    """What became of each pod."""

    pods: list[EndedPod]
    all_ended: bool


def register(toolbox: Toolbox) -> None:
    """Declare the four pod tools."""
    _register_list(toolbox)
    _register_launch(toolbox)
    _register_pods(toolbox)
    _register_end(toolbox)


def _register_list(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="List GPUs", read_only=True, destructive=False, idempotent=True, open_world=True
    )
    def list_gpus(
        gpu_count: Annotated[
            int, Field(ge=1, le=32, description="Pods side by side; each has one GPU")
        ] = 1,
        hours: Hours = 2.0,
        min_memory_gb: Annotated[int, Field(ge=0, description="Memory of one GPU")] = 0,
    ) -> Annotated[CallToolResult, GpuList]:
        """List GPUs that can be rented, with what they cost in all, and the user's own hosts.

        Sorted by the total until the deadline (setup included), which is the most that can be
        spent; also the caps, and what is spent today. Nothing is rented. Next: run_variants with
        target="runpod" and gpus, or target="ssh"; or launch_pods.
        """
        return _gpus(toolbox, gpu_count, hours, min_memory_gb)


def _gpus(toolbox: Toolbox, count: int, hours: float, least_gb: int) -> CallToolResult:
    settings = toolbox.settings
    caps, spending = caps_of(settings), spending_of(settings)
    hosts = [HostLine(host=host.name, gpus=host.gpus) for host in read_hosts(settings)]
    lines, deadline, note = [], hours, None if has_key(settings) else NO_KEY
    if settings.offline:
        note = "Offline mode is on, so the provider was not asked what it sells."
    if note is None:
        offer = offer_for(settings, provider_of(toolbox), (), count, hours)
        deadline = offer.quotation.deadline_s / 3600
        lines = [
            GpuLine(
                gpu=one.gpu,
                memory_gb=one.memory_gb,
                stock=one.stock,
                usd_per_hour=one.usd_per_hour,
                total_usd=round(one.total_usd, 2),
            )
            for one in offer.quotation.alternatives
            if one.memory_gb >= least_gb
        ]
    found = GpuList(
        gpus=lines,
        hosts=hosts,
        deadline_hours=round(deadline, 2),
        cap_job_usd=caps.job_usd,
        cap_day_usd=caps.day_usd,
        spent_today_usd=round(spending.spent, 2),
        reserved_usd=round(spending.reserved, 2),
        note=note,
    )
    return answer(_gpu_text(found, count), found)


def _gpu_text(found: GpuList, count: int) -> str:
    said = [found.note] if found.note else []
    if found.gpus:
        said.append(
            f"{count} pod{'s' * (count > 1)} until the deadline in {found.deadline_hours:g} h, by "
            "total cost:"
        )
    said += [
        f"- {one.gpu}: at most ${one.total_usd:.2f} in all (${one.usd_per_hour:.2f} per hour and "
        f"pod), {one.memory_gb} GB, stock {one.stock}"
        for one in found.gpus
    ]
    if not found.gpus and not found.note:
        said.append("No kind with so much memory is in stock now.")
    said += [
        f"- own host {one.host}: {one.gpus} GPUs, free of charge"
        if one.gpus
        else f"- own host {one.host}: its processor"
        for one in found.hosts
    ]
    if not found.hosts:
        said.append("There is no own host: hosts.toml in the workspace names them.")
    said.append(
        f"Caps: ${found.cap_job_usd:.2f} per job, ${found.cap_day_usd:.2f} per day; today "
        f"${found.spent_today_usd:.2f} are spent and ${found.reserved_usd:.2f} reserved."
    )
    return "\n".join(said)


def _register_launch(toolbox: Toolbox) -> None:
    async def ask(
        ctx: Context[None, Any],
        gpus: list[str],
        count: int,
        hours: float,
        max_cost_usd: float | None,
    ) -> Agreement | Elicit[Agreement]:
        return await agreed(toolbox, ctx, gpus, count, hours, max_cost_usd)

    @toolbox.tool(
        title="Rent GPUs", read_only=False, destructive=False, idempotent=False, open_world=True
    )
    def launch_pods(
        gpus: Gpus,
        agreement: Annotated[ElicitationResult[Agreement], Resolve(ask)],
        count: Annotated[int, Field(ge=1, le=32, description="Pods side by side")] = 1,
        hours: Hours = 2.0,
        max_cost_usd: Annotated[
            float | None,
            Field(gt=0, description="For all pods; needed where the client cannot ask the user"),
        ] = None,
        script: Annotated[
            str | None, Field(description="A .py file of the workspace, run once on each pod")
        ] = None,
        arguments: Annotated[list[str] | None, Field(description="Of the script")] = None,
        results: Annotated[
            list[str] | None,
            Field(description="Files and folders that it writes where it runs; default: all"),
        ] = None,
        request_key: Annotated[
            str | None, Field(max_length=200, description="As in run_variants")
        ] = None,
    ) -> Annotated[CallToolResult, Launched]:
        """Rent pods to run a script on each, or to keep for later runs; COSTS MONEY.

        The user is asked first, with the price. With a script: it runs in an empty folder
        (FUMEHOOD_POD of FUMEHOOD_PODS is its number), its result files are brought to
        .fumehood/jobs/<job_id>/results, and the pods are ended. Without one: the pods stay idle,
        and bill, until the deadline or terminate_pods; run_variants uses them first. To train
        variants, run_variants with target="runpod" rents by itself. Next: wait_for_job.
        """
        if script is None and (arguments or results):
            raise BadRequest("arguments and results belong to a script. Pass script, or omit them.")
        program = (
            None
            if script is None
            else script_of(toolbox.settings, script, arguments or (), results or ())
        )
        wanted = agreed_pods(toolbox, agreement, gpus, count, hours, max_cost_usd)
        job = start_launch(toolbox.settings, toolbox.jobs, wanted, program, request_key)
        launched = Launched(
            job_id=job.job_id,
            status=job.status,
            max_cost_usd=wanted.max_cost_usd,
            next=f"wait_for_job(job_id={job.job_id!r})",
        )
        text = (
            f"Job {job.job_id} {job.status}: {job.title}, for at most ${wanted.max_cost_usd:.2f}."
        )
        return answer(f"{text}\nNext: {launched.next}", launched)


def _register_pods(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="List rented GPUs",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=True,
    )
    def list_pods(
        ended: Annotated[bool, Field(description="The last 20 that have ended instead")] = False,
    ) -> Annotated[CallToolResult, PodRows]:
        """List the pods that are rented now, with age and cost; also orphans nobody knows.

        All of them bill, whatever their state. With ended=True: what they cost, why they ended, and
        the proof. Next: terminate_pods.
        """
        settings = toolbox.settings
        api = provider_of(toolbox) if has_key(settings) and not settings.offline else None
        found = pods_of(settings, api, ended=ended)
        return answer(rows_text(found, ended, can_look=api is not None), found)


def _register_end(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="End rented GPUs",
        read_only=False,
        destructive=True,
        idempotent=True,
        open_world=True,
    )
    def terminate_pods(
        pods: Annotated[
            list[str] | None, Field(description="Ids or names from list_pods", max_length=100)
        ] = None,
        all: Annotated[bool, Field(description="All pods of this workspace")] = False,
    ) -> Annotated[CallToolResult, Terminated]:
        """End rented pods for good, and verify with the provider that they are gone.

        What was not brought from their disks is lost. A job on them fails or rents others: cancel
        it first. Only pods that this workspace rented can be ended.
        """
        if all == bool(pods):
            raise BadRequest("Pass pods with ids from list_pods, or all=true. Nothing was ended.")
        settings = toolbox.settings
        with contextlib.closing(open_desk(settings.state, provider_of(toolbox))) as desk:
            done = end_everything(desk, settings) if all else end_named(desk, settings, pods or ())
        result = Terminated(pods=done, all_ended=not [one for one in done if not one.ended])
        return answer(ended_text(done), result)

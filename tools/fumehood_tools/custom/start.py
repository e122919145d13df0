"""Start the job that runs variants of a custom sandbox."""

import sys
from collections.abc import Sequence

from pydantic import BaseModel

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.custom.sealed import check_sealed, custom_of
from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.records.scores import Asked
from fumehood_tools.runs.start import slot_of
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.settings import Settings


class CustomRequest(BaseModel, frozen=True):
    """What to run: variants x seeds."""

    sandbox: str
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    asked: Asked | None = None


def is_custom(settings: Settings, sandbox: str) -> bool:
    """Return whether a sandbox has an evaluation of its own. Raises UnknownName, BadRequest."""
    return open_sandbox(settings, sandbox).spec.custom is not None


def start_custom(
    settings: Settings,
    jobs: JobStore,
    sandbox: str,
    variants: Sequence[str],
    seeds: Sequence[int] = (),
    request_key: str | None = None,
) -> tuple[Job, int]:
    """Queue variants x seeds; return the job and how many that are.

    Raises UnknownName, BadRequest, IntegrityFailed if sealed files are not those pinned.
    """
    box = open_sandbox(settings, sandbox)
    custom_of(box)
    check_sealed(settings.state, box)
    if not variants:
        raise BadRequest("variants is empty. Call list_variants and pass at least one name.")
    request = CustomRequest(
        sandbox=sandbox,
        variants=tuple(dict.fromkeys(_named(box, name) for name in variants)),
        seeds=tuple(dict.fromkeys(seeds or box.spec.training.seeds)),
    )
    newest = Shelf(settings.state).newest(box.results)
    asked = Asked(after=newest, seeds=list(request.seeds))
    request = request.model_copy(update={"asked": asked})
    count = len(request.variants) * len(request.seeds)
    job = jobs.submit(
        "run",
        [sys.executable, "-P", "-m", "fumehood_tools.custom.worker", request.model_dump_json()],
        title=f"{sandbox}: {', '.join(request.variants[:4])} ({count})",
        slot=slot_of(settings),
        request_key=request_key,
        env=settings.as_environment(),
    )
    return job, count


def _named(box: Sandbox, name: str) -> str:
    return box.variant_path(name).stem

"""Start a run as a job. Light: answers at once."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs.controls import plan_controls
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings

MOST_SEEDS = 50


def start_run(
    settings: Settings,
    jobs: JobStore,
    sandbox: str,
    variants: Sequence[str],
    seeds: Sequence[int] = (),
    request_key: str | None = None,
    *,
    controls: bool = False,
) -> Job:
    """Queue the training and scoring of variants x seeds and return the job.

    controls: also of two blanks and a spike, made from the run's first baseline.

    SAEs whose variant, seed, settings and data have not changed since their score are not run
    again. Raises UnknownName for a sandbox or variant that does not exist, BadRequest for an
    empty or oversized request.
    """
    box = open_sandbox(settings, sandbox)
    names = tuple(dict.fromkeys(variants))
    chosen = tuple(dict.fromkeys(seeds or box.spec.training.seeds))
    if not names:
        raise BadRequest("No variants given. Call list_variants and name at least one.")
    if len(chosen) > MOST_SEEDS or any(seed < 0 for seed in chosen):
        raise BadRequest(f"Seeds must be 0 or more, at most {MOST_SEEDS} of them.")
    for name in names:
        box.variant_path(name)
    request: dict[str, Any] = {"sandbox": sandbox, "variants": names, "seeds": chosen}
    mixed_in = plan_controls(box, names, chosen) if controls else ()
    if mixed_in:
        request["controls"] = [item.model_dump(mode="json") for item in mixed_in]
    count = (len(names) + len(mixed_in)) * len(chosen)
    return jobs.submit(
        "run",
        [sys.executable, "-m", "fumehood_tools.runs.worker", json.dumps(request)],
        title=f"{sandbox}: {', '.join(names[:4])}{' …' if len(names) > 4 else ''} ({count} SAEs)",
        slot="gpu" if settings.device == "cuda" else "cpu",
        request_key=request_key,
        env=settings.as_environment(),
    )

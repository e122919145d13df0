"""Start a run as a job. Checks the request and returns at once; the job does the work."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.machine import expected_device
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.parameters import Value
from fumehood_tools.runs.controls import plan_controls
from fumehood_tools.runs.sweep import Wanted, check_wanted
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.settings import Settings

MOST_SEEDS = 50
MOST_SAES = 5_000


class StartedRun(NamedTuple):
    """A queued run. saes: the least number of SAEs; a search for an L0 trains more."""

    job: Job
    saes: int


def start_run(
    settings: Settings,
    jobs: JobStore,
    sandbox: str,
    variants: Sequence[str],
    seeds: Sequence[int] = (),
    request_key: str | None = None,
    *,
    grid: Mapping[str, Sequence[Value]] | None = None,
    l0_targets: Sequence[float] = (),
    controls: bool = False,
) -> StartedRun:
    """Queue the training and scoring of variants x seeds x parameters.

    grid: constants in the files, each with the values to try; all combinations are run, and every
    variant needs the constants. l0_targets: for each variant, search for the value of its knob that
    gives this L0, with the first seed; then run the other seeds there. controls: also run two
    blanks and a spike, generated from the run's first baseline.

    SAEs whose variant, seed, settings and data have not changed since their score are not run
    again. Raises UnknownName for a sandbox, variant or constant that does not exist, BadRequest for
    an empty or oversized request, or for a value of the wrong type.
    """
    box = open_sandbox(settings, sandbox)
    names = tuple(dict.fromkeys(variants))
    chosen = tuple(dict.fromkeys(seeds or box.spec.training.seeds))
    if not names:
        raise BadRequest("variants is empty. Call list_variants and pass at least one name.")
    if len(chosen) > MOST_SEEDS or any(seed < 0 for seed in chosen):
        raise BadRequest(f"Invalid seeds. Pass at most {MOST_SEEDS} numbers, each 0 or more.")
    mixed_in = plan_controls(box, names, chosen) if controls else ()
    targets = _targets(l0_targets, box.spec.dict_size)
    wanted = Wanted(names, chosen, dict(grid or {}), targets, mixed_in)
    if empty := [name for name, values in wanted.grid.items() if not values]:
        raise BadRequest(f"grid has no value for {empty[0]}. Pass one or more, or omit it.")
    count = check_wanted({name: _source(box, name) for name in names}, wanted)
    if count > MOST_SAES:
        raise BadRequest(
            f"This run would train {count:,} SAEs; at most {MOST_SAES:,} are allowed. Split the "
            "grid over several runs."
        )
    request: dict[str, Any] = {"sandbox": sandbox, "variants": names, "seeds": chosen}
    more = {"grid": wanted.grid, "l0_targets": targets}
    request |= {name: value for name, value in more.items() if value}
    if mixed_in:
        request["controls"] = [item.model_dump(mode="json") for item in mixed_in]
    job = jobs.submit(
        "run",
        [sys.executable, "-m", "fumehood_tools.runs.worker", json.dumps(request)],
        title=f"{sandbox}: {', '.join(names[:4])}{' …' if len(names) > 4 else ''} ({count} SAEs)",
        slot="gpu" if expected_device(settings.device, settings.cache) == "cuda" else "cpu",
        request_key=request_key,
        env=settings.as_environment(),
    )
    return StartedRun(job, count)


def _targets(l0_targets: Sequence[float], dict_size: int) -> tuple[float, ...]:
    """Return the targets without duplicates. Raises BadRequest for an impossible one."""
    for target in l0_targets:
        if not 1 <= target <= dict_size / 2:
            raise BadRequest(
                f"The L0 target {target:g} is impossible. Pass l0_targets between 1 and half the "
                f"dictionary size ({dict_size}/2)."
            )
    return tuple(dict.fromkeys(float(target) for target in l0_targets))


def _source(box: Sandbox, name: str) -> bytes:
    return read_plain(box.variant_path(name))

"""What earlier runs of a sandbox found out about target L0s. Reads the results of finished jobs."""

from collections import defaultdict

from fumehood_tools.jobs import JobStore
from fumehood_tools.records.labelling import trained_as

_MOST_JOBS = 100


def missed_targets(jobs: JobStore, sandbox: str) -> dict[str, list[float]]:
    """Return variant -> the L0 targets that the newest search for them did not reach.

    A run with another training counts for itself (see `labelling.trained_as`).
    """
    newest: dict[tuple[str, float], bool] = {}
    for job in jobs.list(status="succeeded", kind="run", limit=_MOST_JOBS).jobs:
        result = job.result or {}
        if result.get("sandbox") != sandbox:
            continue
        training = result.get("training") or {}
        for found in (*result.get("aimed", ()), *result.get("baseline_levels", ())):
            name = trained_as(found["variant"], training)
            newest.setdefault((name, found["target_l0"]), found["hit"])
    missed: dict[str, list[float]] = defaultdict(list)
    for (variant, target), hit in newest.items():
        if not hit:
            missed[variant].append(target)
    return dict(missed)

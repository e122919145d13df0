"""Train the SAEs whose scores are in pool.json, and write it again.

    python benchmarks/blank_studies/pool.py FOLDER

FOLDER keeps the workspace, so an interrupted run can be repeated. 480 SAEs took 20 minutes on two
cores with other programs running. TopK with some latents held at 0, on the synthetic subject (128
latents, 16,000 tokens, 15 steps), with K = 8 and K = 12.
"""

import contextlib
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from blank_studies.records import new_sandbox, write_variant
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.jobs import JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings

POOL = {"half": (0.5, 120), "better": (0.4, 80), "worse": (0.6, 40)}
"""Name -> share of latents that may not be used, and number of seeds."""
LEVELS, AT_ONCE, BOX = (8, 12), 20, "box"


def main() -> None:
    """Train what is missing, and write pool.json."""
    folder = Path(sys.argv[1]).absolute()
    settings = Settings(workspace=folder / "workspace", cache=folder / "cache")
    if not (settings.sandboxes / BOX).exists():
        new_sandbox(settings, BOX)
    with contextlib.closing(JobStore(settings.state)) as store:
        for name, (idle, count) in POOL.items():
            write_variant(settings, BOX, name, idle)
            for first in range(0, count, AT_ONCE):
                seeds = range(first, min(first + AT_ONCE, count))
                _run(settings, store, name, seeds)
    found = Shelf(settings.state).collect(open_sandbox(settings, BOX).results)
    saes: dict[str, dict[str, list[list[float]]]] = {}
    for score in sorted(found.scores.values(), key=lambda one: one.seed):
        level = str(score.parameters.get("K", LEVELS[0]))
        values = [round(score.metrics["explained_variance"], 6), round(score.metrics["l0"], 4)]
        saes.setdefault(score.variant, {}).setdefault(level, []).append(values)
    path = Path(__file__).parent / "pool.json"
    content = json.loads(path.read_text("utf-8")) | {"saes": saes}
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", "utf-8")


def _run(settings: Settings, store: JobStore, name: str, seeds: range) -> None:
    job = start_run(settings, store, BOX, [name], seeds, grid={"K": LEVELS}).job
    while job.status in ("queued", "starting", "running"):
        time.sleep(1)
        job = store.get(job.job_id)
    print(name, list(seeds)[:: len(seeds) - 1], job.status, flush=True)


if __name__ == "__main__":
    main()

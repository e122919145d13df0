"""Fill a workspace in seconds with the jobs and results of years of use.

Rows and folders have the same form as those of real jobs, and the evaluator's own code signs the
receipts and adds them to the ledger. Only the numbers are synthetic, as nothing was trained.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools import receipts
from fumehood_tools.files import write_text
from fumehood_tools.jobs import JobStore
from fumehood_tools.jobs.processes import identify, machine
from fumehood_tools.jobs.table import Table
from fumehood_tools.records.inertness import compare
from fumehood_tools.records.scores import Cost, Data, Failure, Provenance, Score
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings

SMALL, SMALL_RESULTS = "small", 24
LARGE = [f"large{number}" for number in range(1, 10)]
SEEDS = 3
WEIGHTS = b"not really weights"
DIFFERENT = compare("topk", forward=0.3, loss=0.1, gradient=0.4)
QUEUED_SHARE = 4
"""One job in this number is queued."""
ENDED = ("succeeded", "succeeded", "succeeded", "failed", "cancelled", "lost")
LOG = "".join(f"step {step}: loss {1000 / step:.3f}\n" for step in range(1, 400))
INSERT = (
    "INSERT INTO jobs(id, kind, title, slot, request_key, status, created, claimed, started, "
    "finished, heartbeat, launches, machine, supervisor_pid, supervisor_born, exit_code, error, "
    "error_code) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)


class Filled(NamedTuple):
    """A filled workspace, with ids in it that tools can be called with."""

    settings: Settings
    jobs: int
    results: int
    large_results: int
    ended_job: str
    queued_job: str
    late_cursor: str | None


def fill(root: Path, count: int) -> Filled:
    """Create a workspace with `count` jobs and as many results. Takes about 8 s for 10,000."""
    settings = Settings(workspace=root / f"workspace{count}", cache=root / "cache", device="cpu")
    results = _fill_results(settings, count)
    ended, queued = _fill_jobs(settings, count)
    store, cursor = JobStore(settings.state), None
    for _ in range(max(1, count * 9 // 1000)):  # pages of 100, up to nine tenths of the list
        cursor = store.list(limit=100, cursor=cursor).next_cursor or cursor
    store.close()
    large = (results - SMALL_RESULTS) // len(LARGE)
    return Filled(settings, count, results, large, ended, queued, cursor)


def sandbox(settings: Settings, name: str) -> Sandbox:
    """Create a sandbox with the synthetic subject."""
    return create_sandbox(
        settings, name, subject="synthetic", layer=0, corpus="synthetic", dict_size=64
    )


def _fill_results(settings: Settings, count: int) -> int:
    shares = {SMALL: SMALL_RESULTS}
    shares |= {name: (count - SMALL_RESULTS) // len(LARGE) for name in LARGE}
    key = receipts.make_key(settings.state)
    entries: list[receipts.Entry] = []
    for name, share in shares.items():
        box = sandbox(settings, name)
        sources = {path.stem: path.read_bytes() for path in box.variants.glob("*.py")}
        for variant in list(_variants(share)):
            if variant not in sources:
                sources[variant] = sources["topk"] + f"\n# {variant}\n".encode()
                (box.variants / f"{variant}.py").write_bytes(sources[variant])
        for number, (variant, seed) in enumerate(_runs(share)):
            entries.append(_result(box, variant, sources[variant], seed, number, key))
    receipts.append(settings.state, key, entries)
    # Every job does this when it starts.
    receipts.LedgerReader(settings.state).adopt(receipts.results_of(SMALL))
    return len(entries)


def _variants(share: int) -> Iterator[str]:
    yield from ("topk", "standard", "untrained")
    yield from (f"idea{number}" for number in range(1, max(1, share // SEEDS - 1)))


def _runs(share: int) -> Iterator[tuple[str, int]]:
    runs = ((variant, seed) for variant in _variants(share) for seed in range(SEEDS))
    return (run for _, run in zip(range(share), runs, strict=False))


def _result(
    box: Sandbox, variant: str, source: bytes, seed: int, number: int, key: receipts.Key
) -> receipts.Entry:
    """Write one result folder (every eighth is a failure); return its ledger entry."""
    run = hashlib.sha256(f"{box.name} {variant} {seed}".encode()).hexdigest()[:16]
    failed = number % 8 == 7
    about = _failure if failed else _score
    kind = "failure" if failed else "score"
    folder = box.results / variant / f"seed{seed}-{run[:8]}"
    place = f"{receipts.results_of(box.name)}/{variant}/{folder.name}"
    files = {f"{variant}.py": source, **({} if failed else {receipts.WEIGHTS_FILE: WEIGHTS})}
    content = about(box, variant, source, seed, run).model_dump(mode="json")
    content["files"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in files.items()
    }
    signed = receipts.sign(content, key, kind, place)
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    text = json.dumps(signed, indent=1, ensure_ascii=False) + "\n"
    (folder / f"{kind}.json").write_text(text, encoding="utf-8")
    return receipts.Entry("written", kind, place, receipts.mac_of(signed))


def _score(box: Sandbox, variant: str, source: bytes, seed: int, run: str) -> Score:
    spread = int(run[:4], 16) / 65536 / 100
    return Score(
        variant=variant,
        seed=seed,
        run=run,
        subject="synthetic",
        layer=0,
        site="resid_post",
        dict_size=64,
        data=Data(digest="d" * 16, train_tokens=200_000, eval_tokens=16_256),
        metrics=metrics(spread),
        inertness=DIFFERENT if variant.startswith("idea") and seed == 0 else None,
        provenance=Provenance(
            variant_sha256=hashlib.sha256(source).hexdigest(),
            weights_sha256=hashlib.sha256(WEIGHTS).hexdigest(),
            weights_bytes=len(WEIGHTS),
            settings_digest="5" * 16,
            template_sha256="7" * 64,
            evaluator_sha256="e" * 16,
            versions={"python": "3.11", "torch": "2", "sae-bench": "0", "transformers": "5"},
            machine="a machine",
        ),
        spec=box.spec.model_dump(mode="json"),
        glass="landlock",
        cost=Cost(train_seconds=19.0, score_seconds=34.0),
        started="2026-01-01T00:00:00+00:00",
        finished="2026-01-01T00:01:00+00:00",
    )


def metrics(spread: float) -> dict[str, float]:
    """Return the metrics of a synthetic SAE. spread: the difference due to seed and variant."""
    return {
        "l0": 32.0 + 100 * spread,
        "explained_variance": 0.73 + spread,
        "mse": 1.5 - spread,
        "cosine": 0.9 + spread,
        "alive": 0.9 + spread,
        "loss_recovered": 0.94 + spread,
        "ce_clean": 3.5,
        "probing": 0.85 + spread,
        "probing_top1": 0.70 + spread,
        "probing_top5": 0.76 + spread,
        "probing_subject": 0.86,
    }


def _failure(box: Sandbox, variant: str, source: bytes, seed: int, run: str) -> Failure:
    return Failure(
        variant=variant,
        seed=seed,
        run=run,
        stage="train",
        code="run_failed",
        message="The loss became NaN in step 3. Lower the learning rate.",
        variant_sha256=hashlib.sha256(source).hexdigest(),
        glass="landlock",
        started="2026-01-01T00:00:00+00:00",
        finished="2026-01-01T00:01:00+00:00",
    )


def _fill_jobs(settings: Settings, count: int) -> tuple[str, str]:
    """Fill the job table; return the ids of an ended and a queued job.

    This process is entered as the supervisor of one running job per slot. This blocks the queue, so
    that no queued job is started.
    """
    JobStore(settings.state).close()
    table = Table(settings.state)
    queued = count // QUEUED_SHARE
    statuses = [ENDED[number % len(ENDED)] for number in range(count - 2 - queued)]
    statuses += ["running", "running", *["queued"] * queued]
    ids = [f"run-{number:010x}" for number in range(count)]
    now = time.time()
    with table.writing():
        for number, (job_id, status) in enumerate(zip(ids, statuses, strict=True)):
            created = now - 60 * (count - number)
            slot = "gpu" if status == "running" and number % 2 else "cpu"
            table.change(INSERT, *_row(job_id, number, slot, status, created))
            _job_folder(table.folder(job_id), status)
    table.close()
    return ids[count // 2], ids[-1]


def _row(job_id: str, number: int, slot: str, status: str, created: float) -> tuple[Any, ...]:
    ran, ended = status != "queued", status in ENDED
    me = identify(os.getpid())
    assert me is not None
    title = f"small: topk, idea{number} (6 SAEs)"
    error = "The loss became NaN. Lower the learning rate." if status == "failed" else None
    started = created + 1 if ran else None
    return (
        *(job_id, "run", title, slot, f"key {number}", status, created, started, started),
        created + 50 if ended else None,
        *(time.time() if ran else None, int(ran), machine() if ran else None),
        *(me.pid if ran else None, me.born if ran else None, 0 if ended else None, error),
        "run_failed" if error else None,
    )


def _job_folder(folder: Path, status: str) -> None:
    folder.mkdir(mode=0o700)
    spec = {"argv": ["true"], "cwd": None, "env": {}, "timeout_s": None}
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    if status != "queued":
        (folder / "output.log").write_text(LOG, encoding="utf-8")
        (folder / "supervisor.log").touch()
    if status == "succeeded":
        result = {"scored": ["topk seed 0"], "failed": {}, "next": "read_benchmarks"}
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def trained(folder: Path) -> Path:
    """Write the files that a training produces into folder; return folder."""
    folder.mkdir(exist_ok=True)
    (folder / receipts.WEIGHTS_FILE).write_bytes(WEIGHTS)
    write_text(folder / "core.json", "{}")
    return folder

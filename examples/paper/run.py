"""The paper's 24 variants, the baselines and the control: trained, scored, reported.

usage: python examples/paper/run.py [CONFIG.toml] [--workspace DIR] [--report]

Three runs on one sandbox, each a job that outlives this script:
    as written    every variant with the values its file has, all seeds
    levels        further levels of some baselines, for curves to compare with
    at equal L0   every variant's knob searched for each target, all seeds
What has a score is not run again: repeat the command after whatever cut it short. --report only
writes RESULTS.md and the figures beside the configuration from what is there.
"""

import argparse
import contextlib
import shutil
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel
from report import write_report
from tqdm import tqdm

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import (
    SPEC_FILE,
    Sandbox,
    create_sandbox,
    list_sandboxes,
    open_sandbox,
)
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.spec import check_spec

HERE = Path(__file__).resolve().parent
VARIANTS = HERE.parent / "variants"
# Not one of the paper's: the demo's.
NOT_THE_PAPERS = ("two_stage_topk",)
EXAMPLE = "example"
UNENDED = ("queued", "starting", "running")


class Config(BaseModel, frozen=True):
    """One configuration file."""

    name: str
    seeds: tuple[int, ...]
    l0_targets: tuple[float, ...]
    variants: tuple[str, ...] = ()
    """Which of the files in examples/variants; all of the paper's if left out."""
    levels: dict[str, dict[str, tuple[float | int, ...]]] = {}
    sandbox: dict[str, Any] = {}


def main() -> int:
    """Run what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", nargs="?", type=Path, default=HERE / "study.toml")
    parser.add_argument("--workspace", type=Path, default=Path("demo"))
    parser.add_argument("--report", action="store_true", help="only report what is there")
    asked = parser.parse_args()
    try:
        config = Config.model_validate(tomllib.loads(asked.config.read_text(encoding="utf-8")))
        settings = load_settings(asked.workspace)
        if not asked.report:
            run_all(config, settings)
        report(config, settings, asked.config.resolve().parent)
    except FumehoodError as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0


def run_all(config: Config, settings: Settings) -> None:
    """Train and score what has no score yet. Raises FumehoodError."""
    settings.workspace.mkdir(parents=True, exist_ok=True)
    box = sandbox_of(config, settings)
    variants = put_variants(box, config.variants)
    baselines = [name for name in packaged_variants() if name != EXAMPLE]
    everything = [*baselines, *variants]
    with contextlib.closing(JobStore(settings.state)) as store:
        for job in store.list(kind="run").jobs:
            if job.status in UNENDED:
                follow(store, job)
        for what in requests(config, everything):
            print(f"\n{what.pop('what')}", flush=True)
            started = start_run(settings, store, box.name, **what)
            job = follow(store, started.job)
            if job.status != "succeeded":
                said = "\n".join(store.read_log(job.job_id, limit_lines=12).lines)
                raise RunFailed(f"Job {job.job_id} ended as {job.status}.\n{said}")
            print_result(job.result or {})


def report(config: Config, settings: Settings, folder: Path) -> None:
    """Write RESULTS.md and the figures beside the configuration."""
    box = open_sandbox(settings, config.name)
    with contextlib.closing(JobStore(settings.state)) as store:
        print(write_report(box, settings, store, config.l0_targets, folder))


def requests(config: Config, everything: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the arguments of each run."""
    yield {"what": "as written", "variants": everything, "seeds": config.seeds}
    for name, grid in config.levels.items():
        yield {
            "what": f"levels of {name}",
            "variants": [name],
            "seeds": config.seeds,
            "grid": grid,
        }
    yield {
        "what": "at equal L0",
        "variants": everything,
        "seeds": config.seeds,
        "l0_targets": config.l0_targets,
    }


def sandbox_of(config: Config, settings: Settings) -> Sandbox:
    """Return the configuration's sandbox, made if it is not there.

    Raises RunFailed when there is one with other settings.
    """
    if config.name in list_sandboxes(settings):
        box = open_sandbox(settings, config.name)
        document = tomlkit.parse((box.folder / SPEC_FILE).read_text(encoding="utf-8"))
        if merged(document.unwrap(), config.sandbox) != document.unwrap():
            raise RunFailed(f"{box.folder} has other settings. Use another --workspace.")
        return box
    subject = config.sandbox.get("subject", {})
    corpus = config.sandbox.get("corpus", {})
    box = create_sandbox(
        settings,
        config.name,
        subject=subject.get("name"),
        layer=subject.get("layer"),
        corpus=corpus.get("name"),
    )
    path = box.folder / SPEC_FILE
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    set_values(document, config.sandbox)
    check_spec(document.unwrap())
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    return open_sandbox(settings, config.name)


def merged(content: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return content with the wanted values in their places."""
    found = dict(content)
    for key, value in wanted.items():
        nested = isinstance(value, Mapping)
        found[key] = merged(found.get(key, {}), value) if nested else value
    return found


def set_values(table: Any, wanted: Mapping[str, Any]) -> None:
    """Put the wanted values into a TOML document; its comments stay."""
    for key, value in wanted.items():
        if isinstance(value, Mapping):
            set_values(table[key], value)
        else:
            table[key] = value


def put_variants(box: Sandbox, wanted: Sequence[str]) -> list[str]:
    """Copy the paper's variants, or those that are wanted, into the sandbox; return their names."""
    names = []
    for path in sorted(VARIANTS.glob("*.py")):
        if path.stem in wanted or not (wanted or path.stem in NOT_THE_PAPERS):
            shutil.copyfile(path, box.variants / path.name)
            names.append(path.stem)
    return names


def follow(store: JobStore, job: Job) -> Job:
    """Show a job's progress until it ends; return it."""
    line = "{desc} {percentage:3.0f}% {elapsed} {postfix}"
    with tqdm(total=1.0, desc=job.title[:40], bar_format=line, mininterval=10) as bar:
        while job.status in UNENDED:
            time.sleep(2)
            job = store.get(job.job_id)
            if job.progress:
                bar.n = job.progress.done / max(1.0, job.progress.total)
                bar.set_postfix_str((job.progress.message or "")[:100])
    return job


def print_result(result: Mapping[str, Any]) -> None:
    """Print what a job's result says."""
    counts = {name: len(result.get(name, [])) for name in ("scored", "reused", "failed")}
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    for name, why in result.get("failed", {}).items():
        print(f"  failed {name}: {why}")
    for aimed in result.get("aimed", []):
        if not aimed["hit"]:
            print(f"  missed: {aimed}")


if __name__ == "__main__":
    sys.exit(main())

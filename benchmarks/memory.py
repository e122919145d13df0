"""How much memory each process of the demo takes at its peak, and what makes the peaks grow.

usage: python benchmarks/memory.py [--parts demo growth]
       QUICK=1: the synthetic subject, fewer tokens and latents

First `fumehood demo` runs in a workspace and with a cache of its own, so that the harvest does its
work; only the converted subject is taken from your cache. Then one TopK is harvested for, trained
and scored with more training tokens, and with more latents. Costs a quarter of an hour, with
QUICK=1 three minutes. Linux only: sizes are those of /proc/PID/smaps_rollup, read 20 times a
second, so a process that lives for less than that may be missed.

resident: all pages in memory, libraries and mapped files included (Rss). own: pages that belong to
no file and that the kernel could only swap out (Pss_Anon, and Pss_Shmem for the buffers between the
scorer and its children); pages that forks share are divided among them. The peaks of both may be
at different moments.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from glass import trained
from score import Speaker, request_for

INTERVAL_SECONDS = 0.05
QUICK = bool(os.environ.get("QUICK"))
TOKENS = (20_000, 200_000) if QUICK else (200_000, 2_000_000)
LATENTS = (1536, 4096) if QUICK else (1536, 16_384)
SUBJECT = {"name": "synthetic", "layer": 0} if QUICK else {}
ROLES = {
    "fumehood demo": "client of the demo",
    "fumehood serve": "server",
    "fumehood_tools.jobs.supervisor": "supervisor of jobs",
    "fumehood_tools.runs.worker": "job",
    "fumehood_tools.harvest": "harvest",
    "fumehood_tools.scoring": "scorer",
    "fumehood_tools.bench.plot": "plots",
    "fumehood_tools.compare": "comparison",
}
NURSERIES = {"server": "check", "scorer": "scoring"}
CHILDREN = {"check": "child of a check", "scoring": "role child", "training": "trainer"}
PARTS = ("demo", "growth")
GROWING = ("harvest", "trainer", "scorer", "role child")


class Memory(NamedTuple):
    """Sizes of a process in MB (10^6 bytes)."""

    own: float
    resident: float

    def __or__(self, other: "Memory") -> "Memory":
        return Memory(max(self.own, other.own), max(self.resident, other.resident))


class Process(NamedTuple):
    """What is known of a running process."""

    parent: int
    command: list[str]

    @property
    def is_nursery(self) -> bool:
        """Whether it is a nursery or a fork of one."""
        return any("fumehood_child.nursery" in part for part in self.command)


def memory_of(pid: int) -> Memory:
    """Return the sizes now. Raises OSError when the process is gone or belongs to someone else."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    size = {name: int(kb) * 1024 / 1e6 for name, kb in re.findall(r"(\w+): +(\d+) kB", text)}
    return Memory(size["Pss_Anon"] + size["Pss_Shmem"], size["Rss"])


def processes() -> dict[int, Process]:
    """Return all processes of the machine."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                status = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                parent = int(status.rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
                found[int(folder.name)] = Process(parent, command.split("\0")[:-1])
    return found


def role_of(pid: int, known: dict[int, Process]) -> str | None:
    """Return what a process does, None for helpers such as bwrap."""
    process = known[pid]
    if "-m" in process.command:
        module = process.command[process.command.index("-m") + 1]
        verb = process.command[process.command.index("-m") + 2 :][:1]
        return ROLES.get(" ".join([module, *verb]), ROLES.get(module))
    if not process.is_nursery or Path(process.command[0]).name == "bwrap":
        return None
    above = known.get(process.parent)
    forked = above is not None and above.is_nursery and Path(above.command[0]).name != "bwrap"
    while above is not None and above.is_nursery:
        above = known.get(pid := known[pid].parent)
    kind = NURSERIES.get(role_of(pid, known) or "", "training") if above else "training"
    return CHILDREN[kind] if forked else f"nursery ({kind})"


class Watch:
    """Notes the peaks of our descendants, and of processes with `marker` in their environment."""

    def __init__(self, marker: Path) -> None:
        self.marker = bytes(marker)
        self.peaks: dict[str, Memory] = {}
        self.together = 0.0
        self._marked: dict[tuple[int, int], bool] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            known, own = processes(), 0.0
            for pid in self._ours(known):
                role = role_of(pid, known)
                with contextlib.suppress(OSError):
                    if role is not None:
                        now = memory_of(pid)
                        own += now.own
                        self.peaks[role] = now | self.peaks.get(role, now)
            self.together = max(self.together, own)

    def _ours(self, known: dict[int, Process]) -> Iterator[int]:
        for pid in known:
            above = pid
            while above in known and above != os.getpid() and not self._is_marked(above, known):
                above = known[above].parent
            if pid != os.getpid() and above in known:
                yield pid

    def _is_marked(self, pid: int, known: dict[int, Process]) -> bool:
        key = (pid, known[pid].parent)
        if key not in self._marked:
            try:
                self._marked[key] = self.marker in Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:
                self._marked[key] = False
        return self._marked[key]


def fresh_cache(folder: Path) -> Path:
    """Return a new cache that holds nothing but the converted subject."""
    from fumehood_tools.settings import load_settings
    from fumehood_tools.subjects.embedded import ensure_converted

    folder.mkdir()
    if not QUICK:
        subjects = ensure_converted(load_settings().cache).parent
        (folder / "subjects").symlink_to(subjects)
    return folder


def run_demo(folder: Path) -> Watch:
    """Run the demo and return what it took. Ends the benchmark when the demo fails."""
    workspace, log = folder / "workspace", folder / "demo.log"
    environment = {**os.environ, "FUMEHOOD_CACHE": str(fresh_cache(folder / "cache"))}
    scale = "tiny" if QUICK else "demo"
    command = [sys.executable, "-m", "fumehood", "demo", "--scale", scale]
    with Watch(workspace) as watch, log.open("w", encoding="utf-8") as out:
        done = subprocess.run(
            [*command, "--workspace", str(workspace)], env=environment, stdout=out, stderr=out
        )
    if done.returncode:
        raise SystemExit(f"the demo failed:\n{log.read_text(encoding='utf-8')[-2000:]}")
    return watch


def run_one(folder: Path, cache: Path, tokens: int, latents: int) -> Watch:
    """Harvest, train a TopK and score it; return what that took."""
    from fumehood_tools.child_tuning import HEAVY_WORK
    from fumehood_tools.glass import choose_level
    from fumehood_tools.runs.harvesting import harvest
    from fumehood_tools.settings import load_settings
    from fumehood_tools.spec import CorpusSpec, SandboxSpec, ScoringSpec, SubjectSpec

    folder.mkdir()
    settings = load_settings().model_copy(update={"device": "cpu", "cache": cache})
    named: dict[str, Any] = {"name": "synthetic"} if QUICK else {}
    scoring = ScoringSpec(probing_tasks=("topics",)) if QUICK else ScoringSpec()
    spec = SandboxSpec(
        dict_size=latents,
        subject=SubjectSpec(**SUBJECT),
        corpus=CorpusSpec(**named, train_tokens=tokens),
        scoring=scoring,
    )
    with Watch(folder) as watch:
        found = harvest(spec, settings, folder)
        setup = found.scoring_setup(spec, settings, folder / "scratch", choose_level("auto"))
        request = request_for(trained("topk", setup, folder, child=True), folder)
        with Speaker("-m", "fumehood_tools.scoring", **HEAVY_WORK) as scorer:
            scorer.ask(setup.model_dump_json())
            scorer.ask(request.model_dump_json())
    return watch


def print_demo(watch: Watch) -> None:
    """Print the peaks of every process of the demo."""
    print(f"{'process of the demo, MB':32}{'own':>8}{'resident':>10}")
    for role, peak in sorted(watch.peaks.items(), key=lambda one: -one[1].own):
        print(f"{role:32}{peak.own:>8,.0f}{peak.resident:>10,.0f}")
    print(f"{'all at once':32}{watch.together:>8,.0f}", flush=True)


def print_growth(runs: dict[tuple[int, int], Watch]) -> None:
    """Print the peaks of each run, own / resident, and how they grew."""
    print(f"{'tokens':>10}{'F':>8}" + "".join(f"{role:>18}" for role in GROWING))
    for (tokens, latents), watch in runs.items():
        peaks = [watch.peaks[role] for role in GROWING]
        texts = [f"{peak.own:,.0f} / {peak.resident:,.0f}" for peak in peaks]
        print(f"{tokens:>10,}{latents:>8,}" + "".join(f"{text:>18}" for text in texts))
    first, more_tokens, more_latents = runs.values()
    for name, watch in (("tokens", more_tokens), ("latents", more_latents)):
        # What is there already is not harvested again.
        roles = [role for role in GROWING if name == "tokens" or role != "harvest"]
        grown = [f"{role} {watch.peaks[role].own / first.peaks[role].own:.2f} x" for role in roles]
        print(f"own memory with more {name}: {', '.join(grown)}")


def grow(root: Path) -> dict[tuple[int, int], Watch]:
    """Return what TopK takes by tokens and latents: few of both, more tokens, more latents."""
    few, many = TOKENS
    small, large = LATENTS
    caches = {tokens: fresh_cache(root / f"cache-{tokens}") for tokens in TOKENS}
    return {
        (tokens, latents): run_one(root / f"{tokens}-{latents}", caches[tokens], tokens, latents)
        for tokens, latents in ((few, small), (many, small), (few, large))
    }


def main() -> None:
    """Print both tables; the last line is about the demo's scorer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parts = parser.parse_args().parts
    if not Path("/proc/self/smaps_rollup").exists():
        raise SystemExit("This benchmark reads /proc/PID/smaps_rollup, which only Linux has.")
    with tempfile.TemporaryDirectory() as name:
        demo = run_demo(Path(name)) if "demo" in parts else None
        if demo is not None:
            print_demo(demo)
        if "growth" in parts:
            print_growth(grow(Path(name)))
    if demo is not None:
        own, resident = demo.peaks["scorer"]
        print(f"memory: the demo's scorer takes {own:,.0f} MB of its own, {resident:,.0f} in all")


if __name__ == "__main__":
    main()

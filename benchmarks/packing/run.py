"""Compare our packer with npm's repomix, its port on PyPI and gitingest, in one run.

    python benchmarks/packing/run.py [--packages mcp,nnsight] [--repeats 3] [--skip-slow]

Each packs the source archives of real packages as XML (gitingest: text), in a process of its own
with an empty home, because npm's repomix caches its counts there: `s` is the whole command, its
fastest of --repeats; `cpu s` its processor time; `peak` the resident memory of its largest process;
`files` how many of the text files it kept; `bytes` the size of its pack. "own" stages, scans for
secrets, writes, and compares every byte; "own + tokens" counts tokens too, without a cache, as
npm's repomix does. "packing" is the same without starting Python and importing. "via" is our way
through a repomix, with staging, scan and comparison. The call of pack_repository in a running
server is timed too, over a real client: it starts a job, and so has the start of two processes in
it. --skip-slow leaves out the port's default, which takes minutes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from peers import Peer, node_version, npm_tool, peers, python_tool, their_environment  # noqa: E402
from sdists import SDISTS, unpacked  # noqa: E402

LIMIT_S = 1800
CALLS = 6
HUGE_LINES = 600_000


class Took(NamedTuple):
    """Seconds, processor seconds and peak bytes of a command, and what it printed."""

    seconds: float
    cpu: float
    peak: int
    printed: str


class Row(NamedTuple):
    """One line of the table. packing: seconds without start and imports, None for peers."""

    name: str
    seconds: float
    cpu: float
    peak: int
    files: int
    size: int
    packing: float | None = None
    said: dict[str, Any] = {}


def main() -> int:
    """Measure, print the tables, and return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--packages", default=",".join(SDISTS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip-slow", action="store_true")
    options = parser.parse_args()
    others, missing = peers()
    print(f"node {node_version()} (npm's repomix asks for 22 or newer), Python {sys.version[:6]}")
    print("\n".join([", ".join(peer.name for peer in others), *missing]))
    for name in options.packages.split(","):
        folder = unpacked(name)
        print(f"\n{name} {SDISTS[name]}")
        rows = _measured(folder, others, options.repeats, skip_slow=options.skip_slow)
        _print(rows)
        _print_call(folder, rows)
    with tempfile.TemporaryDirectory() as place:
        huge = Path(place) / "huge"
        huge.mkdir()
        lines = (f"{number}: a line with <some> & more\n" for number in range(HUGE_LINES))
        (huge / "data.txt").write_text("".join(lines), encoding="utf-8")
        print("\none file")
        _print([_own(huge, "own", "uncounted", 1)])
    return 0


def _measured(folder: Path, others: Sequence[Peer], repeats: int, *, skip_slow: bool) -> list[Row]:
    rows = [_own(folder, "own", "uncounted", repeats), _own(folder, "own", "counted", repeats)]
    names = {peer.name.partition(" ")[0] for peer in others}
    if "npm" in names:
        rows.append(_own(folder, "npm", "uncounted", repeats, npm_tool()))
    if "PyPI" in names:
        rows.append(_own(folder, "PyPI", "uncounted", repeats, [str(python_tool("repomix"))]))
    texts = _texts(rows[0])
    for peer in others:
        slow = peer.name.startswith("PyPI") and "no check" not in peer.name
        if not (slow and skip_slow):
            rows.append(_peer(folder, peer, texts, 1 if slow else repeats))
    return rows


def _own(folder: Path, way: str, counting: str, repeats: int, command: Sequence[str] = ()) -> Row:
    names = {"own": "own", "npm": "via npm repomix", "PyPI": "via PyPI repomix"}
    best = None
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as workspace:
            asked = [str(HERE / "pack_once.py"), str(folder), workspace, way, counting]
            took = _run([sys.executable, *asked, *command])
            said = json.loads(took.printed)
            said["text"] = Path(said["path"]).read_text("utf-8") if way == "own" else ""
        if best is None or said["seconds"] < best[1]["seconds"]:
            best = took, said
    assert best is not None
    took, said = best
    name = names[way] + (" + tokens" if counting == "counted" else "")
    kept = said["equal"] + said["stripped"]
    return Row(name, took.seconds, took.cpu, took.peak, kept, said["bytes"], said["seconds"], said)


def _peer(folder: Path, peer: Peer, texts: set[str], repeats: int) -> Row:
    best: Row | None = None
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as place:
            output = Path(place) / "out"
            env = {**their_environment(), "HOME": place, "XDG_CACHE_HOME": place}
            took = _run(peer.command(folder, output), env)
            text = output.read_text(encoding="utf-8", errors="replace")
            kept = len(texts & {_plain(path, folder) for path in peer.paths(text)})
            row = Row(peer.name, took.seconds, took.cpu, took.peak, kept, output.stat().st_size)
        if best is None or row.seconds < best.seconds:
            best = row
    assert best is not None
    return best


def _plain(path: str, folder: Path) -> str:
    return path.strip().removeprefix(f"{folder.name}/")


def _texts(own: Row) -> set[str]:
    """Return the paths of all text files, from our own pack, whose every byte was compared."""
    text = own.said["text"]
    return {line.split('"')[1] for line in text.split("\n") if line.startswith('<file path="')}


def _run(command: Sequence[str], env: dict[str, str] | None = None) -> Took:
    """Run a command to its end; its peak is that of its largest process. env: None for ours.

    Ours imports the packages of the checkout that this file is in, whichever are installed.
    """
    if env is None:
        env = {**os.environ, "PYTHONPATH": f"{ROOT / 'tools'}{os.pathsep}{ROOT / 'server'}"}
    launched = [sys.executable, "-S", str(HERE / "launch.py"), *command]
    done = subprocess.run(
        launched,
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",
        env=env,
        timeout=LIMIT_S,
    )
    if done.returncode:
        raise RuntimeError(f"{command[:3]}: {done.stderr[-2000:]}")
    *printed, facts = done.stdout.splitlines()
    return Took(**json.loads(facts), printed="\n".join(printed))


def _print(rows: Sequence[Row]) -> None:
    print(f"{'packer':30}{'s':>8}{'cpu s':>8}{'packing':>9}{'peak MB':>9}{'files':>7}{'bytes':>12}")
    for row in rows:
        packing = "" if row.packing is None else f"{row.packing:.2f}"
        print(
            f"{row.name:30}{row.seconds:8.2f}{row.cpu:8.2f}{packing:>9}{row.peak / 1e6:9.0f}"
            f"{row.files:7}{row.size:12,}"
        )
    own = rows[0].said
    print(
        f"text files {own['texts']}, binary {own['binary']}, places with masked secrets "
        f"{own['masked']}; own packer's peak above that after imports {own['above'] / 1e6:.1f} MB, "
        f"{own['above'] / own['largest']:.1f} x the largest file"
    )
    times = {row.name: row for row in rows}
    npm = next((row for row in rows if row.name.startswith("npm")), None)
    port = next((row for row in rows if row.name.startswith("PyPI") and "no" not in row.name), None)
    if npm is not None:
        packing = rows[0].packing or 1.0
        print(f"npm's repomix takes {npm.seconds / packing:.1f} x as long as own packing,", end=" ")
        print(f"{npm.seconds / rows[0].seconds:.1f} x as the whole command,", end=" ")
        print(f"{npm.seconds / rows[1].seconds:.1f} x as that with tokens")
        print(f"via npm's: {times['via npm repomix'].seconds / npm.seconds:.2f} x npm's own time")
    if port is not None and "via PyPI repomix" in times:
        via = times["via PyPI repomix"].seconds
        print(f"via the port: {via / port.seconds:.2f} x the port's default")
    for row in rows:
        if row.said.get("note"):
            print(f"{row.name}: {row.said['note']}")


def _print_call(folder: Path, rows: Sequence[Row]) -> None:
    took = _run([sys.executable, str(HERE / "server_call.py"), str(folder), str(CALLS)])
    first, *seconds = json.loads(took.printed.splitlines()[-1])
    call = statistics.median(seconds)
    print(f"pack_repository in a running server: first call {first:.2f} s, median of the", end=" ")
    print(
        f"{len(seconds)} after it {call:.2f} s ({min(seconds):.2f} to {max(seconds):.2f})", end=""
    )
    npm = next((row for row in rows if row.name.startswith("npm")), None)
    print(f"; npm's repomix takes {npm.seconds / call:.1f} x as long" if npm else "")


if __name__ == "__main__":
    sys.exit(main())

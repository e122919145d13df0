"""Train this node's share of a batch, and leave the results in a bucket.

usage: python -m fumehood_tools.runs.remote.node NUMBER COUNT RESULTS_FOLDER

Runs in the folder of the batch (batches.py), on a machine that does not have the workspace. The
orders whose number modulo COUNT is NUMBER are trained here, one after the other. One whose manifest
is in the bucket is left out, so that a batch that was interrupted goes on where it was. Files in a
mounted bucket are written once, from start to end: most buckets know no other way.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from fumehood_tools.files import last_lines, read_json, sha256_of
from fumehood_tools.quoting import quotable
from fumehood_tools.runs.remote.batches import (
    BROUGHT,
    JOBS,
    MANIFEST,
    MOST_FAILURE,
    ORDERS,
    ResultFile,
    ResultsManifest,
)
from fumehood_tools.runs.remote.messages import DATA, OUT, RemoteWork

MARGIN_SECONDS = 300.0
"""What a training may take on top of its limit: imports, and kernels that are compiled once."""
LOG_FILE, TAIL_LINES = "log.txt", 40


def train_share(batch: Path, number: int, count: int, results: Path) -> None:
    """Train the orders of one of `count` nodes."""
    for file in sorted((batch / ORDERS).glob("*.json"))[number::count]:
        work = RemoteWork.model_validate(read_json(file))
        there = results / work.order.digest
        if (there / MANIFEST).exists():
            print(f"{work.order.name}: was trained before", flush=True)
            continue
        folder = batch / JOBS / work.order.digest
        print(f"{work.order.name}: training", flush=True)
        failure = _trained(work, file, batch, folder)
        print(f"{work.order.name}: {failure or 'trained'}", flush=True)
        _leave(work, folder / OUT, there, failure)


def _trained(work: RemoteWork, file: Path, batch: Path, folder: Path) -> str | None:
    """Run the trainer in a process of its own; return why it ended early."""
    folder.mkdir(parents=True, exist_ok=True)
    data = batch / DATA / work.order.recipe.activations[:32]
    seconds = work.order.recipe.limits.train_minutes * 60 + MARGIN_SECONDS
    module = "fumehood_tools.runs.remote.trainer"
    with (folder / LOG_FILE).open("wb") as log:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", module, str(file), str(data)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=False,
            )
            reason = f"exit code {done.returncode}" if done.returncode else None
        except subprocess.TimeoutExpired:
            reason = f"it did not end within {seconds:.0f} s"
    if reason is None:
        return None
    text = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace")
    return f"{reason}. The end of its log:\n{quotable(last_lines(text, TAIL_LINES))}"[:MOST_FAILURE]


def _leave(work: RemoteWork, out: Path, there: Path, failure: str | None) -> None:
    there.mkdir(parents=True, exist_ok=True)
    made = [] if failure else [out / name for name in BROUGHT if (out / name).is_file()]
    for path in made:
        shutil.copyfile(path, there / path.name)
    files = [
        {"name": path.name, "size": path.stat().st_size, "sha256": sha256_of(path)} for path in made
    ]
    manifest = ResultsManifest(
        order=work.order.digest,
        files=tuple(ResultFile.model_validate(file) for file in files),
        failure=failure,
    )
    (there / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")


def main() -> None:
    """Train the share that the arguments name, of the batch in the working folder."""
    number, count, results = sys.argv[1:]
    train_share(Path.cwd(), int(number), int(count), Path(results))


if __name__ == "__main__":
    main()

"""A batch of orders as a managed job of SkyPilot: its name, its folder, its task.

The name is derived from the orders, so that the same orders after a crash are the same job. What a
job was launched for is also written down in the workspace before the launch: after a crash, a run
with some of these orders finds them in the job that still runs.
"""

import os
import shlex
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, read_json, write_json
from fumehood_tools.pods.rentals.names import PodName, owner_of, parse_name
from fumehood_tools.pods.sky import SkyTask
from fumehood_tools.pods.wanted import SkyWanted
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.remote.batches import CODE, ORDERS, PYTHON_FILE
from fumehood_tools.runs.remote.code import INSTALL, code_files, wanted_packages
from fumehood_tools.runs.remote.messages import DATA, RemoteWork
from fumehood_tools.runs.remote.shards import TrainingShards

JOURNAL = Path("pods") / "sky"
IS_READY = """\
import importlib.util, sys
names = [pair.split("=")[0].lstrip("-") for pair in sys.argv[1:]]
lacks = [name for name in names if importlib.util.find_spec(name) is None]
sys.exit(bool(lacks) or sys.version_info < (3, 11))
"""
"""A program that exits with 0 where a training can run as it is. Its arguments: wanted_packages."""


class SkyJournal:
    """What each job of the workspace was launched for: one small file per job."""

    def __init__(self, state: Path) -> None:
        """state: the workspace's .fumehood."""
        self._folder = state / JOURNAL
        self._owner = owner_of(state)

    def name(self, orders: Iterable[str], attempt: int) -> str:
        """Return the name of a job for orders (their digests). attempt: 0 for the first job."""
        return str(PodName(self._owner, digest_of([sorted(orders), attempt])))

    def add(self, name: str, orders: Iterable[str]) -> None:
        """Write down what a job is for. Raises StorageFailed."""
        write_json(self._folder / f"{name}.json", sorted(orders))

    def orders(self) -> dict[str, frozenset[str]]:
        """Return the orders of all jobs by name. A damaged file counts as none."""
        found = {}
        for path in sorted(self._folder.glob("*.json")):
            if parse_name(path.stem) is not None:
                try:
                    found[path.stem] = frozenset(map(str, read_json(path)))
                except (StorageFailed, TypeError):
                    continue
        return found


def write_batch(
    folder: Path, orders: Sequence[TrainingOrder], shards: TrainingShards, threads: int
) -> None:
    """Fill an empty folder with all that nodes need. Files are linked, where that is possible.

    shards: the training data of the orders. Raises StorageFailed.
    """
    try:
        for name, path in code_files().items():
            _link(path, folder / CODE / name)
        data = folder / DATA / orders[0].recipe.activations[:32]
        for name, path in shards.files().items():
            _link(path, data / name)
        # Without this file, SkyPilot leaves out what the user's .gitignore names.
        (folder / ".skyignore").touch()
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Writing a batch of trainings") from error
    names, targets = shards.input_names, shards.target_names
    for number, order in enumerate(orders):
        work = RemoteWork(order=order, shards=names, targets=targets, threads=threads)
        write_json(folder / ORDERS / f"{number:05}.json", work.model_dump(mode="json"))


def task_for(wanted: SkyWanted, name: str, orders: int) -> SkyTask:
    """Return the job of so many orders, with at most as many nodes."""
    return SkyTask(
        name=name,
        bucket=wanted.bucket,
        setup=_setup(),
        commands=(
            f'export PYTHONPATH="$PWD/{CODE}"',
            f'"$(cat {PYTHON_FILE})" -P -m fumehood_tools.runs.remote.node '
            '"$FUMEHOOD_NODE" "$FUMEHOOD_NODES" "$FUMEHOOD_RESULTS"',
        ),
        gpu=wanted.gpu,
        nodes=min(wanted.nodes, orders),
        infra=wanted.infra,
        image=wanted.image,
        disk_gb=wanted.disk_gb,
        most_minutes=wanted.minutes,
    )


def _setup() -> tuple[str, ...]:
    """Return commands that find, or create, a Python 3.11 or newer with what a training imports.

    SkyPilot installs uv on each machine, and its own images have Python 3.10.
    """
    packages = shlex.join(wanted_packages())
    has_python = "python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'"
    return (
        f"if python3 -c {shlex.quote(IS_READY)} {packages}; then",
        f"  command -v python3 > {PYTHON_FILE}",
        "else",
        '  export PATH="$HOME/.local/bin:$PATH"',
        f'  base="--python 3.12"; if {has_python}; then base="--python python3"; fi',
        "  uv venv --quiet --seed --system-site-packages $base .environment",
        f"  .environment/bin/python -c {shlex.quote(INSTALL)} {packages}",
        f'  echo "$PWD/.environment/bin/python" > {PYTHON_FILE}',
        "fi",
    )


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        # Another file system, or one without hard links.
        shutil.copyfile(source, target)

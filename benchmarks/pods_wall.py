"""Measure how much sooner four pods work off a queue than one.

    python benchmarks/pods_wall.py [--orders 16] [--seconds 25]

The pods are those of the stand-in in tests/fakes/runpod: real sshd in bubblewrap on this machine.
Renting, code, data, the agent, orders and results are a run's own; only the training is replaced
by a sleep, because this machine has few cores. The time is from the first order until the last
result has arrived, so it includes renting and preparing the pods. Both queues are worked off at the
same time, each in a process of its own, so that a busy machine slows both. Exit code 1 if four pods
take more than 0.35 of the time of one.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.runpod import RunPod

from fumehood_tools.glass import choose_level
from fumehood_tools.pods.rentals import open_rentals
from fumehood_tools.pods.ssh import ClientKey, upload
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.pods.wishes import wishes
from fumehood_tools.runs.harvesting import harvest
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.orders import Recipe, TrainingOrder, order_for, recipe_of
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.renting import PodPlace
from fumehood_tools.runs.remote.target import RemoteTarget
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.sweep import Sweep
from fumehood_tools.runs.targets import RunSite
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.web.service import open_client

MOST_RATIO = 0.35
GPU = "NVIDIA A40"
SLEEPER = """\
#!/usr/bin/env python3
import os, sys, time
from pathlib import Path
if sys.argv[1] != "-P":
    os.execvp("python3", ["python3", *sys.argv[1:]])
from fumehood_tools.files import read_json, write_json
from fumehood_tools.runs.remote.messages import ANSWER_FILE, OUT, RemoteAnswer, RemoteWork
from fumehood_tools.timestamps import now
from fumehood_tools.where import Where
work, started = RemoteWork.model_validate(read_json(Path(sys.argv[4]))), now()
time.sleep({seconds})
where = Where(machine="a bed", device="cpu", threads=1, glass="rlimits", versions={{}})
answer = RemoteAnswer(order=work.order.digest, started=started, seconds={seconds}, where=where)
Path(OUT).mkdir()
write_json(Path(OUT) / ANSWER_FILE, answer.model_dump(mode="json"))
"""


class SleepingPlace(PodPlace):
    """A pod on which a training sleeps."""

    seconds = 0.0

    def open(self) -> OpenPlace:
        """Put the program that sleeps in the place of Python."""
        opened = super().open()
        path = f"{opened.agent.root}/sleeper"
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_text(SLEEPER.format(seconds=self.seconds), encoding="utf-8")
            upload(opened.agent.machine, Path(file.name), path)
        opened.agent.machine.again(lambda shell: shell.check(["chmod", "+x", path]))
        return opened._replace(python=path)


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=25.0, help="of one training")
    parser.add_argument("--pods", type=int, help="measure so many only, and print the seconds")
    options = parser.parse_args()
    if options.pods is not None:
        SleepingPlace.seconds = options.seconds
        with tempfile.TemporaryDirectory() as folder, workspace(Path(folder)) as settings:
            print(work_off(settings, options.pods, options.orders))
        return 0
    began = psutil.getloadavg()[0]
    four, one = measured(4), measured(1)
    ratio = seconds_of(four, "4 pods") / seconds_of(one, "1 pod")
    print(f"{options.orders} trainings of {options.seconds:g} s: 4 pods take {ratio:.3f} of 1 pod")
    print(f"load {began:.1f} at the start, {psutil.getloadavg()[0]:.1f} at the end")
    return 0 if ratio <= MOST_RATIO else 1


def measured(pods: int) -> "subprocess.Popen[str]":
    """Start measuring with so many pods, in a process of its own."""
    words = [sys.executable, *sys.argv, "--pods", str(pods)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def seconds_of(process: "subprocess.Popen[str]", name: str) -> float:
    """Print and return the seconds that a process measured."""
    printed, _ = process.communicate()
    if process.returncode != 0:
        sys.exit(process.returncode)
    seconds = float(printed.splitlines()[-1])
    print(f"{name}: {seconds:.1f} s", flush=True)
    return seconds


@contextlib.contextmanager
def workspace(folder: Path) -> Iterator[Settings]:
    """Yield a workspace of its own that rents from a stand-in of its own."""
    with RunPod.started(folder / "cloud") as cloud:
        os.environ["RUNPOD_API_KEY"] = cloud.key
        environment = {"FUMEHOOD_ENDPOINTS": cloud.endpoints, "FUMEHOOD_DEVICE": "cpu"}
        yield load_settings(folder / "ws", {**environment, "FUMEHOOD_CACHE": str(folder / "cache")})
        assert not cloud.pods(), "a pod was left"


def work_off(settings: Settings, pods: int, count: int) -> float:
    """Return the seconds from the first order until all results are here."""
    sizes = {"dict_size": 64, "train_tokens": 8_000, "eval_tokens": 2_032}
    box = create_sandbox(settings, "box", subject="synthetic", **sizes)
    wanted = PodsWanted(gpus=(GPU,), count=pods, hours=1, max_cost_usd=20)
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_client() as client,
        contextlib.closing(open_rentals(settings, client)) as desk,
    ):
        found = harvest(box.spec, settings, Path(scratch))
        level = choose_level(settings.glass, box.spec.limits.glass)
        site = RunSite(box.spec, settings, found, level, Path(scratch), lambda: False)
        key = ClientKey(desk.state).public()
        asked = wishes(wanted, settings, key, purpose="bench", job=None)
        places = [SleepingPlace(desk, settings, wish) for wish in asked]
        with contextlib.closing(RemoteTarget(site, places, "cpu")) as target:
            recipe = recipe_of(box.spec, found.activations, "cpu", found.arithmetic)
            return until_done(target, orders_of(box, found.digest, recipe, count))


def orders_of(box: Sandbox, data: str, recipe: Recipe, count: int) -> list[TrainingOrder]:
    """Return orders that differ in their seeds."""
    request = RunRequest(sandbox=box.name, variants=("topk",), seeds=tuple(range(count)))
    sweep = Sweep(Planner(box, data), request)
    return [order_for(item, recipe) for item in sweep.first()]


def until_done(target: RemoteTarget, orders: list[TrainingOrder]) -> float:
    """Give the orders out as a run does, and wait for all."""
    began, left, underway, done = time.monotonic(), list(orders), [], 0
    while left or underway:
        while left and len(underway) < target.places():
            underway.append(target.start(left.pop(0)))
        target.tend()
        over = [one for one in underway if one.finished() is not None]
        underway = [one for one in underway if one not in over]
        for one in over:
            one.end()
        done += len(over)
        time.sleep(0.2)
    assert done == len(orders)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())

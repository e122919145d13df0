"""Controllers that are killed with SIGKILL at random moments, twice per job, and started again."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.pod_runs import kill_reaper
from fakes.runpod import NEEDS_PODS, RunPod

import fumehood_tools
from fumehood_tools.pods.rentals import MachineClock
from fumehood_tools.pods.rentals.journal import Journal
from fumehood_tools.settings import load_settings

from .fuzz_controller import expected

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.timeout(3_000),
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]
HOME = str(Path(fumehood_tools.__file__).parents[1])
CONTROLLER = Path(__file__).with_name("fuzz_controller.py")
JOBS, KILLS = 25, 2
SEED = 20_261_130


@pytest.fixture(autouse=True)
def no_reaper_stays(tmp_path: Path) -> Iterator[None]:
    yield
    kill_reaper(tmp_path)


class Controllers:
    """Starts controllers of the jobs of one workspace."""

    def __init__(self, workspace: Path, cloud: RunPod) -> None:
        settings = load_settings(workspace, {"FUMEHOOD_ENDPOINTS": cloud.endpoints})
        self.workspace = workspace
        self._environment = {
            **os.environ,
            **settings.as_environment(),
            "RUNPOD_API_KEY": cloud.key,
            "PYTHONPATH": HOME,
        }

    def run(self, number: int, seed: int, kill_after: float | None = None) -> tuple[int, str, str]:
        """Run the controller of a job to its end, or kill it; return exit code, last step, stderr.

        kill_after: seconds from its first step, so that its imports do not count.
        """
        words = [sys.executable, str(CONTROLLER), str(self.workspace), str(number), str(seed)]
        with subprocess.Popen(
            words, env=self._environment, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr
            told = process.stderr.readline()
            if kill_after is not None:
                try:
                    process.wait(kill_after)
                except subprocess.TimeoutExpired:
                    process.kill()
            told += process.stderr.read()
            code = process.wait(300)
        return code, told.strip().splitlines()[-1], told


def test_case_24_jobs_whose_controllers_are_killed_twice_have_whole_logs_and_one_pod_each(
    tmp_path: Path,
) -> None:
    rng, steps, bad = random.Random(SEED), Counter[str](), list[str]()
    print(f"seed {SEED}")
    with RunPod.started(tmp_path / "cloud") as cloud:
        controllers = Controllers(tmp_path / "ws", cloud)
        began = time.monotonic()
        assert controllers.run(1_000, 0)[0] == 0
        usual = time.monotonic() - began
        for number in range(JOBS):
            seed = rng.randrange(1 << 30)
            for _ in range(KILLS):
                code, step, _ = controllers.run(number, seed, rng.uniform(0, 0.8 * usual))
                steps[step if code == -9 else "was over before"] += 1
            code, _, told = controllers.run(number, seed)
            if code != 0 or found(controllers.workspace, number) != expected(seed):
                bad.append(f"job {number}, seed {seed}: exit code {code}\n{told}")
        print(f"one job takes {usual:.1f} s; killed at: {dict(steps)}")
        assert not bad, "\n".join(bad)
        assert not cloud.pods() and len(cloud.ended()) == JOBS + 1
    journal = Journal(controllers.workspace / ".fumehood", "", MachineClock())
    rentals = journal.rentals(ended=True)
    journal.close()
    assert Counter(rental.place for rental in rentals).most_common(1)[0][1] == 1
    assert {rental.state for rental in rentals} == {"verified_gone"}
    assert steps["was over before"] <= JOBS, "most kills came too late to say anything"


def found(workspace: Path, number: int) -> tuple[bytes, bytes] | None:
    """Return the log and the result of a job as they arrived; None if one is missing."""
    out = workspace / f"job {number}"
    try:
        return (out / "log").read_bytes(), (out / "files" / "result").read_bytes()
    except FileNotFoundError:
        return None

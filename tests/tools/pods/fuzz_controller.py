"""A controller of one job on one pod, as the product has them, which may be killed at any moment.

fuzz_controller.py WORKSPACE NUMBER SEED: rents the pod, runs a program that prints random bytes,
copies its log and its result, ends the pod. Started again, it goes on. Tells its step on stderr.
"""

import contextlib
import random
import sys
from pathlib import Path

from fumehood_tools.pods.agent import Agent, JobSpec, collect
from fumehood_tools.pods.rentals import Desk, Wish, end_rental, open_rentals, rent
from fumehood_tools.pods.ssh import ClientKey, HostKeys, Machine, fingerprints_in
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.pods.wishes import wishes
from fumehood_tools.settings import load_settings
from fumehood_tools.web.service import open_client

GPU, PIECES, PIECE_BYTES, RESULT_BYTES = "NVIDIA A40", 30, 20_000, 300_000
PROGRAM = """
import os, random, sys, time
seed, pieces, size, result = map(int, sys.argv[1:])
rng = random.Random(seed)
for _ in range(pieces):
    sys.stdout.buffer.write(rng.randbytes(size))
    sys.stdout.flush()
    time.sleep(0.08)
with open(os.environ["FUMEHOOD_OUT"] + "/result", "wb") as file:
    file.write(rng.randbytes(result))
"""


def expected(seed: int) -> tuple[bytes, bytes]:
    """Return the log and the result of the program."""
    rng = random.Random(seed)
    log = b"".join(rng.randbytes(PIECE_BYTES) for _ in range(PIECES))
    return log, rng.randbytes(RESULT_BYTES)


def control(desk: Desk, wish: Wish, out: Path, seed: int) -> None:
    """Bring the job to its end, from wherever the last controller left it."""
    done = out / "done"
    if not done.exists():
        tell("rents")
        rental, pod = rent(desk, wish)
        assert pod.ssh is not None
        tell("logs in")
        expects = fingerprints_in(line.text for line in desk.api.logs(pod.id))
        keys = ClientKey(desk.state), HostKeys(desk.state)
        with Machine(pod.id, pod.ssh, *keys, expects) as machine:
            agent = Agent(machine)
            agent.install()
            tell("starts")
            words = map(str, (seed, PIECES, PIECE_BYTES, RESULT_BYTES))
            agent.start(JobSpec(job="fuzz", argv=("python3", "-c", PROGRAM, *words)))
            desk.journal.move(rental, "busy", "fuzz")
            tell("follows")
            copy_log(agent, out / "log")
            assert agent.status("fuzz").state == "succeeded"
            tell("collects")
            collect(agent, "jobs/fuzz/out", out / "files")
        done.touch()
    tell("ends the pod")
    if (there := desk.journal.at(wish.place)) is not None:
        end_rental(desk, there.intent, "the job is over")
    tell("is over")


def copy_log(agent: Agent, path: Path) -> None:
    """Append to the log what it lacks."""
    with path.open("ab") as file:
        for piece in agent.follow("fuzz", file.tell()):
            assert piece.offset == file.tell()
            file.write(piece.data)
            file.flush()


def tell(step: str) -> None:
    """Name the step that begins."""
    print(step, file=sys.stderr, flush=True)


def main() -> None:
    """Control the job that the arguments name."""
    workspace, number, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    settings, out = load_settings(workspace), workspace / f"job {number}"
    out.mkdir(parents=True, exist_ok=True)
    wanted = PodsWanted(gpus=(GPU,), hours=1, max_cost_usd=20)
    with open_client() as client, contextlib.closing(open_rentals(settings, client)) as desk:
        key = ClientKey(desk.state).public()
        (wish,) = wishes(wanted, settings, key, purpose=f"fuzz {number}", job=None)
        control(desk, wish, out, seed)


if __name__ == "__main__":
    main()

"""The detached reaper: `python -m fumehood_tools.pods.rentals.reaper --workspace FOLDER`.

It ends pods whose controller never comes back (see `reaping`), and leaves when nothing is rented.
One per workspace: a second one leaves at once. It looks once a minute, and less often while the
provider fails. It reads the API key from the environment, and writes what it does, never the key,
to .fumehood/reaper.log. Without --detach it stays in the foreground.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from filelock import Timeout

from fumehood_tools.errors import FumehoodError
from fumehood_tools.files import make_private
from fumehood_tools.pods.api import PodAPI, PodsFailed, choose_api
from fumehood_tools.pods.configured import JOURNAL_FILE
from fumehood_tools.pods.rentals.clock import Clock, MachineClock
from fumehood_tools.pods.rentals.desk import open_desk
from fumehood_tools.pods.rentals.journal import Journal
from fumehood_tools.pods.rentals.names import owner_of, parse_name
from fumehood_tools.pods.rentals.proving import end_pods
from fumehood_tools.pods.rentals.reaping import Reaped, reap
from fumehood_tools.pods.rentals.starting import LOOK_SECONDS, reaper_lock
from fumehood_tools.pods.rentals.wanting import Jobs
from fumehood_tools.settings import load_settings
from fumehood_tools.timestamps import now

LONGEST_PAUSE, GONE_SECONDS = 600.0, 600.0
LOCK_SECONDS = 1.0
LOG_FILE, LOG_BYTES = "reaper.log", 1 << 20

Say = Callable[[str], None]


def watch_over(state: Path, api: PodAPI, clock: Clock, say: Say, look_s: float) -> None:
    """Reap until nothing is rented. A failed look is told and repeated, later each time.

    If the workspace is removed meanwhile, all its pods are ended.
    """
    owner, pause, missing_s = owner_of(state), look_s, 0.0
    before: set[Reaped] = set()
    while missing_s < GONE_SECONDS:
        if not state.is_dir():
            missing_s += pause
        else:
            missing_s = 0.0
            try:
                done = look(state, api, clock)
            except FumehoodError as error:
                say(f"ALARM: this look failed: {error}")
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = look_s
                _tell(say, done, before)
                before = set(done)
                if all(reaped.did in ("ended", "lost") for reaped in done):
                    return
        clock.sleep(pause)
    say("The workspace is gone: all its pods are ended.")
    _end_everything(api, clock, owner, say)


def look(state: Path, api: PodAPI, clock: Clock) -> list[Reaped]:
    """Reap once. Raises PodsFailed, StorageFailed."""
    desk, jobs = open_desk(state, api, clock), Jobs(state, clock)
    try:
        return reap(desk, jobs.is_wanted)
    finally:
        jobs.close()
        desk.close()


def main(words: list[str] | None = None) -> None:
    """Reap as the only reaper of the workspace. Exit code 1 without a key."""
    parser = argparse.ArgumentParser(prog="fumehood_tools.pods.rentals.reaper")
    parser.add_argument("--workspace", required=True, type=Path)
    parser.add_argument("--look-every", type=float, default=LOOK_SECONDS, metavar="SECONDS")
    parser.add_argument("--detach", action="store_true", help="go on in the background")
    asked = parser.parse_args(words)
    try:
        settings = load_settings(asked.workspace)
        api = choose_api(settings)
    except FumehoodError as error:
        sys.exit(str(error))
    if asked.detach:
        _go_on_in_background(settings.state)
    lock = reaper_lock(settings.state)
    clock, say = MachineClock(), _log(settings.state / LOG_FILE)
    while True:
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            return
        try:
            watch_over(settings.state, api, clock, say, asked.look_every)
        finally:
            lock.release()
        # Whoever rented a pod just now saw that the lock was held, and started no other reaper.
        if not is_anything_rented(settings.state, clock):
            return


def is_anything_rented(state: Path, clock: Clock) -> bool:
    """Whether the journal has a rental that is not ended. Asks nobody else."""
    if not (state / JOURNAL_FILE).exists():
        return False
    journal = Journal(state, owner_of(state), clock)
    try:
        return bool(journal.rentals())
    finally:
        journal.close()


def _end_everything(api: PodAPI, clock: Clock, owner: str, say: Say) -> None:
    while True:
        try:
            pods = [pod for pod in api.pods() if (n := parse_name(pod.name)) and n.owner == owner]
            verdicts = end_pods(api, clock, [pod.id for pod in pods])
        except PodsFailed as error:
            say(f"ALARM: the pods cannot be listed: {error}")
        else:
            for pod_id, verdict in verdicts.items():
                told = f"ALARM: {verdict}" if isinstance(verdict, str) else verdict.answer
                say(f"{pod_id}: {told}")
            if not any(isinstance(verdict, str) for verdict in verdicts.values()):
                return
        clock.sleep(LONGEST_PAUSE)


def _tell(say: Say, done: list[Reaped], before: set[Reaped]) -> None:
    for reaped in done:
        if reaped not in before:
            alarm = "ALARM: " if reaped.did == "alarm" else ""
            say(f"{alarm}{reaped.name} ({reaped.pod_id}): {reaped.did} {reaped.why}".rstrip())


def _log(path: Path) -> Say:
    """Return a function that appends a line with the time to a file of limited size."""
    log = logging.getLogger("fumehood.reaper")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8"))
    return lambda text: log.info("%s %s", now(), text)


def _go_on_in_background(state: Path) -> None:
    """Let the caller go on. What Python itself has to say goes to the log as well."""
    make_private(state)
    if os.fork() > 0:
        os._exit(0)
    log = os.open(state / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for handle in (1, 2):
        os.dup2(log, handle)


if __name__ == "__main__":
    main()

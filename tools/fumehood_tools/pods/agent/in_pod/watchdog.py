"""End this pod when nobody looks after it any more, because the provider has no such switch.

The pod is ended when it has lived for max_life_s, or when for ttl_s no controller has renewed the
lease and no job has run. Its life is what this process has seen of it, summed over restarts of the
container: a container that crashes again and again does not live for ever.

Three requests are tried in turn, until one ends us: delete by REST v2, terminate by GraphQL, stop
by GraphQL. They carry the key that the provider put into the container's environment, which is
valid for this pod alone; it is written nowhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import Any

from . import states
from .detaching import detach

ANSWER_SECONDS = 20
SETTLE_SECONDS = 30.0
MOST_PAUSE_SECONDS = 5.0
AGENT = "fumehood-watchdog"


def lease(ttl_s: float, max_life_s: float | None) -> None:
    """Note that a controller looks after this pod. max_life_s: replaces the one of the start."""
    told = {"mark": os.urandom(8).hex(), "ttl_s": ttl_s, "max_life_s": max_life_s}
    states.write_json(os.path.join(states.ROOT, "lease.json"), told)


def arm(ttl_s: float, max_life_s: float, v2: str, graphql: str) -> dict[str, Any]:
    """Start the watchdog, unless one runs, and return {"armed": whether one runs now}."""
    lock = os.open(os.path.join(states.ROOT, "watchdog.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return {"armed": True}
    who = dict(os.environ, **states.pod_environment())
    if not who.get("RUNPOD_POD_ID") or not who.get("RUNPOD_API_KEY"):
        os.close(lock)
        return {"armed": False}
    answers = detach()
    if answers is None:
        # The watchdog has a copy of the descriptor, and with it the lock.
        os.close(lock)
        return {"armed": True}
    try:
        os.close(answers)
        _spare_me()
        Watchdog(who["RUNPOD_POD_ID"], who["RUNPOD_API_KEY"], v2, graphql).watch(ttl_s, max_life_s)
    finally:
        os._exit(1)


def is_armed() -> bool:
    """Whether a watchdog runs on this machine."""
    lock = os.open(os.path.join(states.ROOT, "watchdog.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(lock)


def _spare_me() -> None:
    """Ask the kernel to kill others first when memory is short; only root may."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("-900")


class Watchdog:
    """The process that watches the lease, the jobs and the life of the pod."""

    def __init__(self, pod: str, key: str, v2: str, graphql: str) -> None:
        self.pod, self.key, self.v2, self.graphql = pod, key, v2, graphql
        self.file = os.path.join(states.ROOT, "life.json")

    def watch(self, ttl_s: float, max_life_s: float) -> None:
        """Watch until the pod has to end, then end it. Never returns while the pod lives."""
        lived = (states.read_json(self.file) or {}).get("lived_s", 0.0)
        before = quiet_since = time.monotonic()
        mark = None
        while True:
            now = time.monotonic()
            lived, before = lived + now - before, now
            with contextlib.suppress(OSError):
                states.write_json(self.file, {"lived_s": lived}, durable=False)
            told = states.read_json(os.path.join(states.ROOT, "lease.json")) or {}
            ttl_s = float(told.get("ttl_s") or ttl_s)
            max_life_s = float(told.get("max_life_s") or max_life_s)
            busy = any(job["state"] in states.LIVING for job in states.jobs().values())
            if busy or told.get("mark") != mark:
                mark, quiet_since = told.get("mark"), now
            if lived > max_life_s:
                self._end(f"it has lived for {lived:.0f} s")
            elif now - quiet_since > ttl_s:
                self._end(f"nobody has used it for {now - quiet_since:.0f} s")
            time.sleep(min(MOST_PAUSE_SECONDS, ttl_s / 4, max_life_s / 4))

    def _end(self, why: str) -> None:
        """Try each way to end the pod once; one that seems to work gets some time to do so."""
        self._note(f"ends this pod: {why}")
        import urllib.parse

        where = f"{self.v2.rstrip('/')}/pods/{urllib.parse.quote(self.pod, safe='')}"
        pod = "(input: {podId: " + json.dumps(self.pod) + "})"
        for method, address, mutation in (
            ("DELETE", where, None),
            ("POST", self.graphql, "mutation { podTerminate" + pod + " }"),
            ("POST", self.graphql, "mutation { podStop" + pod + " { id } }"),
        ):
            body = None if mutation is None else json.dumps({"query": mutation})
            told, done = self._ask(method, address, body)
            self._note(f"{mutation or method}: {told}")
            time.sleep(SETTLE_SECONDS if done else 0)

    def _ask(self, method: str, address: str, body: str | None) -> tuple[str, bool]:
        """Send one request; return what happened, and whether the provider agreed."""
        # Imported here, because most commands of the agent have no use for them.
        import http.client
        import urllib.parse

        parts = urllib.parse.urlsplit(address)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        link = kind(parts.netloc, timeout=ANSWER_SECONDS)
        headers = {
            "Authorization": "Bearer " + self.key,
            "Content-Type": "application/json",
            "User-Agent": AGENT,
        }
        path = parts.path + ("?" + parts.query if parts.query else "")
        try:
            link.request(method, path, body, headers)
            answer = link.getresponse()
            text = answer.read(1 << 16)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, False
        finally:
            link.close()
        agreed = answer.status < 300 and b'"errors"' not in text
        return f"HTTP {answer.status}", agreed

    def _note(self, text: str) -> None:
        """Write a line for whoever looks later; it never holds the key."""
        with contextlib.suppress(OSError):
            path = os.path.join(states.ROOT, "watchdog.txt")
            with open(path, "a", encoding="utf-8") as file:
                file.write(text + "\n")

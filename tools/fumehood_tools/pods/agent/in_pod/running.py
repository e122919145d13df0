"""Stay with a job until it has ended: its log, its time limit, its last word.

The log holds the first log_bytes bytes that the job printed, as they were; what comes later, or
finds the disk full, is counted in `log_dropped`. The last TAIL_BYTES are kept in `tail.txt` if
anything was dropped, because that is where an error message stands.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import Any

from . import family, states
from .measures import gpu_memory_mb, memory_kills

LOOK_SECONDS = 0.2
BEAT_SECONDS = 1.0
LAST_WORD_SECONDS = 60
AT_ONCE, TAIL_BYTES = 1 << 16, 1 << 16
LOG_BYTES, GRACE_SECONDS = 64 << 20, 10.0


class Runner:
    """One job and the process that watches it."""

    def __init__(
        self,
        folder: str,
        spec: dict[str, Any],
        told: dict[str, Any],
        process: subprocess.Popen[bytes],
    ) -> None:
        self.folder, self.told, self.process = folder, told, process
        self.room = int(spec.get("log_bytes") or LOG_BYTES)
        limit, grace = spec.get("timeout_s"), spec.get("grace_s")
        self.end = told["began"] + float(limit) if limit else float("inf")
        self.grace = GRACE_SECONDS if grace is None else float(grace)
        self.kill_at = float("inf")
        self.reason: str | None = None
        self.code: int | None = None
        self.dropped, self.tail = 0, b""
        assert process.stdout is not None
        self.pipe = process.stdout.fileno()
        self.open = True
        self.log = os.open(
            os.path.join(folder, "log.txt"), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600
        )
        os.set_blocking(self.pipe, False)

    def run(self) -> None:
        """Watch the job until its own process has ended, then end what it left behind."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.pipe, selectors.EVENT_READ)
            while self.code is None:
                if selector.select(LOOK_SECONDS) and not self._read():
                    selector.unregister(self.pipe)
                how = family.reaped().get(self.process.pid)
                self.code = None if how is None else family.exit_code(how)
                if self.code is None:
                    self._watch(time.monotonic())
        self.process.returncode = self.code
        # What the job printed is in the pipe already. A process that it left behind may go on
        # printing, and may keep the pipe open for ever.
        stragglers = family.end_descendants()
        family.send(self.process.pid, signal.SIGKILL)
        for _ in range(1 << 16):
            if not self.open or not self._read():
                break
        self._last_word(stragglers)

    def _read(self) -> bool:
        """Take what the pipe has. False: it is empty for now, or closed for good."""
        try:
            data = os.read(self.pipe, AT_ONCE)
        except BlockingIOError:
            return False
        if not data:
            self.open = False
            return False
        self.tail = (self.tail + data)[-TAIL_BYTES:]
        written = 0
        if not self.dropped:
            with contextlib.suppress(OSError):
                written = os.write(self.log, data[: self.room])
        self.room -= written
        self.dropped += len(data) - written
        return True

    def _watch(self, now: float) -> None:
        if self.reason is None and now > self.end:
            self._stop("timeout", now)
        if self.reason is None and os.path.exists(os.path.join(self.folder, "cancel")):
            self._stop("cancelled", now)
        if now > self.kill_at:
            family.send(self.process.pid, signal.SIGKILL)
        if now - self.told["beat"] >= BEAT_SECONDS:
            self.told.update(beat=now, log_dropped=self.dropped)
            # On a full disk the job goes on, and its heartbeat looks old.
            with contextlib.suppress(OSError):
                states.write_json(self._status, self.told, durable=False)

    def _stop(self, reason: str, now: float) -> None:
        self.reason, self.kill_at = reason, now + self.grace
        family.send(self.process.pid, signal.SIGTERM)

    def _last_word(self, stragglers: int) -> None:
        code = self.code if self.code is not None else 0
        kills = max(0, memory_kills() - self.told.pop("oom_before"))
        reason = self.reason
        if reason is None and code in (-signal.SIGKILL, 128 + signal.SIGKILL) and kills:
            reason = "out of memory"
        elif reason is None and code < 0:
            reason = family.signal_name(code)
        state = "cancelled" if reason == "cancelled" else "failed"
        if code == 0 and reason is None:
            state = "succeeded"
        now = time.monotonic()
        self.told.update(
            state=state,
            exit_code=code,
            reason=reason,
            memory_kills=kills,
            stragglers=stragglers,
            log_dropped=self.dropped,
            duration_s=now - self.told["began"],
            beat=now,
            gpu_after_mb=gpu_memory_mb(),
        )
        self._write_finally()

    def _write_finally(self) -> None:
        """Write the last word even on a full disk: the reserve makes room for it."""
        for last in range(LAST_WORD_SECONDS):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.folder, "reserve"))
            try:
                states.write_json(self._status, self.told)
                break
            except OSError:
                time.sleep(0 if last == 0 else 1)
        if self.dropped:
            path = os.path.join(self.folder, "tail.txt")
            with contextlib.suppress(OSError), open(path, "wb") as file:
                file.write(self.tail)

    @property
    def _status(self) -> str:
        return os.path.join(self.folder, "status.json")

"""A container that runs: the process of bubblewrap, what it prints, and everything inside."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil

from fakes.runpod.memory import MemoryCap

LINE_BYTES = 16_384
AGAIN_SECONDS, END_SECONDS = 0.05, 5.0


class Running:
    """One container, from its start until its end."""

    def __init__(
        self, command: list[str], environment: dict[str, str], cap: MemoryCap | None
    ) -> None:
        self._cap = cap
        self._starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *command,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        )

    async def started(self) -> asyncio.subprocess.Process:
        """Return the process of bubblewrap. It is not killed if the caller is cancelled."""
        return await asyncio.shield(self._starting)

    @property
    def pid(self) -> int | None:
        """The process of bubblewrap, while it runs."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def lines(self) -> AsyncIterator[str]:
        """Yield what the container prints, line by line, until it ends."""
        stdout, rest = (await self.started()).stdout, b""
        assert stdout
        while chunk := await stdout.read(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line[:LINE_BYTES].decode(errors="replace").rstrip("\r")
            rest = rest[-LINE_BYTES:]

    async def status(self) -> int:
        """Wait for the end and return the exit status."""
        return await (await self.started()).wait()

    def sshd(self) -> Iterator[tuple[psutil.Process, bool]]:
        """Yield the processes of sshd, and whether each is the one that listens."""
        for process in self._inside():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.name().startswith("sshd"):
                    yield process, "[listener]" in " ".join(process.cmdline())

    def kill(self) -> None:
        """Kill everything inside. With process 1 of the container, the kernel ends the rest."""
        for process in self._inside():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    async def end(self) -> None:
        """Kill everything and return when it is gone.

        Not by killing bubblewrap: if that dies before its child has been let run, the child waits
        for it for ever (0.8.0), in spite of --die-with-parent.
        """
        process = await self.started()
        for _ in range(int(END_SECONDS / AGAIN_SECONDS)):
            self.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), AGAIN_SECONDS)
            if process.returncode is not None:
                break
        else:
            process.kill()
        if self._cap is not None:
            self._cap.remove()

    @property
    def _process(self) -> asyncio.subprocess.Process | None:
        return self._starting.result() if self._starting.done() else None

    def _inside(self) -> list[psutil.Process]:
        if self.pid is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                return psutil.Process(self.pid).children(recursive=True)
        return []


def sweep(folder: Path) -> None:
    """Kill the containers in a folder that have outlived their stand-in."""
    mark = f"{folder}/pods/"
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if "bwrap" in line and any(word.startswith(mark) for word in line):
                process.kill()

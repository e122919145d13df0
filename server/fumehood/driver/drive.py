"""The loop of an unattended drive: ask the model, run its tool calls, until one of the ends.

A drive ends when the model calls `finish`, a limit is reached, the endpoint gives no usable answer,
the model stops calling tools or repeats one call, or the user stops it. Every end is entered in the
study's notebook. Every message is on disk before the next step, so the same command continues a
drive that was stopped or killed; a tool call without a result is run again then, which is safe
because the server's tools refuse or repeat what was done already.
"""

import json
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from typing import Any, Literal, NamedTuple

import anyio
from mcp import Client

from fumehood.client import connected
from fumehood.driver.chat import MOST_CALLS, Answer, Chat, EndpointFailed
from fumehood.driver.limits import Limits, Meter, tokens_in
from fumehood.driver.toolset import Toolset, minutes_since
from fumehood.driver.transcript import Message, Transcript, fitting
from fumehood.driver.workshop import FINISH
from fumehood_tools.errors import AlreadyExists, StorageFailed
from fumehood_tools.locking import exclusive
from fumehood_tools.quoting import one_line
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import Note
from fumehood_tools.studies.notebook import append
from fumehood_tools.timestamps import now

MOST_NUDGES, MOST_SUMMARY = 3, 2_000
HINT_AFTER, MOST_REPEATS = 3, 8
OPTIONS = ("--toolsets", "papers,guides,sandbox,bench,studies,jobs")
NUDGE = (
    "Nobody reads this conversation while it runs, so a question to the user gets no answer. "
    "Decide yourself, write decisions into the study, and call a tool; or call finish."
)
LEFT_OUT = (
    f"Only the first {MOST_CALLS} calls of your answer were made. Make fewer at once, and look at "
    "their results before the next ones."
)
Connect = Callable[[Settings], AbstractAsyncContextManager[Client]]
End = Literal["finished", "limit", "endpoint", "idle", "repeats", "stopped"]


class Drive(NamedTuple):
    """What one session of a drive did."""

    end: End
    why: str
    used: str
    summary: str = ""


class _Ended(Exception):
    """Ends the loop."""

    def __init__(self, end: End, why: str, summary: str = "") -> None:
        super().__init__(why)
        self.end: End = end
        self.why, self.summary = why, summary


async def drive(
    settings: Settings,
    study: str,
    chat: Chat,
    limits: Limits,
    *,
    fresh: bool = False,
    say: Callable[[str], None] = lambda line: None,
    connect: Connect | None = None,
) -> Drive:
    """Drive a study until one of the ends; continue the earlier conversation unless fresh.

    say: gets one line per step. connect: how to reach the server; default: start one over stdio.

    Raises AlreadyExists if another process drives this study; StorageFailed.
    """
    folder = settings.state / "drives"
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(folder / f"{study}.lock", seconds=0.0))
        except StorageFailed as error:
            raise AlreadyExists(
                f"Another process drives the study {study}. Stop it first, or choose another."
            ) from error
        path = folder / f"{study}.jsonl"
        if fresh and path.exists():
            path.rename(path.with_name(f"{study}.{time.time_ns()}.jsonl"))
        transcript = Transcript(path)
        meter = Meter(limits, transcript.used, transcript.steps)
        loop = _Loop(settings, chat, transcript, meter, say)
        found = await _session(loop, study, (connect or _over_stdio)(settings))
        _enter(settings, study, chat.model, found)
        return found


def _enter(settings: Settings, study: str, model: str, found: Drive) -> None:
    """Enter the end of a session in the study's notebook."""
    text = f"Unattended run with {model} ended: {found.why} ({found.used})."
    if found.summary:
        text += f" Its own summary, which nothing here checks: {found.summary}"
    append(settings.workspace, study, Note(kind="run", text=text, written=now()))


def _over_stdio(settings: Settings) -> AbstractAsyncContextManager[Client]:
    return connected(settings, OPTIONS)


async def _session(loop: "_Loop", study: str, server: AbstractAsyncContextManager[Client]) -> Drive:
    """Run the loop with a server, and return how it ended."""
    ended = _Ended("stopped", "the user stopped it")
    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_at_signal, group.cancel_scope)
        async with server as client:
            try:
                await loop.run(study, client)
            except _Ended as error:
                ended = error
        group.cancel_scope.cancel()
    return Drive(ended.end, ended.why, loop.meter.in_words(), ended.summary)


async def _cancel_at_signal(scope: anyio.CancelScope) -> None:
    """Cancel a scope at Ctrl-C or SIGTERM. Off the main thread there are no signals to wait for."""
    with (
        suppress(ValueError, NotImplementedError),
        anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals,
    ):
        async for _ in signals:
            scope.cancel()
            return


class _Loop:
    """One session with the model."""

    def __init__(
        self,
        settings: Settings,
        chat: Chat,
        transcript: Transcript,
        meter: Meter,
        say: Callable[[str], None],
    ) -> None:
        self.meter = meter
        self._settings, self._chat, self._say = settings, chat, say
        self._transcript, self._start = transcript, time.monotonic()
        self._last: tuple[str, str] | None = None
        self._repeats = self._nudges = 0

    async def run(self, study: str, client: Client) -> None:
        """Ask and run until `_Ended` is raised."""
        tools = Toolset(self._settings, client, self._in_time)
        offered = await tools.offered()
        if not self._transcript.messages:
            for message in await self._first(study, client):
                self._transcript.append(message)
        for call in self._transcript.unanswered():
            await self._use(call, tools)
        while True:
            answer = await self._ask(offered)
            for call in answer.calls:
                await self._use(call, tools)
            if answer.left_out:
                self._transcript.append({"role": "user", "content": LEFT_OUT})

    def _in_time(self) -> bool:
        limit = self.meter.limits.minutes
        return limit is None or minutes_since(self._start) < limit

    async def _first(self, study: str, client: Client) -> list[Message]:
        """Return the first two messages: the server's instructions, and the task."""
        prompt = await client.get_prompt("research_loop", {"study": study})
        parts = [getattr(message.content, "text", "") for message in prompt.messages]
        limits = self.meter.limits
        rules = (
            f"{client.instructions or ''}\nYou work alone; nobody answers questions. You may "
            f"give at most {limits.steps} answers. write_variant writes a variant's file, "
            "read_sandbox_file reads the rules, and finish ends the run."
        )
        return [
            {"role": "system", "content": rules},
            {"role": "user", "content": "\n".join(parts)},
        ]

    async def _ask(self, offered: list[dict[str, Any]]) -> Answer:
        """Ask the model once and return its answer. Raises _Ended."""
        limits = self.meter.limits
        room = int(limits.context_tokens * 3) - len(str(offered))
        asked = fitting(self._transcript.messages, max(room, 8_000))
        size = tokens_in(str(asked)) + tokens_in(str(offered))
        if reached := self.meter.reached(size, minutes_since(self._start)):
            raise _Ended("limit", reached)
        try:
            answer = await self._chat.ask(asked, offered)
        except EndpointFailed as error:
            raise _Ended("endpoint", str(error)) from error
        self.meter.add(answer.used)
        self._transcript.append(answer.message, answer.used)
        if text := one_line(answer.message["content"]):
            self._say(f"model: {text[:300]}")
        if answer.calls:
            self._nudges = 0
        else:
            self._nudge()
        return answer

    def _nudge(self) -> None:
        """Ask for a tool call. Raises _Ended when it was asked for often enough."""
        self._nudges += 1
        if self._nudges > MOST_NUDGES:
            raise _Ended("idle", f"the model called no tool {self._nudges} times in a row")
        self._transcript.append({"role": "user", "content": NUDGE})

    async def _use(self, call: Message, tools: Toolset) -> None:
        """Run one tool call and keep its result.

        Raises _Ended after `finish` or many repeats, and before it when the time is up: then the
        next session runs it.
        """
        if not self._in_time():
            raise _Ended("limit", f"its limit of {self.meter.limits.minutes:g} minutes is reached")
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        self._say(f"call: {one_line(name)} {one_line(arguments)[:200]}")
        self._repeats = self._repeats + 1 if (name, arguments) == self._last else 1
        self._last = name, arguments
        text = await tools.run(call)
        if self._repeats >= HINT_AFTER:
            text += (
                f"\n(This exact call was made {self._repeats} times in a row. Do something else.)"
            )
        self._say(f"  -> {one_line(text)[:200]}")
        self._transcript.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        if name == FINISH and text == "The run ends.":
            raise _Ended("finished", "the model finished", _summary_of(arguments))
        if self._repeats >= MOST_REPEATS:
            raise _Ended("repeats", f"the model repeated one call of {name} {self._repeats} times")


def _summary_of(arguments: str) -> str:
    """Return the summary in the arguments of a call of `finish` that was accepted."""
    return one_line(str(json.loads(arguments)["summary"]))[:MOST_SUMMARY]

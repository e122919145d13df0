"""The conversation of a drive on disk: one JSON line per message, which only grows.

A crash loses at most the line being written; a torn last line is removed by the next session. The
file is for people and for resuming. Nothing that is claimed rests on it.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fumehood.driver.limits import Usage
from fumehood_tools.errors import StorageFailed

Message = dict[str, Any]


class Transcript:
    """Reads and appends the messages of one study's drive."""

    def __init__(self, path: Path) -> None:
        """Read what is there. Raises StorageFailed if it cannot be read or repaired."""
        self.path = path
        self.messages: list[Message] = []
        self.used, self.steps = Usage(), 0
        self._read()

    def append(self, message: Message, used: Usage | None = None) -> None:
        """Append a message and write it to disk. used: the tokens of the model's answer."""
        line: dict[str, Any] = {"message": message}
        if used is not None:
            line["used"] = list(used)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(json.dumps(line, ensure_ascii=True).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Writing the transcript") from error
        self._take(line)

    def unanswered(self) -> list[Message]:
        """Return the tool calls of the last answer that have no result yet, after a crash."""
        for at in range(len(self.messages) - 1, -1, -1):
            message = self.messages[at]
            if message["role"] == "assistant":
                done = {m.get("tool_call_id") for m in self.messages[at + 1 :]}
                calls: Iterable[Message] = message.get("tool_calls") or ()
                return [call for call in calls if call["id"] not in done]
        return []

    def _take(self, line: dict[str, Any]) -> None:
        self.messages.append(line["message"])
        if "used" in line:
            self.used = self.used.plus(Usage(*line["used"]))
            self.steps += 1

    def _read(self) -> None:
        try:
            raw = self.path.read_bytes() if self.path.exists() else b""
            whole = raw[: raw.rfind(b"\n") + 1]
            if len(whole) < len(raw):
                with self.path.open("r+b") as file:
                    file.truncate(len(whole))
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Reading the transcript") from error
        for number, text in enumerate(whole.splitlines(), 1):
            try:
                line = json.loads(text)
                assert isinstance(line["message"]["role"], str)
                self._take(line)
            except (ValueError, KeyError, TypeError, AssertionError) as error:
                raise StorageFailed(
                    f"Line {number} of {self.path.name} is damaged. Move the file away to begin a "
                    "new conversation (the study itself is not affected), or use --fresh."
                ) from error


def fitting(messages: list[Message], most_characters: int) -> list[Message]:
    """Return the messages that fit: the first two, and as many of the newest as there is room for.

    A result of a tool is kept only together with the call that asked for it. What was left out is
    said in one message, so that the model asks the study instead of guessing.
    """
    size = [len(json.dumps(message)) for message in messages]
    if sum(size) <= most_characters:
        return messages
    head, room = messages[:2], most_characters - sum(size[:2])
    start = len(messages)
    while start > 2 and room - size[start - 1] >= 0:
        start -= 1
        room -= size[start]
    while start < len(messages) and messages[start]["role"] == "tool":
        start += 1
    said = (
        "[Earlier messages were left out because the conversation is long. Call read_study to see "
        "what was done.]"
    )
    return [*head, {"role": "user", "content": said}, *messages[start:]]

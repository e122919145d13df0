"""Keep the names of tools that are not offered out of what an agent reads.

Tool descriptions, errors and the `next` of a result say what to call next. A server that offers
only some toolsets, or only tools that change nothing, must not send an agent to a tool that it does
not have. So the clause or sentence that names such a tool is left out. An agent that calls one
nevertheless is told that it exists, and why it is not offered.
"""

import re
from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, TextContent

OURS = ("next", "warnings", "notes")
"""Keys of structured content whose texts are written by us and may name tools."""

QUOTE = "| "
"""What lines begin with that quote somebody else's text. They are never changed."""

SENTENCES = re.compile(r"(?<=[.!?])\s+")
CLAUSES = re.compile(r"((?:, (?:or|then)|;) )")


class Offered:
    """What a server offers: every tool but those that it withholds."""

    def __init__(self, withheld: Mapping[str, str]) -> None:
        """withheld: the name of each tool that exists but is not offered, and why."""
        self.withheld = withheld
        names = "|".join(map(re.escape, withheld))
        self._named = re.compile(rf"\b(?:{names})\b") if withheld else None

    def refusal(self, name: str) -> str | None:
        """Return why a tool that exists is not offered; None if there is no such tool."""
        why = self.withheld.get(name)
        return None if why is None else f"{name} exists, but {why}."

    def text(self, text: str) -> str:
        """Return our text without the sentences and clauses that name a tool that is withheld."""
        if self._named is None or not self._named.search(text):
            return text
        lines = [self._line(line) for line in text.split("\n")]
        return "\n".join(line for line in lines if line is not None)

    def described(self, tool: Tool) -> Tool:
        """Return a tool whose descriptions name only tools that are offered."""
        if self._named is None:
            return tool
        described = {
            name: {**argument, "description": self.text(argument["description"])}
            if "description" in argument
            else argument
            for name, argument in tool.parameters["properties"].items()
        }
        parameters = {**tool.parameters, "properties": described}
        texts = {"description": self.text(tool.description), "parameters": parameters}
        return tool.model_copy(update=texts)

    def result(self, result: CallToolResult) -> CallToolResult:
        """Return a result whose texts of ours name only tools that are offered."""
        if self._named is None:
            return result
        content = [
            part.model_copy(update={"text": self.text(part.text)})
            if isinstance(part, TextContent)
            else part
            for part in result.content
        ]
        structured = self.structure(result.structured_content)
        return result.model_copy(update={"content": content, "structured_content": structured})

    def structure(self, node: Any) -> Any:
        """Return structured content whose texts of ours name only tools that are offered."""
        if self._named is None:
            return node
        if isinstance(node, list):
            return [self.structure(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {
            key: self._ours(value, key) if key in OURS else self.structure(value)
            for key, value in node.items()
        }

    def _ours(self, value: Any, key: str) -> Any:
        if isinstance(value, list):
            kept = [self._ours(item, key) for item in value]
            return [item for item in kept if item != ""]
        if not isinstance(value, str):
            return self.structure(value)
        return self.text(value) or (self._nothing_next(value) if value and key == "next" else "")

    def _line(self, line: str) -> str | None:
        """Return one line; None if nothing of it is left."""
        assert self._named is not None
        if line.startswith(QUOTE) or not self._named.search(line):
            return line
        label, found = "", re.match(r"[Nn]ext: ", line)
        if found:
            label, line = found[0], line[found.end() :]
        rest = self._sentences(line)
        if label and not rest:
            rest = self._nothing_next(line)
        return label + rest if rest else None

    def _sentences(self, line: str) -> str:
        kept = [self._sentence(sentence) for sentence in SENTENCES.split(line)]
        return " ".join(sentence for sentence in kept if sentence)

    def _nothing_next(self, line: str) -> str:
        """Return what to say instead of a next step that only names tools that are withheld."""
        assert self._named is not None
        found = self._named.search(line)
        assert found is not None
        return f"Nothing here: {self.withheld[found[0]]}."

    def _sentence(self, sentence: str) -> str:
        assert self._named is not None
        if not self._named.search(sentence):
            return sentence
        first, *rest = CLAUSES.split(sentence)
        clauses = [("", first), *zip(rest[::2], rest[1::2], strict=True)]
        kept = [(link, clause) for link, clause in clauses if not self._named.search(clause)]
        if not kept:
            return ""
        joined = kept[0][1] + "".join(f"{link}{clause}" for link, clause in kept[1:])
        joined = joined.rstrip(".!?") + (sentence[-1] if sentence[-1] in ".!?" else "")
        return joined[0].upper() + joined[1:] if sentence[0].isupper() else joined

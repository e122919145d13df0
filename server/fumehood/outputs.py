"""Cut results that are too long for a model's context, and store the whole result in a file.

A result may have 20,000 characters of text and 20,000 of structured content. Longer ones are stored
in `<workspace>/.fumehood/outputs/` under a name made from their hash, and the result says where: as
a path for clients that read files, as `fumehood://outputs/{name}/{page}` for those that do not.
Text is cut at the start of page 2, which is the start of a line, and its last line
follows if that names the next call. Structured content keeps its shape: long lists and strings are
shortened step by step until it fits *and still matches the tool's output schema* (which clients
check), and a key `cut` is added. If no shortened form is valid, the call returns an error that
names the file. The newest 200 files are kept. Images are not counted.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, CompletionArgument, ContentBlock, ResourceLink, TextContent
from pydantic import ValidationError

from fumehood_tools.files import make_private, write_text

MAX_CHARACTERS = 20_000
PAGE = 18_000
ONWARD, LONGEST_ONWARD = "Next: ", 1_000
KEPT_FILES = 200
OUTPUT_URI = "fumehood://outputs/{name}/{page}"
LADDER = ((4000, 100), (2000, 50), (1000, 25), (500, 12), (250, 6), (120, 3), (60, 1))
"""(longest string, longest list) of each attempt to make structured content fit."""

_NAME = re.compile(r"[a-z0-9_]{1,64}-[0-9a-f]{12}\.(txt|json)")


class Outputs:
    """The folder for long results of one workspace. It is created when first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fit(self, tool: Tool, result: CallToolResult) -> CallToolResult:
        """Return the result, cut to the limits. Raises StorageFailed if a file can't be written."""
        text, whole = _text_size(result), _dump(result.structured_content)
        if text <= MAX_CHARACTERS and len(whole) <= MAX_CHARACTERS:
            return result
        content = self._fit_text(tool.name, result.content) if text > MAX_CHARACTERS else None
        content = list(result.content) if content is None else content
        if len(whole) <= MAX_CHARACTERS:
            return result.model_copy(update={"content": content})
        pretty = json.dumps(result.structured_content, indent=1, ensure_ascii=False)
        link = self._save(tool.name, "json", pretty)
        shorter = self._fit_structure(tool, result, link)
        if shorter is None:
            return CallToolResult(content=[_too_long(link, self.folder / link.name)], is_error=True)
        update = {"content": [*content, link], "structured_content": shorter}
        return result.model_copy(update=update)

    def read(self, name: str, page: int) -> str:
        """Return one page of a stored result, with a last line that gives the next page."""
        path = self.folder / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise ResourceNotFoundError(
                f"There is no stored output {name!r}. Repeat the call that produced it."
            )
        text = path.read_text(encoding="utf-8")
        pages = _pages(text)
        if not 1 <= page <= len(pages):
            raise ResourceNotFoundError(f"{name} has pages 1 to {len(pages)}, not {page}.")
        onward = f"; next: {uri_of(name, page + 1)}" if page < len(pages) else ""
        return f"{pages[page - 1]}\n[page {page} of {len(pages)}{onward}]"

    def completions(self, argument: CompletionArgument, others: Mapping[str, str]) -> list[str]:
        """Return the possible values of an argument of a stored result's address.

        The names are sorted from newest to oldest; the pages are those of the name in `others`.
        """
        if argument.name == "name":
            dated = sorted(_dated(self.folder), reverse=True) if self.folder.is_dir() else []
            names = [path.name for _, path in dated if _NAME.fullmatch(path.name)]
            return [name for name in names if name.startswith(argument.value)]
        path = self.folder / others.get("name", "")
        if argument.name != "page" or not _NAME.fullmatch(path.name) or not path.is_file():
            return []
        count = len(_pages(path.read_text(encoding="utf-8")))
        pages = map(str, range(1, count + 1))
        return [page for page in pages if page.startswith(argument.value)]

    def _fit_text(self, tool: str, content: list[ContentBlock]) -> list[ContentBlock]:
        """Return the content with its text cut to one page and the whole text in a file."""
        whole = "\n".join(part.text for part in content if isinstance(part, TextContent))
        others = [part for part in content if not isinstance(part, TextContent)]
        link = self._save(tool, "txt", whole)
        first, onward = _pages(whole)[0], whole.rpartition("\n")[2]
        note = (
            f"\n[cut: {len(first):,} of {len(whole):,} characters. The whole text: "
            f"{self.folder / link.name} or, page by page, {uri_of(link.name, 2)}]"
        )
        if onward.startswith(ONWARD) and len(onward) <= LONGEST_ONWARD:
            note += f"\n{onward}"
        return [TextContent(type="text", text=first + note), *others, link]

    def _fit_structure(
        self, tool: Tool, result: CallToolResult, link: ResourceLink
    ) -> dict[str, Any] | None:
        """Return the longest shortened structured content that is valid; None if none is."""
        cut = {
            "cut": {
                "why": f"longer than {MAX_CHARACTERS:,} characters; lists and texts are shortened",
                "whole_result": str(self.folder / link.name),
                "read_by_page": uri_of(link.name, 1),
            }
        }
        for longest_text, longest_list in LADDER:
            shorter: dict[str, Any] = (
                _shorten(result.structured_content, longest_text, longest_list) | cut
            )
            if len(_dump(shorter)) <= MAX_CHARACTERS and _is_valid(tool, shorter):
                return shorter
        return None

    def _save(self, tool: str, suffix: str, text: str) -> ResourceLink:
        """Store the text under a name made from its hash; return the link to its first page."""
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        name = f"{tool}-{digest}.{suffix}"
        make_private(self.folder.parent)
        write_text(self.folder / name, text)
        self._forget_oldest()
        return ResourceLink(
            type="resource_link",
            name=name,
            uri=uri_of(name, 1),
            mime_type="application/json" if suffix == "json" else "text/plain",
            description=f"The whole result of {tool}, {len(text):,} characters",
        )

    def _forget_oldest(self) -> None:
        """Delete all but the newest files. Another server may be doing the same right now."""
        dated = sorted(_dated(self.folder), reverse=True)
        for _, path in dated[KEPT_FILES:]:
            path.unlink(missing_ok=True)


def size_of(result: CallToolResult) -> int:
    """Return the characters of a result's text or of its structured content, whichever are more."""
    return max(_text_size(result), len(_dump(result.structured_content)))


def page_limit(tool: Tool, arguments: Mapping[str, Any], result: CallToolResult) -> int:
    """Return how many rows this page of a list may have; 0 if the result is no page of a list."""
    limit = tool.parameters["properties"].get("limit", {})
    if limit.get("type") != "integer" or "next_cursor" not in (result.structured_content or {}):
        return 0
    return int(arguments.get("limit", limit["default"]))


def noted(result: CallToolResult, notes: Sequence[str]) -> CallToolResult:
    """Return a result that begins with notes about how the call was read."""
    if not notes:
        return result
    text = "\n".join(f"note: {note}" for note in notes)
    content = [TextContent(type="text", text=text), *result.content]
    return result.model_copy(update={"content": content})


def uri_of(name: str, page: int) -> str:
    """Return the resource address of one page of a stored output."""
    return OUTPUT_URI.format(name=name, page=page)


def _pages(text: str) -> list[str]:
    """Return the pages of a text. A page ends with a line, unless that leaves less than half."""
    pages, start = [], 0
    while len(text) - start > PAGE:
        line = text.rfind("\n", start + PAGE // 2, start + PAGE) + 1
        end = line or start + PAGE
        pages.append(text[start:end])
        start = end
    return [*pages, text[start:]]


def _dated(folder: Path) -> Iterator[tuple[float, Path]]:
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield path.stat().st_mtime, path


def _text_size(result: CallToolResult) -> int:
    return sum(len(part.text) for part in result.content if isinstance(part, TextContent))


def _dump(structure: Any) -> str:
    return "" if structure is None else json.dumps(structure, ensure_ascii=False)


def _shorten(node: Any, longest_text: int, longest_list: int) -> Any:
    """Return a JSON-like value with every string and list cut to the given lengths."""
    if isinstance(node, str) and len(node) > longest_text:
        return node[: longest_text - 1] + "…"
    if isinstance(node, list):
        return [_shorten(item, longest_text, longest_list) for item in node[:longest_list]]
    if isinstance(node, dict):
        return {key: _shorten(value, longest_text, longest_list) for key, value in node.items()}
    return node


def _is_valid(tool: Tool, structure: dict[str, Any]) -> bool:
    """Whether the structure matches the tool's output schema."""
    try:
        tool.fn_metadata.convert_result(CallToolResult(content=[], structured_content=structure))
    except ValidationError:
        return False
    return True


def _too_long(link: ResourceLink, path: Path) -> TextContent:
    text = (
        "result_too_long: The call succeeded, but its result is too long to show and cannot be "
        f"shortened. Read it in {path} or, page by page, as {link.uri}. Do not repeat the call."
    )
    return TextContent(type="text", text=text)

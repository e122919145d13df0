"""The tools that stand in for a coding agent's own file tools: read a sandbox, write a variant.

Writes reach only `variants/<name>.py` of a sandbox, and never a packaged baseline's file.
"""

from pathlib import Path
from typing import Any

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.files import write_text
from fumehood_tools.plain_files import MOST_SOURCE_BYTES, read_plain
from fumehood_tools.sandbox.create import VARIANT_NAME, open_sandbox
from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.settings import Settings

MOST_SHOWN = 30_000
FINISH = "finish"

_TEXT = {"type": "string"}
TOOLS = (
    (
        "write_variant",
        "Write variants/<name>.py of a sandbox: one Python file that defines a sparse autoencoder. "
        "Replaces your earlier version. Next: check_variant.",
        {"sandbox": _TEXT, "name": _TEXT, "source": _TEXT},
    ),
    (
        "read_sandbox_file",
        "Read a text file of a sandbox, e.g. AGENTS.md (the rules), README.md, core/base.py, "
        "variants/topk.py.",
        {"sandbox": _TEXT, "path": _TEXT},
    ),
    (
        FINISH,
        "End this unattended run. Call it when the question is answered, or when nothing more can "
        "be done within the limits. summary: what was found, with the numbers of the conclusions "
        "that show it.",
        {"summary": _TEXT},
    ),
)


def use(settings: Settings, tool: str, arguments: dict[str, Any]) -> str:
    """Run one of the workshop's tools and return its text. Raises FumehoodError."""
    wanted = next(fields for name, _, fields in TOOLS if name == tool)
    given = {name: value for name, value in arguments.items() if isinstance(value, str)}
    if given.keys() != wanted.keys():
        raise BadRequest(f"{tool} takes these texts and nothing else: {', '.join(wanted)}.")
    if tool == "write_variant":
        return _write(settings, given["sandbox"], given["name"], given["source"])
    if tool == "read_sandbox_file":
        return _read(settings, given["sandbox"], given["path"])
    return "The run ends."


def _write(settings: Settings, sandbox: str, name: str, source: str) -> str:
    box = open_sandbox(settings, sandbox)
    if not VARIANT_NAME.fullmatch(name):
        raise BadRequest(f"{name!r} cannot be a variant's name. Use letters, digits, _ and -.")
    if name in packaged_variants(box.spec.kind):
        raise BadRequest(f"{name} is a packaged baseline. Write your variant under another name.")
    if len(source.encode("utf-8", "replace")) > MOST_SOURCE_BYTES:
        raise BadRequest(f"The file is larger than {MOST_SOURCE_BYTES:,} bytes. Make it smaller.")
    path = box.folder / "variants" / f"{name}.py"
    if path.is_symlink() or path.parent.is_symlink():
        raise BadRequest(f"variants/{name}.py is a link. Choose another name.")
    write_text(path, source.encode("utf-8", "replace").decode("utf-8"))
    return f"Wrote variants/{name}.py. Next: check_variant(sandbox={sandbox!r}, variant={name!r})."


def _read(settings: Settings, sandbox: str, path: str) -> str:
    box = open_sandbox(settings, sandbox)
    folder = box.folder.resolve()
    file = (folder / path).resolve()
    if not file.is_relative_to(folder):
        raise BadRequest("Only files of the sandbox can be read. Pass a path inside it.")
    if not file.is_file():
        names = sorted(str(p.relative_to(folder)) for p in _texts(folder))
        raise UnknownName("file", path, names, "Pass one of them.")
    text = read_plain(file).decode("utf-8", "replace")
    if len(text) <= MOST_SHOWN:
        return text
    return f"{text[:MOST_SHOWN]}\n… (cut after {MOST_SHOWN:,} of {len(text):,} characters)"


def _texts(folder: Path) -> list[Path]:
    return [
        *folder.glob("*.md"),
        *folder.glob("*.toml"),
        *folder.glob("core/*.py"),
        *folder.glob("variants/*.py"),
    ]

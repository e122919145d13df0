"""Pack a stage with the command line of repomix, and compare its pack with the stage.

npm's repomix is used if it is on PATH and node is 22 or newer, otherwise the port on PyPI if it is
on PATH or in this environment. `npx`, which would download it, is not. It runs in a folder of its
own, with our configuration, without secrets in its environment, without patterns of its own: what
is packed was decided when the files were staged. Both strip white space at the ends of each file,
and the port on PyPI turns carriage returns into line feeds; files are compared without these. A
file that differs in any other way, or is missing, makes the comparison fail: those that are not
UTF-8, and those with line ends in their names.
"""

import mmap
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import RunFailed
from fumehood_tools.files import write_json
from fumehood_tools.packing.formats import Format
from fumehood_tools.packing.pack import PackedFile
from fumehood_tools.packing.request import Packer
from fumehood_tools.packing.staging import Stage, Staged
from fumehood_tools.packing.writer import Difference

LEAST_NODE = 22
RUN_SECONDS, STEP_SECONDS = 900.0, 0.2
_OURS = {"input": {"maxFileSize": 4_000_000_000}, "output": {"git": {"sortByChanges": False}}}

# What trim() of JavaScript and strip() of Python remove.
_SHARED = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_JS, _PYTHON = _SHARED + "\ufeff", _SHARED + "\x1c\x1d\x1e\x1f\x85"
Kind = Literal["npm", "PyPI"]


class Repomix(NamedTuple):
    """A command of repomix. why: what kept another one from being chosen, or ""."""

    kind: Kind
    command: tuple[str, ...]
    why: str = ""

    @property
    def name(self) -> Packer:
        """The name of this packer in results."""
        return "repomix (npm)" if self.kind == "npm" else "repomix (PyPI)"


class Indexed(NamedTuple):
    """The index of a pack of repomix, and the files that are not in it as they should be."""

    files: list[PackedFile]
    different: list[Difference]
    exact: int


def find_repomix(path: str | None = None) -> Repomix | None:
    """Return the command to use. path: where to look instead of PATH."""
    found = shutil.which("repomix", path=path)
    why = ""
    if found and _is_npm(found):
        node = shutil.which("node", path=path)
        version = _node_version(node)
        if version >= LEAST_NODE and node:
            return Repomix("npm", (node, str(Path(found).resolve())))
        why = f"npm's repomix needs node {LEAST_NODE} or newer; here is {version or 'none'}"
        found = None
    beside = Path(sys.executable).parent / "repomix"
    if found is None and path is None and beside.is_file() and not _is_npm(str(beside)):
        found = str(beside)
    return Repomix("PyPI", (found,), why) if found else None


def run_repomix(
    repomix: Repomix,
    stage: Path,
    format: Format,
    folder: Path,
    on_step: Callable[[], None] = lambda: None,
) -> Path:
    """Pack the folder `stage` into a file in `folder`, and return it.

    on_step: called several times a second; it may raise to cancel. Raises RunFailed.
    """
    from fumehood_tools.children.environment import our_environment  # imports psutil

    output, config, log = folder / "repomix.out", folder / "ours.json", folder / "repomix.log"
    write_json(config, _OURS if repomix.kind == "npm" else {})
    home = folder / "home"
    home.mkdir()
    places = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "APPDATA"), str(home))
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*repomix.command, str(stage), *_options(repomix, format, output, config)],
            cwd=home,
            env=our_environment(places),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(process, on_step)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
    if process.returncode or not output.is_file():
        tail = log.read_bytes()[-300:].decode("utf-8", "replace").split("\n")
        last = " ".join(line.strip() for line in tail if line.strip())[-200:]
        raise RunFailed(
            f"{repomix.name} ended with code {process.returncode}: {last}. Use packer='own'."
        )
    return output


def index_of(output: Path, repomix: Repomix, stage: Stage, format: Format) -> Indexed:
    """Find every staged file in a pack of repomix. Memory: the pack is mapped, not read."""
    files: dict[str, PackedFile] = {}
    different: dict[str, str] = {}
    by_path = {staged.path: staged for staged in stage.files}
    header = _HEADERS[repomix.kind, format]
    exact = 0
    if not output.stat().st_size:
        return Indexed([], [Difference(path, "not in the pack") for path in by_path], 0)
    with output.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        at = 0
        while found := header.search(text, at):
            at = found.end()
            staged = by_path.get(_unescaped(found["path"], format))
            if staged is None or staged.path in files:
                continue
            content, stripped = _expected(staged, repomix.kind, format)
            end = at + len(content)
            after = _CLOSING.get((repomix.kind, format)) or b"\n" + found["fence"]
            if found["empty"] and not content:
                after = b""
            if text[at:end] != content or text[end : end + len(after)] != after:
                different.setdefault(staged.path, "its text differs")
                continue
            different.pop(staged.path, None)
            files[staged.path] = _packed(staged, at, end, stripped=stripped)
            exact += not stripped
            at = end
    for path in by_path.keys() - files.keys():
        different.setdefault(path, "not in the pack")
    listed = [files[path] for path in by_path if path in files]
    return Indexed(listed, [Difference(*it) for it in sorted(different.items())], exact)


def _packed(staged: Staged, start: int, end: int, *, stripped: bool) -> PackedFile:
    return PackedFile(
        path=staged.path,
        name=staged.name,
        start=start,
        end=end,
        size=staged.facts.size,
        lines=staged.facts.lines,
        sha256=staged.sha256,
        stripped=stripped,
    )


def _expected(staged: Staged, kind: Kind, format: Format) -> tuple[bytes, bool]:
    """Return what the port writes of a file, and whether that lacks some white space."""
    whole = b"".join(staged.blocks()).decode(staged.encoding)
    if kind == "npm":
        text = whole.strip(_JS)
    else:
        text = whole.replace("\r\n", "\n").replace("\r", "\n").strip(_PYTHON)
    written = text
    if format == "xml":
        for character, entity in _ENTITIES[kind]:
            written = written.replace(character, entity)
    return written.encode(), text != whole


def _unescaped(path: bytes, format: Format) -> str:
    text = path.decode("utf-8", "replace")
    if format == "xml":
        for character, entity in reversed(_ENTITIES["npm"]):
            text = text.replace(entity, character)
    return text


_ENTITIES: Mapping[Kind, Sequence[tuple[str, str]]] = {
    "npm": (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&apos;"), ('"', "&quot;")),
    "PyPI": (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")),
}
_HEADERS: Mapping[tuple[Kind, Format], re.Pattern[bytes]] = {
    ("npm", "xml"): re.compile(rb'<file path="(?P<path>[^"]*)">(?P<empty>)'),
    ("PyPI", "xml"): re.compile(
        rb"<path>(?P<path>[^<]*)</path>\s*(?:<content>|(?P<empty><content\s*/>))"
    ),
    ("npm", "markdown"): re.compile(
        rb"^## File: (?P<path>[^\n]*)\n(?P<fence>`{3,})[^\n`]*\n(?P<empty>)", re.MULTILINE
    ),
    ("PyPI", "markdown"): re.compile(
        rb"^## (?P<path>[^\n]*)\n\n(?P<fence>`{3,})[^\n`]*\n(?P<empty>)", re.MULTILINE
    ),
}
_CLOSING: Mapping[tuple[Kind, Format], bytes] = {
    ("npm", "xml"): b"</file>",
    ("PyPI", "xml"): b"</content>",
}


def _options(repomix: Repomix, format: Format, output: Path, config: Path) -> list[str]:
    options = ["--style", format, "--no-security-check", "--no-gitignore", "--no-dot-ignore"]
    options += ["--no-default-patterns", "--no-git-sort-by-changes", "-o", str(output)]
    options += ["-c", str(config)]
    # The port on PyPI writes a CDATA section as text with --parsable-style, and escapes without it.
    return [*options, "--parsable-style", "--quiet"] if repomix.kind == "npm" else options


def _is_npm(command: str) -> bool:
    """Whether a command is run by node; a Python script is run by python."""
    try:
        with Path(command).open("rb") as file:
            return b"node" in file.readline(200)
    except OSError:
        return False


def _node_version(node: str | None) -> int:
    """Return the major version of node; 0 if it does not run."""
    if node is None:
        return 0
    try:
        done = subprocess.run([node, "--version"], capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.match(rb"v(\d+)\.", done.stdout)
    return int(found[1]) if found else 0


def _wait(process: subprocess.Popen[bytes], on_step: Callable[[], None]) -> None:
    late = RunFailed(f"repomix took more than {RUN_SECONDS:.0f} s. Use packer='own'.")
    deadline = Deadline(RUN_SECONDS, lambda: late)
    while not _has_ended(process, min(STEP_SECONDS, deadline.left())):
        on_step()


def _has_ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether a process ends within some seconds; where the system can tell, it is known at once.

    Elsewhere `subprocess` looks every 50 ms.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # macOS, or an older kernel
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
        return process.returncode is not None
    try:
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        ended.poll(seconds * 1000)
    finally:
        os.close(handle)
    return process.poll() is not None

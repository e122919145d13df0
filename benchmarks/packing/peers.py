"""Packers of others, each installed with a pinned version in an environment of its own.

Installing takes a package index (of Python, and of npm) and a minute; afterwards nothing is
fetched. A peer that cannot be installed is left out, and the table says why.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sdists import PLACE

FOLDER = PLACE / "peers"
PYTHON_PEERS = {"repomix": "0.5.0", "gitingest": "0.3.1"}
NPM_REPOMIX = "1.18.1"
INSTALL_S = 600


class Peer(NamedTuple):
    """A command that packs a folder. command: folder, output -> arguments. paths: of a pack."""

    name: str
    command: Callable[[Path, Path], list[str]]
    paths: Callable[[str], list[str]]


def their_environment() -> dict[str, str]:
    """Return our environment without the path of our packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def python_tool(name: str) -> Path:
    """Return the command of a Python peer; install it if it is not there."""
    place = FOLDER / name
    command = place / "bin" / name
    if not command.is_file():
        make = [sys.executable, "-m", "venv", str(place)]
        subprocess.run(make, check=True, timeout=INSTALL_S, env=their_environment())
        wanted = f"{name}=={PYTHON_PEERS[name]}"
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", wanted]
        subprocess.run(pip, check=True, timeout=INSTALL_S, env=their_environment())
    return command


def npm_tool() -> list[str]:
    """Return the command of npm's repomix; install it if it is not there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise FileNotFoundError("node and npm are not installed")
    place = FOLDER / "npm"
    script = place / "node_modules" / "repomix" / "bin" / "repomix.cjs"
    if not script.is_file():
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").write_text("{}\n", encoding="utf-8")
        install = [npm, "install", "--no-audit", "--no-fund", f"repomix@{NPM_REPOMIX}"]
        subprocess.run(install, cwd=place, check=True, timeout=INSTALL_S, capture_output=True)
    return [node, str(script)]


def node_version() -> str:
    """Return the version of node, "none" without it."""
    node = shutil.which("node")
    if node is None:
        return "none"
    done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def peers() -> tuple[list[Peer], list[str]]:
    """Return the peers that can run here, and why the others cannot."""
    found, missing = [], []
    makers: list[Callable[[], list[Peer]]] = [_npm, _port, _gitingest]
    for make in makers:
        try:
            found += make()
        except (OSError, subprocess.SubprocessError) as error:
            missing.append(f"{make.__name__.strip('_')}: {error}")
    return found, missing


def _npm() -> list[Peer]:
    tool = npm_tool()

    def command(folder: Path, output: Path) -> list[str]:
        style = ["--style", "xml", "--parsable-style", "--quiet"]
        return [*tool, str(folder), *style, "-o", str(output)]

    return [Peer(f"npm repomix {NPM_REPOMIX}", command, _tags('<file path="([^"]*)">'))]


def _port() -> list[Peer]:
    tool = str(python_tool("repomix"))

    def command(folder: Path, output: Path) -> list[str]:
        return [tool, str(folder), "--style", "xml", "-o", str(output)]

    def unchecked(folder: Path, output: Path) -> list[str]:
        return [*command(folder, output), "--no-security-check"]

    name, paths = f"PyPI repomix {PYTHON_PEERS['repomix']}", _tags("<path>([^<]*)</path>")
    return [Peer(name, command, paths), Peer(f"{name}, no check", unchecked, paths)]


def _gitingest() -> list[Peer]:
    tool = str(python_tool("gitingest"))

    def command(folder: Path, output: Path) -> list[str]:
        return [tool, str(folder), "-o", str(output)]

    # It writes paths relative to the folder above, or to the folder; both end in the same way.
    return [Peer(f"gitingest {PYTHON_PEERS['gitingest']}", command, _tags(r"(?m)^FILE: (.*)$"))]


def _tags(pattern: str) -> Callable[[str], list[str]]:
    compiled = re.compile(pattern)

    def paths(text: str) -> list[str]:
        return compiled.findall(text)

    return paths

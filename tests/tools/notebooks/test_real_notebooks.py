"""Notebooks of published packages, compared with their stored outputs and with nbconvert's scripts.

The packages' source archives come from the package index that pip uses. They are unpacked as data:
nothing of them is built, and only notebooks that need nothing but the standard library and numpy
are run.
"""

import ast
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import urllib.request
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fakes.notebook_constructs import CONSTRUCTS

from fumehood_tools.errors import BadRequest
from fumehood_tools.notebooks import Script, to_script

pytestmark = pytest.mark.slow

SDISTS = {
    "control": "0.10.2",
    "emcee": "3.1.6",
    "jupytext": "1.19.6",
    "nbclient": "0.11.0",
    "nbconvert": "7.17.2",
    "nbformat": "5.11.1",
    "nnsight": "0.8.1",
    "tqdm": "4.70.1",
    "transformer-lens": "4.3.0",
}
ORACLES = ("nbconvert==7.17.2", "ipython==9.18.1", "nbformat==5.11.1")
# Notebooks that no reader takes, as their names say.
NO_NOTEBOOKS = {"test3_no_worksheets.ipynb", "test3_worksheet_with_no_cells.ipynb"}
# Notebooks whose stored outputs no script can give, and why.
NOT_COMPARABLE = {
    "Check History in Memory.ipynb": "asks IPython for its history",
    "Clear Output.ipynb": "its output is cleared while it runs",
    "convert_to_py_then_test_with_update83.ipynb": "prints a duration",
    "notebook3.ipynb": "asks for input",
    "notebook_inject.ipynb": "its outputs were made by hand",
    "test4plus.ipynb": "its cells are made up, of types of the future",
    "update-display-id.ipynb": "changes what it has displayed",
}


class Real(NamedTuple):
    """A notebook: its name in its archive, its text, and what it becomes."""

    name: str
    text: str
    script: Script

    @property
    def stored(self) -> dict[str, Any]:
        found = json.loads(self.text)
        if "cells" not in found:
            found["cells"] = [cell for sheet in found["worksheets"] for cell in sheet["cells"]]
        return dict(found)


def index() -> str:
    """Return the address of the package index that pip uses."""
    from pip._internal.models.index import PyPI

    return os.environ.get("PIP_INDEX_URL", PyPI.simple_url).rstrip("/")


def archive(name: str, version: str) -> bytes:
    """Return a source archive from the package index, as its hash says."""
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    asked = urllib.request.Request(f"{index()}/{name}/", headers=accept)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        files = json.load(answer)["files"]
    [file] = [one for one in files if one["filename"].endswith(f"-{version}.tar.gz")]
    with urllib.request.urlopen(file["url"], timeout=300) as answer:
        data: bytes = answer.read()
    assert hashlib.sha256(data).hexdigest() == file["hashes"]["sha256"]
    return data


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[Real]:
    """All notebooks of the packages that can be read."""
    found = []
    for name, version in SDISTS.items():
        folder = tmp_path_factory.mktemp(name)
        with tarfile.open(fileobj=io.BytesIO(archive(name, version))) as packed:
            members = [one for one in packed if one.isfile() and one.name.endswith(".ipynb")]
            packed.extractall(folder, members, filter="data")
        for path in sorted(folder.rglob("*.ipynb")):
            if path.name not in NO_NOTEBOOKS:
                text = path.read_text(encoding="utf-8")
                inner = path.relative_to(folder).as_posix()
                found.append(Real(inner, text, to_script(text, inner)))
            else:
                with pytest.raises(BadRequest, match="no list of cells"):
                    to_script(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has IPython and nbconvert."""
    folder = tmp_path_factory.mktemp("oracle")
    subprocess.run([sys.executable, "-I", "-m", "venv", str(folder)], check=True, timeout=300)
    python = folder / "bin" / "python"
    install = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *ORACLES], check=True, timeout=900)
    return python


def roots(source: str) -> set[str]:
    """Return the top-level packages that code imports."""
    found: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").partition(".")[0])
    return found


def test_every_real_notebook_compiles_and_none_needs_ipython(real: list[Real]) -> None:
    assert len(real) >= 60
    assert sum(one.script.language == "python" for one in real) >= 150
    for one in real:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(one.script.source, one.name, "exec", dont_inherit=True)
        assert "IPython" not in roots(one.script.source), one.name


def test_a_line_that_is_not_carried_over_is_a_comment_in_the_script(real: list[Real]) -> None:
    for one in real:
        cells = one.stored["cells"]
        kept = {" ".join(line.split()) for line in one.script.source.split("\n")}
        for note in one.script.not_carried:
            cell = cells[note.cell - 1]
            assert cell["cell_type"] == "code", one.name
            if not re.search("stand-in|tqdm", note.reason) and len(note.text) < 200:
                assert any("#" in line and note.text in line for line in kept), (one.name, note)


def stored_text(real: Real) -> str | None:
    """Return what a notebook printed when it was stored, or None if it was not run as a whole."""
    whole = {
        note.cell for note in real.script.not_carried if note.line == 1 and note.text[:2] == "%%"
    }
    parts = []
    for number, cell in enumerate(real.stored["cells"], 1):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell.get("source", cell.get("input", "")))
        if source.strip() and cell.get("execution_count", cell.get("prompt_number")) is None:
            return None
        for output in cell.get("outputs", []) if number not in whole else []:
            if output["output_type"] in ("error", "pyerr"):
                return None
            if output.get("name", output.get("stream")) != "stderr":
                data = output.get("data", {"text/plain": output.get("text", "")})
                parts.append("".join(data.get("text/plain", "")))
    return "".join(parts)


def comparable(text: str) -> str:
    """Return text without white space, and without addresses of displayed objects."""
    text = re.sub(r"(<[\w.]+)(?: object)?(?: at 0x\w+)?>", r"\1>", text)
    return "".join(text.split())


def test_notebooks_that_need_only_numpy_give_their_stored_outputs(
    real: list[Real], tmp_path: Path
) -> None:
    possible = {"numpy", *sys.stdlib_module_names}
    ran = []
    for one in real:
        expected = stored_text(one) if one.script.language == "python" else None
        if expected is None or Path(one.name).name in NOT_COMPARABLE:
            continue
        if not one.script.code_cells or not roots(one.script.source) <= possible:
            continue
        folder = tmp_path / str(len(ran))
        folder.mkdir()
        path = folder / "script.py"
        path.write_text(one.script.source, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-I", str(path)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, (one.name, done.stderr)
        assert comparable(done.stdout) == comparable(expected), one.name
        ran.append(one.name)
    assert len(ran) >= 25, ran


NBCONVERT = """
import json, sys, nbformat
from nbconvert import PythonExporter
made = {}
for name, text in json.load(sys.stdin).items():
    try:
        notebook = nbformat.reads(text, as_version=4)
        made[name] = PythonExporter().from_notebook_node(notebook)[0]
    except nbformat.ValidationError:
        pass  # It takes only notebooks that follow the schema to the letter.
json.dump(made, sys.stdout)
"""


class Plain(ast.NodeTransformer):
    """Removes from a syntax tree what only one of the two converters writes."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("_nb_show", "_nb_out"):
            return ast.Expr(call.args[0])
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node


def plain(source: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    return ast.dump(Plain().visit(tree))


def test_code_without_ipython_is_the_code_that_nbconvert_writes(
    real: list[Real], oracle: Path
) -> None:
    asked = {
        one.name: one.text
        for one in real
        if one.script.language == "python"
        and not one.script.not_carried
        and {cell["cell_type"] for cell in one.stored["cells"]} <= {"code", "markdown"}
        and "raises-exception" not in one.text
    }
    done = subprocess.run(
        [str(oracle), "-I", "-W", "ignore", "-c", NBCONVERT],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    compared, different = 0, []
    scripts = {one.name: one.script.source for one in real}
    for name, theirs in json.loads(done.stdout).items():
        if "IPython" in theirs or "get_ipython()" in theirs or "await " in theirs:
            continue
        ours = scripts[name]
        body = ours[ours.index("\n# %% ") :] if "\n# %% " in ours else ""
        different += [name] if plain(body) != plain(theirs) else []
        compared += 1
    assert not different
    assert compared >= 60


# Runs cells in IPython, in a process of its own, and prints values without their prompts.
IPYTHON = """
import json, os, re, sys, tempfile
from IPython.core.interactiveshell import InteractiveShell
made = {}
for name, cells in json.load(sys.stdin).items():
    with tempfile.TemporaryDirectory() as folder, open(folder + "/out", "w+b") as file:
        os.mkdir(folder + "/work")
        child = os.fork()
        if not child:
            os.chdir(folder + "/work")
            os.dup2(file.fileno(), 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            shell = InteractiveShell.instance()
            type(shell.displayhook).write_output_prompt = lambda self: None
            type(shell.display_pub).publish = lambda self, data, *a, **k: print(data["text/plain"])
            for cell in cells:
                shell.run_cell(cell, store_history=True)
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)
        file.seek(0)
        made[name] = file.read().decode()
json.dump(made, sys.stdout)
"""


def test_ipython_prints_what_the_constructs_say(oracle: Path) -> None:
    asked = {
        one.name: [
            cell if isinstance(cell, str) else cell["source"]
            for cell in one.cells
            if isinstance(cell, str) or cell["cell_type"] == "code"
        ]
        for one in CONSTRUCTS
        if one.same
    }
    done = subprocess.run(
        [str(oracle), "-I", "-c", IPYTHON],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/", "IPYTHONDIR": str(oracle.parent)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) >= 80
    for one in CONSTRUCTS:
        if one.same:
            pattern = re.escape(one.prints).replace("@", r"(CPU [^\n]*\nWall|[^\n]*loop)[^\n]*")
            # Its commands run in a terminal, which ends lines with a carriage return too.
            printed = found[one.name].replace("\r\n", "\n").replace("\\r\\n", "\\n")
            assert re.fullmatch(pattern, printed), (one.name, printed)

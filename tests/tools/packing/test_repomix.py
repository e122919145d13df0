"""The way through repomix: its pack is compared, and ours takes its place where it differs."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import fake_repomix

from fumehood_tools.errors import BadRequest
from fumehood_tools.packing.formats import Format
from fumehood_tools.packing.pack import Pack
from fumehood_tools.packing.packer import Tools, pack_checkout
from fumehood_tools.packing.repomix import Repomix, find_repomix
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.repositories import local_checkout

pytestmark = pytest.mark.child
Pack_ = Callable[..., tuple[Pack, PackShelf]]
FILES = {
    "a.py": '    x = 1 < 2 and "é"\n\n</content> ]]> &amp;\n',
    "b.md": "## a.py\n\n```python\nx\n```\n",
    "crlf.txt": "one\r\ntwo\r\n",
    "empty.py": "",
    "exact.py": "y = 1",
    "target/c.csv": "1,2\n",
}


@pytest.fixture
def through(tmp_path: Path, repository: Path, tools: Tools) -> Pack_:
    for path, text in FILES.items():
        (repository / path).parent.mkdir(exist_ok=True)
        (repository / path).write_bytes(text.encode())

    def pack(fault: str, format: Format = "xml") -> tuple[Pack, PackShelf]:
        command = (sys.executable, str(Path(fake_repomix.__file__)), fault)
        chosen = tools._replace(find_repomix=lambda: Repomix("PyPI", command))
        request = PackRequest(source="mine", format=format, packer="repomix")
        made = pack_checkout(local_checkout(repository, "mine"), request, tmp_path, chosen)
        return made, PackShelf(tmp_path)

    return pack


@pytest.mark.parametrize("format", ["xml", "markdown"])
def test_its_pack_is_taken_when_it_differs_in_stripped_white_space_only(
    format: Format, through: Pack_
) -> None:
    pack, shelf = through("none", format)
    assert pack.packer == "repomix (PyPI)" and not pack.packer_note
    assert (pack.equal, pack.stripped, pack.texts) == (2, 4, 6)
    assert "6 of 6 text files, 2 with equal bytes, 4 equal but for white space" in pack.compared()
    for packed in shelf.files(pack):
        text = FILES[packed.path].replace("\r\n", "\n").strip()
        assert shelf.text(pack, packed) == text, packed.path


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("drop", "differed from the repository in 1 of 6 files (first a.py: not in the pack)"),
        ("change", "differed from the repository in 1 of 6 files (first a.py: its text differs)"),
        ("exit", "ended with code 1: something went wrong"),
    ],
)
def test_ours_takes_its_place_when_it_differs_or_fails_and_the_result_says_why(
    fault: str, said: str, through: Pack_
) -> None:
    pack, shelf = through(fault)
    assert pack.packer == "own" and said in pack.packer_note
    for packed in shelf.files(pack):
        assert shelf.content(pack, packed) == FILES[packed.path].encode()


def test_a_repomix_that_hangs_is_stopped_with_the_packing(
    tmp_path: Path, repository: Path, tools: Tools
) -> None:
    import psutil

    (repository / "a.py").write_text("x\n", "utf-8")

    class Stopped(Exception):
        pass

    def stop(phase: str, done: int, total: int) -> None:
        if phase.startswith("run repomix"):
            raise Stopped

    command = (sys.executable, str(Path(fake_repomix.__file__)), "hang")
    chosen = tools._replace(find_repomix=lambda: Repomix("PyPI", command))
    request = PackRequest(source="mine", packer="repomix")
    before = set(psutil.Process().children())
    with pytest.raises(Stopped):
        pack_checkout(local_checkout(repository, "mine"), request, tmp_path, chosen, stop)
    assert not set(psutil.Process().children()) - before
    assert not list((tmp_path / "packs").iterdir())


def test_it_packs_whole_files_only_and_its_absence_is_told(
    tmp_path: Path, repository: Path, tools: Tools
) -> None:
    (repository / "a.py").write_text("x\n", "utf-8")
    checkout = local_checkout(repository, "mine")
    for asked in ({"compress": True}, {"budget_tokens": 1000}):
        request = PackRequest.model_validate({"source": "m", "packer": "repomix", **asked})
        with pytest.raises(BadRequest, match="whole files only. Use packer='own'"):
            pack_checkout(checkout, request, tmp_path, tools)
    none = tools._replace(find_repomix=lambda: None)
    pack = pack_checkout(checkout, PackRequest(source="m", packer="repomix"), tmp_path, none)
    assert pack.packer == "own" and "repomix was not found" in pack.packer_note


@pytest.mark.parametrize(("node", "kind"), [("v22.1.0", "npm"), ("v20.20.2", None)])
def test_npm_s_repomix_is_used_only_with_a_new_enough_node(
    node: str, kind: str | None, tmp_path: Path
) -> None:
    for name, text in {
        "repomix": "#!/usr/bin/env node\n",
        "node": f"#!/bin/sh\necho {node}\n",
    }.items():
        (tmp_path / name).write_text(text, "utf-8")
        (tmp_path / name).chmod(0o755)
    found = find_repomix(str(tmp_path))
    assert (found and found.kind) == kind
    (tmp_path / "repomix").write_text(f"#!{sys.executable}\n", "utf-8")
    found = find_repomix(str(tmp_path))
    assert found is not None and found.kind == "PyPI"

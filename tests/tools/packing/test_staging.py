"""What is staged: no secrets, no links, no foreign configuration, and limits that are named."""

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable
from importlib import import_module
from itertools import chain, product
from pathlib import Path

import pytest
from fakes.odd_repository import made_up_keys

from fumehood_tools.errors import BadRequest
from fumehood_tools.packing.library_forms import LIBRARY_FORMS
from fumehood_tools.packing.pack import Pack
from fumehood_tools.packing.packer import Tools, pack_checkout
from fumehood_tools.packing.reading import report
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.packing.secret_scan import SecretScan
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.repositories import Checkout, local_checkout

Packed = tuple[Pack, PackShelf]


@pytest.mark.parametrize("kind", made_up_keys())
def test_a_key_is_masked_and_named_by_file_line_and_kind(
    kind: str, repository: Path, pack_it: Callable[..., Packed], tmp_path: Path
) -> None:
    key = made_up_keys()[kind]
    (repository / "a.py").write_text(f"import os\nKEY = '{key}'\nprint('{key}')\n", "utf-8")
    pack, shelf = pack_it()
    assert [(it.file, it.line, it.kind, it.done) for it in pack.secrets] == [
        ("a.py", 2, kind, "masked")
    ]
    label = f"[secret masked: {kind}]"
    text = shelf.text(pack, shelf.files(pack)[0])
    assert text == f"import os\nKEY = '{label}'\nprint('{label}')\n"
    for path in (tmp_path / "packs").rglob("*.*"):
        assert path.is_dir() or key not in path.read_text(encoding="utf-8")
    assert "1 with masked secrets" in pack.compared()


def test_keys_in_a_large_file_are_masked_and_named_with_their_lines(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    keys = made_up_keys()
    lines = [f"x = '{key}'\n" + "y = 1\n" * 3000 for key in keys.values()]
    (repository / "a.py").write_text("".join(lines), "utf-8")
    pack, shelf = pack_it()
    assert {(it.line, it.kind) for it in pack.secrets} == {
        (3001 * number + 1, kind) for number, kind in enumerate(keys)
    }
    (packed,) = shelf.files(pack)
    text = shelf.text(pack, packed)
    assert packed.lines == 3001 * len(keys)
    assert not [key for key in keys.values() if key in text] and text.count(
        "y = 1\n"
    ) == text.count("y = 1")


def test_reading_each_block_by_re2_first_changes_no_result() -> None:
    keys = [
        *made_up_keys().values(),
        "wandb login " + "0123abcd" * 5,
        "https://me:" + "correct8horse@host.org/",
        "npm_" + "A1" * 18,
        "jfrog: AP" + "A" + "x1" * 20,
        "AccountKey=" + "Ab1+" * 21 + "Ab==",
        "ey" + "JhbGciOiJIUzI1NiJ9" + ".ey" + "JzdWIiOiJhIn0" + "." + "c2ln",
        "-----BEGIN PRIVATE " + "KEY-----\n" + "Q" * 70 + "\n-----END PRIVATE " + "KEY-----",
        "M" + "b9-" * 8 + ".Xy_9z1." + "q7-" * 9,
        "0f" * 16 + "-us" + "12",
    ]
    quick, whole = SecretScan(), SecretScan(prefilter=False)
    for key in keys:
        for around in (
            "{}",
            "a\n  '{}'\r\n",
            "é{}é",
            "x = {}\n" * 3,
            "AC{}SK",
            "{}\x0b",
            "]{}]>```",
        ):
            block = around.replace("{}", key).encode("latin-1")
            assert quick.block(block, "a", 0) == whole.block(block, "a", 0), (key, around)
        found = quick.block(f"\n {key} \n".encode(), "a", 5).found
        assert [it.line for it in found] == [7], key
    noise = " ".join(keys).swapcase().encode()
    assert quick.block(noise, "a", 0) == whole.block(noise, "a", 0)
    for text in (
        "a\x0cb",
        "\x7f",
        "a ``` b",
        "`` `",
        "`````",
        "\u2401",
        "\ufffe",
        "é",
        "x[y[0]]>1",
        "]>",
    ):
        block = f"a\n{text}\n".encode()
        assert quick.block(block, "a", 0) == whole.block(block, "a", 0), text


def test_what_is_not_utf_8_is_told_for_every_kind_of_byte_at_every_place() -> None:
    scan, first = SecretScan(), b"\xf0\xf1\xf3\xf4\xf5"
    kinds = first + b"A\n\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xff"
    short = chain.from_iterable(product(kinds, repeat=length) for length in range(1, 4))
    for values in chain(short, product(first, kinds, kinds, kinds), product(*[b"\xf1\x80"] * 6)):
        block = bytes(values)
        told = "not utf-8" in scan.block(block, "a", 0).marks
        assert told == (block.decode("utf-8", "replace").encode() != block), block


def test_the_library_s_expressions_are_those_of_the_installed_version() -> None:
    theirs = []
    for module, name in dict.fromkeys((it.module, it.detector) for it in LIBRARY_FORMS):
        detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
        theirs += [(detector.secret_type, it) for it in detector.denylist]
    assert [(it.kind, re.compile(it.pattern, it.flags)) for it in LIBRARY_FORMS] == theirs


def test_a_private_key_is_masked_and_one_without_end_leaves_its_file_out(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    begin, end = "-----BEGIN RSA PRIVATE " + "KEY-----", "-----END RSA PRIVATE " + "KEY-----"
    body = "\n".join(["Q" * 64] * 5)
    (repository / "whole.py").write_text(f"K = '''{begin}\n{body}\n{end}'''\n", "utf-8")
    (repository / "cut.pem").write_text(f"{begin}\n{body}\n", "utf-8")
    (repository / "mention.py").write_text(f"if line == '{begin}': pass\n", "utf-8")
    pack, shelf = pack_it()
    texts = {it.path: shelf.text(pack, it) for it in shelf.files(pack)}
    assert texts.keys() == {"whole.py", "mention.py"} and "Q" * 9 not in texts["whole.py"]
    assert begin in texts["mention.py"]
    assert [it.path for it in pack.left_out] == ["cut.pem"]
    assert {(it.file, it.done) for it in pack.secrets} == {
        ("cut.pem", "file left out"),
        ("whole.py", "masked"),
    }


def test_examples_and_hashes_are_no_secrets(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    text = (
        "url = 'https://user:secret@example.com/'\npassword = 'hunter2'\n"
        f"commit = '{'0123456789abcdef' * 2 + '01234567'}'\ntoken = os.environ['HF_TOKEN']\n"
        "hf_hub_download(repo)\nsk-learn\n"
    )
    (repository / "a.py").write_text(text, "utf-8")
    pack, shelf = pack_it()
    assert not pack.secrets and shelf.text(pack, shelf.files(pack)[0]) == text


def test_files_of_credentials_and_configurations_of_repomix_are_left_out(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    for name in (".env", ".env.local", ".env.example", ".netrc", "id_rsa", "repomix.config.json"):
        (repository / name).write_text("A=1\n", "utf-8")
    pack, shelf = pack_it()
    assert [it.path for it in shelf.files(pack)] == [".env.example"]
    reasons = {it.path: it.reason for it in pack.left_out}
    assert reasons["repomix.config.json"] == "a configuration of repomix"
    assert reasons[".env"] == reasons["id_rsa"] == "a file of credentials, by its name"


def test_a_folder_replaced_by_a_link_is_not_followed(
    tmp_path: Path, repository: Path, tools: Tools
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.txt").write_text("not yours", "utf-8")
    (repository / "inner").mkdir()
    (repository / "inner" / "a.txt").write_text("mine", "utf-8")
    (repository / "b.txt").write_text("mine", "utf-8")
    checkout = local_checkout(repository, "mine")
    (repository / "inner").rename(tmp_path / "moved")
    (repository / "inner").symlink_to(outside)
    (repository / "b.txt").unlink()
    (repository / "b.txt").symlink_to(outside / "a.txt")
    (repository / "c.txt").write_text("mine", "utf-8")
    checkout = checkout._replace(files=(*checkout.files, "c.txt", "../outside/a.txt"))
    pack = pack_checkout(checkout, PackRequest(source="mine"), tmp_path, tools)
    assert [it.path for it in PackShelf(tmp_path).files(pack)] == ["c.txt"]
    assert len(pack.left_out) == 3
    assert "not yours" not in (tmp_path / pack.path).read_text("utf-8")


def test_a_folder_replaced_by_a_link_while_its_files_are_read_is_not_followed(
    tmp_path: Path, repository: Path, tools: Tools
) -> None:
    outside, inner = tmp_path / "outside", repository / "inner"
    for folder, text in ((outside, "not yours"), (inner, "mine")):
        folder.mkdir()
        for name in ("a.txt", "b.txt"):
            (folder / name).write_text(text, "utf-8")

    def replace(phase: str, done: int, total: int) -> None:
        if done == 1:
            inner.rename(tmp_path / "moved")
            inner.symlink_to(outside)

    checkout = local_checkout(repository, "mine")
    pack = pack_checkout(checkout, PackRequest(source="mine"), tmp_path, tools, replace)
    assert inner.is_symlink() and pack.texts == 2
    assert "not yours" not in (tmp_path / pack.path).read_text("utf-8")


def test_paths_that_lead_out_are_left_out_and_deep_ones_are_read(
    tmp_path: Path, repository: Path, tools: Tools
) -> None:
    deep = repository.joinpath(*("deep" for _ in range(100)))
    files = [deep / "a.txt", deep / "b.txt", deep.parent / "c.txt", repository / "deep" / "d.txt"]
    deep.mkdir(parents=True)
    for file in files:
        file.write_text(file.name, "utf-8")
    (tmp_path / "secret.txt").write_text("not yours", "utf-8")
    checkout = local_checkout(repository, "mine")
    away = ("..", "../secret.txt", str(tmp_path / "secret.txt"), "deep/../../secret.txt", "gone/a")
    checkout = checkout._replace(files=(*checkout.files, *away))
    pack = pack_checkout(checkout, PackRequest(source="mine"), tmp_path, tools)
    assert {it.path for it in pack.left_out} == set(away) and pack.texts == 4
    shelf = PackShelf(tmp_path)
    assert {shelf.text(pack, it) for it in shelf.files(pack)} == {it.name for it in files}
    assert not [it for it in open_files() if str(repository) in it]


def open_files() -> list[str]:
    """Return what the descriptors of this process are open on."""
    found = []
    for handle in os.listdir("/proc/self/fd") if sys.platform == "linux" else []:
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{handle}"))
    return found


def test_too_many_files_or_bytes_are_an_error_that_names_include_and_exclude(
    tmp_path: Path, repository: Path, tools: Tools
) -> None:
    many = Checkout(repository, "mine", "", tuple(f"{n}.txt" for n in range(50_001)))
    with pytest.raises(BadRequest, match="50,001 files.*include=.*exclude") as raised:
        pack_checkout(many, PackRequest(source="mine"), tmp_path, tools)
    assert raised.value.limit == "files"
    with (repository / "weights.txt").open("wb") as file:
        file.truncate(3_000_000_001)
    with pytest.raises(BadRequest, match="more than 3 GB.*include=.*exclude") as raised:
        pack_checkout(local_checkout(repository, "mine"), PackRequest(source="m"), tmp_path, tools)
    assert raised.value.limit == "bytes"


def test_include_and_exclude_choose_files_as_gitignore_does(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    for path in ("src/a.py", "src/deep/b.py", "src/c.txt", "tests/a.py", "README.md"):
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text("x\n", "utf-8")
    pack, shelf = pack_it(include=("src/**", "*.md"), exclude=("*.txt",))
    assert [it.path for it in shelf.files(pack)] == ["README.md", "src/a.py", "src/deep/b.py"]
    with pytest.raises(BadRequest, match="choose none of the 5 files of mine"):
        pack_it(include=("none/**",))


def test_a_broken_notebook_is_packed_as_it_is_and_the_report_says_so(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    (repository / "a.ipynb").write_text('{"cells": [', "utf-8")
    (repository / "b.ipynb").write_text("{}", "utf-8")
    (repository / "b.ipynb.py").write_text("x = 1\n", "utf-8")
    pack, shelf = pack_it()
    files = {it.path: shelf.text(pack, it) for it in shelf.files(pack)}
    assert files == {"a.ipynb": '{"cells": [', "b.ipynb": "{}", "b.ipynb.py": "x = 1\n"}
    problems = {it.path: it.problem for it in pack.notebooks}
    assert problems.keys() == {"a.ipynb", "b.ipynb"} and problems["a.ipynb"]
    assert problems["b.ipynb"] == "there is a file b.ipynb.py"
    assert "Notebook packed as it is: a.ipynb (" in report(shelf, pack).text()


@pytest.mark.parametrize(("compress", "stops"), [(False, ("pack", 1)), (True, ("compare", 0))])
def test_a_packing_that_is_stopped_leaves_no_pack(
    compress: bool, stops: tuple[str, int], tmp_path: Path, repository: Path, tools: Tools
) -> None:
    (repository / "a.py").write_text("x\n", "utf-8")
    (repository / "b.py").write_text("x\n", "utf-8")

    class Stopped(Exception):
        pass

    def stop(phase: str, done: int, total: int) -> None:
        if (phase, done) == stops:
            raise Stopped

    with pytest.raises(Stopped):
        checkout = local_checkout(repository, "mine")
        request = PackRequest(source="mine", compress=compress)
        pack_checkout(checkout, request, tmp_path, tools, stop)
    assert not list((tmp_path / "packs").iterdir())


def test_the_same_repository_gives_the_same_pack_and_a_changed_one_another(
    repository: Path, pack_it: Callable[..., Packed], tmp_path: Path
) -> None:
    (repository / "a.py").write_text("x\n", "utf-8")
    first, _ = pack_it()
    again, _ = pack_it()
    (repository / "a.py").write_text("y\n", "utf-8")
    changed, shelf = pack_it()
    assert first.pack == again.pack != changed.pack
    assert {it.pack for it in shelf.all()} == {first.pack, changed.pack}
    facts = tmp_path / "packs" / first.pack / "pack.json"
    assert json.loads(facts.read_text("utf-8"))["source"] == "mine"
    facts.write_text("{", "utf-8")
    assert {it.pack for it in shelf.all()} == {changed.pack}

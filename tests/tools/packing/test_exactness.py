"""What is packed comes back byte for byte, and other programs can read the pack."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import pytest
from fakes.odd_repository import BINARY, ODD_NAMES, ODD_TEXTS, write_odd_repository
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fumehood_tools.errors import StorageFailed
from fumehood_tools.packing.formats import Format, unescape_xml
from fumehood_tools.packing.pack import Pack
from fumehood_tools.packing.packer import Tools, pack_checkout
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.packing.tokens import Tokenizer
from fumehood_tools.packing.writer import HELD_BYTES, compare
from fumehood_tools.repositories import local_checkout

FORMATS = ("xml", "markdown")
Packed = tuple[Pack, PackShelf]


@pytest.mark.parametrize("format", FORMATS)
def test_every_odd_file_comes_back_byte_for_byte(
    format: Format, repository: Path, pack_it: Callable[..., Packed]
) -> None:
    write_odd_repository(repository)
    pack, shelf = pack_it(format=format)
    files = {it.path: it for it in shelf.files(pack)}
    for path, content in ODD_TEXTS.items():
        assert shelf.content(pack, files[path]) == content, path
    named = {bytes.fromhex(it.name): it for it in files.values() if it.name}
    for name, content in ODD_NAMES.items():
        packed = named.get(name) or files[os.fsdecode(name)]
        assert shelf.content(pack, packed) == content, name
    assert pack.equal == pack.texts == len(ODD_TEXTS) + len(ODD_NAMES)
    assert pack.compared() == (
        f"Packed {pack.texts} of {pack.texts} text files, bytes equal; "
        "left out: 4 binary, 1 link, 2 other."
    )


def test_what_is_left_out_is_named_with_its_reason(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    write_odd_repository(repository)
    pack, _ = pack_it()
    reasons = {it.path: it.reason for it in pack.left_out}
    assert reasons == {
        "noise.bin": "binary",
        "nul.txt": "binary",
        "outside": "a link to /etc",
        "picture.png": "binary",
        "pipe": "a special file (FIFO, socket or device)",
        "utf16.txt": "UTF-16 text",
        "weights.safetensors": "a Git LFS pointer; its content (9 bytes) is not downloaded",
    }
    assert not reasons.keys() & ODD_TEXTS.keys() and BINARY.keys() <= reasons.keys()


def test_the_xml_parses_and_an_xml_parser_reads_the_same_text(
    repository: Path, pack_it: Callable[..., Packed], tmp_path: Path
) -> None:
    write_odd_repository(repository)
    pack, _ = pack_it()
    root = ElementTree.parse(tmp_path / pack.path).getroot()
    read = {it.get("path", ""): it for it in root.iter("file")}
    for path, content in ODD_TEXTS.items():
        element, form = read[path], read[path].attrib.keys()
        if "controls" in form or "content" in form:
            continue
        text = content.decode(element.get("encoding", "utf-8"))
        assert element.text == f"\n{text}\n", path


def test_every_fence_of_the_markdown_holds_one_whole_file(
    repository: Path, pack_it: Callable[..., Packed], tmp_path: Path
) -> None:
    (repository / "a.md").write_bytes(ODD_TEXTS["fences.md"])
    (repository / "b.md").write_bytes(b"~~~\n## a.md\n```python\n")
    (repository / "c.py").write_bytes(b"x = '```'")
    (repository / "d.py").write_bytes(b"`" * 12 + b"\n" + b"`" * 50_000 + b"\n" + b"`" * 13)
    pack, shelf = pack_it(format="markdown")
    text = (tmp_path / pack.path).read_text(encoding="utf-8")
    fences = [it.content for it in MarkdownIt().parse(text) if it.type == "fence"][1:]
    expected = [shelf.text(pack, it) for it in shelf.files(pack)]
    assert fences == [it if it.endswith("\n") else f"{it}\n" for it in expected]


@settings(max_examples=60, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda it: it.encode("utf-8", "surrogatepass")),
        st.text(alphabet="`<>&\r\n\t\f]a;#é\u240c", max_size=60).map(str.encode),
    ),
    format=st.sampled_from(FORMATS),
)
def test_any_file_is_exact_or_left_out(content: bytes, format: Format, tools: Tools) -> None:
    with TemporaryDirectory() as place:
        repository, workspace = Path(place) / "r", Path(place) / "w"
        repository.mkdir()
        (repository / "a").write_bytes(content)
        (repository / "z").write_bytes(b"z")
        request = PackRequest(source="r", format=format)
        pack = pack_checkout(local_checkout(repository, "r"), request, workspace, tools)
        shelf = PackShelf(workspace)
        files = {it.path: it for it in shelf.files(pack)}
        if "a" in files:
            assert shelf.content(pack, files["a"]) == content
        else:
            assert [it.path for it in pack.left_out] == ["a"]
            assert b"\0" in content or not _is_utf8(content)
        if format == "xml":
            ElementTree.parse(workspace / pack.path)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_a_long_line_is_cut_only_where_nothing_breaks(
    repository: Path, pack_it: Callable[..., Packed], tmp_path: Path
) -> None:
    contents = {
        "long.js": ("é漢&```" * 600_000).encode(),
        "latin.js": ("é&<\r" * 1_330_000).encode("latin-1"),
        "controls.js": b"\x01&\x0c" * 1_770_000,
        "ends.js": b"]]>" * 1_770_000,
    }
    for path, content in contents.items():
        (repository / path).write_bytes(content)
    for format in FORMATS:
        pack, shelf = pack_it(format=format)
        for packed in shelf.files(pack):
            assert shelf.content(pack, packed) == contents[packed.path]
        if format == "xml":
            ElementTree.parse(tmp_path / pack.path)


def test_few_and_many_entities_are_read_alike() -> None:
    text = b"&lt;a&gt; & b &amp;lt; &quot;&nbsp;&apos; &#13;&;&amp&amp;amp;]]&gt; no more;"
    read = b"<a> & b &lt; \"&nbsp;' \r&;&amp&amp;]]> no more;"
    assert unescape_xml(b"-" * 5000 + text) == b"-" * 5000 + read
    assert unescape_xml(text * 1000) == read * 1000


def test_a_pack_that_was_changed_is_an_error_and_not_a_wrong_text(
    repository: Path, pack_it: Callable[..., Packed], tmp_path: Path
) -> None:
    (repository / "a.py").write_bytes(b"x = 1\n")
    pack, shelf = pack_it()
    place = tmp_path / pack.path
    place.write_bytes(place.read_bytes().replace(b"x = 1", b"x = 2"))
    (different,) = compare(place, pack.format, shelf.files(pack))
    assert different.path == "a.py"
    with pytest.raises(StorageFailed, match=r"was changed after it was packed\. Call pack_"):
        shelf.content(pack, shelf.files(pack)[0])


@pytest.mark.parametrize("format", FORMATS)
def test_files_packed_one_by_one_give_the_same_pack_as_all_of_them_staged(
    format: Format, repository: Path, tmp_path: Path, tools: Tools
) -> None:
    lines = (f"{number} <a> & b ]]> é\r\n" for number in range(90_000))
    (repository / "long.txt").write_text("".join(lines), encoding="utf-8")
    (repository / "b.py").write_text("x = '`````'", encoding="utf-8")
    (repository / "a").mkdir()
    (repository / "a" / "empty").touch()
    # What their names do not let expect.
    (repository / "binary.py").write_bytes(b"x = 1\0")
    (repository / "text.png").write_text("text", encoding="utf-8")
    (repository / "latin.txt").write_bytes("à la carte\n".encode("latin-1") * 5000)
    counting = tools._replace(tokenizer=Tokenizer("words", lambda text: len(text.split())))
    packs = []
    for number, used in enumerate((tools, counting)):
        request = PackRequest(source="mine", format=format)
        workspace = tmp_path / str(number)
        pack = pack_checkout(local_checkout(repository, "mine"), request, workspace, used)
        shelf = PackShelf(workspace)
        texts = {it.path: shelf.content(pack, it) for it in shelf.files(pack)}
        assert texts == {path: (repository / path).read_bytes() for path in texts}
        packs.append((pack.pack, list(texts), shelf.whole(pack)))
    assert packs[0] == packs[1] and packs[0][1] == [
        *("a/empty", "b.py", "latin.txt", "long.txt", "text.png")
    ]


def test_files_stand_folder_by_folder(repository: Path, tmp_path: Path, tools: Tools) -> None:
    paths = ["a/b.py", "a/c/d.py", "a/c.py", "a!/e.py", "a-b.py", "a.py", "b/c/\t.py", "b/c/a.py"]
    for path in paths:
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text("x = 1\n", encoding="utf-8")
    checkout = local_checkout(repository, "mine")
    checkout = checkout._replace(files=(*checkout.files, "a.py"))
    pack = pack_checkout(checkout, PackRequest(source="mine"), tmp_path, tools)
    packed = [it.path for it in PackShelf(tmp_path).files(pack)]
    shown = [path.replace("\t", "\\t") for path in paths]
    assert packed == [*shown[:6], "a.py", *shown[6:]]


def test_a_pack_whose_bytes_change_on_disk_while_it_is_written_is_an_error(
    repository: Path, tmp_path: Path, tools: Tools
) -> None:
    # So many lines that the first file is on disk before the second is read.
    for name in ("a.py", "b.py"):
        (repository / name).write_text("x = 1\n" * 2 * HELD_BYTES, encoding="utf-8")

    def damage(phase: str, done: int, total: int) -> None:
        if done == 1:
            (pack,) = tmp_path.glob("packs/.making-*/pack/pack.xml")
            assert b"x = 1" in (content := pack.read_bytes())
            pack.write_bytes(content.replace(b"x = 1", b"x = 2", 1))

    with pytest.raises(StorageFailed, match="not what was written"):
        checkout = local_checkout(repository, "mine")
        pack_checkout(checkout, PackRequest(source="mine"), tmp_path, tools, damage)
    assert not list((tmp_path / "packs").iterdir())

"""Packs that fit into a number of tokens, signatures, and counts of tokens."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.packing.formats import Format
from fumehood_tools.packing.pack import Pack
from fumehood_tools.packing.packer import Tools, pack_checkout
from fumehood_tools.packing.request import PackRequest, Ranked
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.packing.signatures import signatures_of
from fumehood_tools.packing.tokens import TokenCache, Tokenizer, installed_tokenizer
from fumehood_tools.repositories import local_checkout

Packed = tuple[Pack, PackShelf]
METHOD = '''"""Train a TopK SAE."""

K = 32


class TopK(Base):
    """Keeps the k largest latents."""

    k: int = K

    @property
    def size(self) -> int:
        return 1

    async def encode(self, x: "Tensor", *, k: int | None = None) -> "Tensor":
        """Encode x.

        More about it.
        """
        secret_local = x.topk(k or self.k)
        return secret_local
'''


def write_library(folder: Path, modules: int = 30) -> None:
    (folder / "lib").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "README.md").write_text("# A library\n", "utf-8")
    (folder / "lib" / "topk.py").write_text(METHOD, "utf-8")
    for number in range(modules):
        body = "\n".join(f"    y = x + {number} * {line}" for line in range(80))
        text = f"def layer_{number}(x):\n{body}\n    return y\n"
        (folder / "lib" / f"layer_{number}.py").write_text(text, "utf-8")
        (folder / "tests" / f"test_{number}.py").write_text(text, "utf-8")


@pytest.mark.parametrize("format", ["xml", "markdown"])
@pytest.mark.parametrize("budget", [600, 2_000, 8_000, 30_000, 200_000])
def test_a_pack_fits_into_its_budget_and_uses_it(
    format: Format, budget: int, repository: Path, pack_it: Callable[..., Packed], tmp_path: Path
) -> None:
    write_library(repository)
    pack, _ = pack_it(format=format, budget_tokens=budget)
    text = (tmp_path / pack.path).read_text("utf-8")
    assert pack.tokens == installed_tokenizer().count(text) <= budget
    assert sum(pack.levels.values()) == pack.texts == 62
    assert pack.tokens > budget * 0.6 or pack.levels == {"full": 62}
    if budget >= 2_000:
        assert pack.chosen[0].path == "README.md" and "layer_0.py" in text
    if budget == 8_000:
        assert pack.levels["full"] and pack.levels["signatures"] and "def layer_0(x): ..." in text


def test_files_that_were_asked_for_are_in_full_before_all_others(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    write_library(repository)
    asked = [Ranked(path=f"tests/test_{n}.py", reason="it says so") for n in (17, 3)]
    pack, shelf = pack_it(budget_tokens=4_000, ranking=(*asked, Ranked(path="no", reason="")))
    assert pack.chosen[:2] == asked
    levels = {it.path: it.level for it in shelf.files(pack)}
    assert levels["tests/test_17.py"] == levels["tests/test_3.py"] == "full"


def test_a_tree_that_is_too_long_becomes_a_list_of_folders(
    tmp_path: Path, repository: Path, tools: Tools
) -> None:
    for number in range(150):
        (repository / f"folder-with-a-long-name-{number}" / "x").mkdir(parents=True)
        (repository / f"folder-with-a-long-name-{number}" / "x" / "a.py").write_text("x = 1\n")

    def pack(address: str) -> str:
        request = PackRequest(source=address, budget_tokens=500)
        made = pack_checkout(local_checkout(repository, address), request, tmp_path, tools)
        assert made.tokens <= 500
        return (tmp_path / made.path).read_text("utf-8")

    assert "\n./  150 files\n" in pack("mine")
    with pytest.raises(BadRequest, match="too small even for the list of folders"):
        pack("mine" + "/and more" * 300)


def test_compressing_keeps_the_signatures_only(
    repository: Path, pack_it: Callable[..., Packed]
) -> None:
    (repository / "topk.py").write_text(METHOD, "utf-8")
    pack, shelf = pack_it(compress=True)
    assert pack.levels == {"signatures": 1} and pack.equal == 0
    assert shelf.text(pack, shelf.files(pack)[0]) == signatures_of("topk.py", METHOD)
    assert "0 of 1 text files, bytes equal, 1 as signatures" in pack.compared()


def test_python_signatures_have_arguments_bases_constants_and_first_lines_of_docstrings() -> None:
    assert signatures_of("topk.py", METHOD) == (
        '"""Train a TopK SAE."""\n'
        "K = 32\n"
        "class TopK(Base):\n"
        '    """Keeps the k largest latents."""\n'
        "    k: int = K\n"
        "    @property\n"
        "    def size(self) -> int: ...\n"
        "    async def encode(self, x: 'Tensor', *, k: int | None=None) -> 'Tensor': ..."
        "  # Encode x.\n"
    )


@pytest.mark.parametrize("text", ["def broken(:\n    pass\n", "print 'two'\n", "(" * 300, "\0"])
def test_python_that_does_not_parse_shows_its_first_lines(text: str) -> None:
    assert signatures_of("a.py", text).startswith(text.splitlines()[0])


def test_other_languages_show_their_first_lines_and_how_many_there_are() -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    shown = signatures_of("a.rs", text)
    assert shown.startswith("line 0\nline 1\n") and "101 lines in all" in shown
    assert "line 12\n" not in shown


def test_a_count_never_fails_whatever_the_text_and_the_tokenizer() -> None:
    def refuses(piece: str) -> int:
        raise ValueError("too long")

    for tokenizer in (installed_tokenizer(), Tokenizer("refuses", refuses)):
        for text in ("", "x" * 200_000, "<|endoftext|>", "\ud800", " \n" * 50_000, "漢" * 90_000):
            assert tokenizer.count(text) >= min(len(text), 1)
    assert Tokenizer("refuses", refuses).count("abcd" * 100) == 100


def test_counts_are_cached_by_content_and_a_damaged_cache_is_only_slower(
    tmp_path: Path, repository: Path, tools: Tools
) -> None:
    (repository / "a.py").write_text("x = 1\n", "utf-8")
    counted: list[str] = []

    def count(piece: str) -> int:
        counted.append(piece)
        return 7

    def pack() -> Pack:
        chosen = tools._replace(tokenizer=Tokenizer("mine", count), cache=tmp_path / "cache")
        checkout = local_checkout(repository, "mine")
        return pack_checkout(checkout, PackRequest(source="mine"), tmp_path, chosen)

    assert pack().tokens == pack().tokens == 7 and counted == ["x = 1\n"]
    assert pack().tokenizer == "mine"
    file = tmp_path / "cache" / "token_counts.sqlite3"
    file.write_bytes(b"no database" * 1000)
    assert pack().tokens == 7 and len(counted) == 2
    assert [pack().tokens, pack().tokens] == [7, 7] and len(counted) == 2
    assert TokenCache(tmp_path / "cache" / "a.py" / "b", "mine").known(["0"]) == {}

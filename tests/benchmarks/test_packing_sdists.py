"""Source archives of real packages, packed by us and by both repomixes, compared with the disk."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from fumehood_tools.packing.formats import Format
from fumehood_tools.packing.notebook_scripts import Script, script_of
from fumehood_tools.packing.packer import Tools, pack_checkout
from fumehood_tools.packing.repomix import Repomix
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.packing.secret_scan import SecretScan
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.packing.tokens import Tokenizer
from fumehood_tools.repositories import Checkout, local_checkout

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.child]
SCRIPTS = Path(__file__).resolve().parents[2] / "benchmarks" / "packing"
PACKAGES = (
    "dictionary-learning",
    "sae-lens",
    "nnsight",
    "mcp",
    "einops",
    "jaxtyping",
    "pylatexenc",
)


@pytest.fixture(scope="module")
def scripts() -> Iterator[Callable[[str], ModuleType]]:
    """Return a function that imports a script of the benchmark; their names are forgotten after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield importlib.import_module
        for name in ("sdists", "peers"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def tools() -> Tools:
    return Tools(SecretScan(), Tokenizer("none", lambda piece: 0), None)


def checkout_of(name: str, scripts: Callable[[str], ModuleType]) -> Checkout:
    return local_checkout(scripts("sdists").unpacked(name), name)


def contents_of(checkout: Checkout) -> dict[str, bytes]:
    """Return the files of a checkout as they should be packed: notebooks as scripts."""
    contents = {}
    for file in checkout.files:
        content = checkout.path(file).read_bytes()
        script = script_of(content) if file.endswith(".ipynb") else None
        if isinstance(script, Script):
            contents[f"{file}.py"] = script.source.encode()
        else:
            contents[file] = content
    return contents


def is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


@pytest.mark.parametrize("counted", [False, True], ids=["one pass", "staged"])
@pytest.mark.parametrize("format", ["xml", "markdown"])
@pytest.mark.parametrize("name", PACKAGES)
def test_our_packer_keeps_every_text_file_byte_for_byte(
    name: str,
    format: Format,
    counted: bool,
    tmp_path: Path,
    tools: Tools,
    scripts: Callable[[str], ModuleType],
) -> None:
    checkout = checkout_of(name, scripts)
    if not counted:
        tools = tools._replace(tokenizer=Tokenizer("none", lambda piece: 0, lambda size: 0))
    pack = pack_checkout(checkout, PackRequest(source=name, format=format), tmp_path, tools)
    shelf = PackShelf(tmp_path)
    packed = {it.path: it for it in shelf.files(pack)}
    left_out = {it.path for it in pack.left_out}
    for file, content in contents_of(checkout).items():
        if is_text(content):
            assert shelf.content(pack, packed[file]) == content, file
        else:
            assert file in left_out or shelf.content(pack, packed[file]) == content
    assert not pack.secrets


@pytest.mark.parametrize("format", ["xml", "markdown"])
@pytest.mark.parametrize("kind", ["npm", "PyPI"])
@pytest.mark.parametrize("name", PACKAGES)
def test_either_repomix_keeps_every_text_file_but_for_white_space_at_the_ends(
    name: str,
    kind: str,
    format: Format,
    tmp_path: Path,
    tools: Tools,
    scripts: Callable[[str], ModuleType],
) -> None:
    peers = scripts("peers")
    command = peers.npm_tool() if kind == "npm" else [str(peers.python_tool("repomix"))]
    repomix = Repomix("npm" if kind == "npm" else "PyPI", tuple(command))
    chosen = tools._replace(find_repomix=lambda: repomix)
    request = PackRequest(source=name, format=format, packer="repomix")
    checkout = checkout_of(name, scripts)
    pack = pack_checkout(checkout, request, tmp_path, chosen)
    assert pack.packer == repomix.name, pack.packer_note
    shelf, contents = PackShelf(tmp_path), contents_of(checkout)
    for packed in shelf.files(pack):
        text = contents[packed.path].decode(packed.encoding)
        shown = shelf.text(pack, packed)
        # The byte order mark is white space to JavaScript.
        whole = text.replace("\r\n", "\n").strip().strip("\ufeff").strip()
        assert shown.replace("\r\n", "\n").strip().strip("\ufeff").strip() == whole, packed.path
    assert pack.equal + pack.stripped == pack.texts


@pytest.mark.parametrize("name", PACKAGES)
def test_reading_each_block_by_re2_first_changes_no_result_on_real_code(
    name: str, scripts: Callable[[str], ModuleType]
) -> None:
    checkout = checkout_of(name, scripts)
    quick, whole = SecretScan(), SecretScan(prefilter=False)
    for file in checkout.files:
        content = checkout.path(file).read_bytes()
        assert quick.block(content, file, 0) == whole.block(content, file, 0)

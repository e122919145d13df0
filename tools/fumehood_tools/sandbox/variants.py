"""List the files in `variants/`: name, first line of the docstring, and obvious problems."""

import ast
import bisect
import functools
import hashlib
from pathlib import Path

from pydantic import BaseModel, Field

from fumehood_tools.cursors import cursor_of, position_of
from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.kinds import CUSTOM, SAE, Kind, kind_named, template_folder
from fumehood_tools.plain_files import read_plain
from fumehood_tools.sandbox.create import SPEC_FILE, VARIANT_NAME, Sandbox
from fumehood_tools.sandbox.declarations import declares_no_training
from fumehood_tools.sandbox.sources import origin_of
from fumehood_tools.spec import read_spec


class VariantInfo(BaseModel, frozen=True):
    """One file in variants/."""

    name: str
    path: str
    summary: str = Field(description="first line of the docstring, written by the file's author")
    sha256: str
    is_baseline: bool = Field(description="identical to the packaged file of that name")
    is_control: bool = Field(description="sets TRAIN = False: a lower bound, never called better")
    problem: str | None = Field(description="why it cannot run, if reading the file shows it")
    lines: int


class VariantPage(BaseModel, frozen=True):
    """One page of a list of variants."""

    variants: list[VariantInfo]
    total: int
    next_cursor: str | None


def variant_names(sandbox: Sandbox) -> list[str]:
    """Return the names of a sandbox's variants, sorted. Does not open the files."""
    files = (path.name for path in sandbox.variants.glob("*.py"))
    return sorted(name.removesuffix(".py") for name in files if not name.startswith(("_", ".")))


def list_variants(sandbox: Sandbox, limit: int, cursor: str | None = None) -> VariantPage:
    """Return a page of up to `limit` variants after the cursor, sorted by name.

    Reads only the files of this page; `problem` is set for bad ones. Raises BadRequest for an
    invalid cursor.
    """
    names = variant_names(sandbox)
    last = position_of(cursor, "variants", 1, str)[0] if cursor else ""
    start = bisect.bisect_right(names, last)
    kind = sandbox.spec.kind
    page = [_describe(sandbox.variants / f"{it}.py", kind) for it in names[start : start + limit]]
    following = cursor_of("variants", page[-1].name) if start + limit < len(names) else None
    return VariantPage(variants=page, total=len(names), next_cursor=following)


def _is_baseline(path: Path, sha256: str, kind: Kind) -> bool:
    if kind.name == CUSTOM.name:
        return origin_of(path.parents[1]).came_with(f"variants/{path.name}", sha256)
    return packaged_variants(kind).get(path.stem) == sha256


def _describe(path: Path, kind: Kind) -> VariantInfo:
    try:
        content = read_plain(path)
    except StorageFailed as error:
        content, problem = b"", f"cannot be read: {error}"
    else:
        fault = text_fault(content)
        problem = f"line {fault[0]}: the file {fault[1]}; save it as UTF-8" if fault else ""
    sha256 = hashlib.sha256(content).hexdigest()
    text = content.decode("utf-8", "replace")
    summary = ""
    if not problem:
        try:
            tree = ast.parse(content)
        except SyntaxError as error:
            problem = f"line {error.lineno}: {error.msg}"
        except (ValueError, RecursionError, MemoryError) as error:
            problem = f"not valid Python: {error}"
        else:
            summary = (ast.get_docstring(tree) or "").strip().partition("\n")[0][:200]
            problem = _evident_problem(path, tree, kind)
    return VariantInfo(
        name=path.stem,
        path=str(path),
        summary=summary,
        sha256=sha256,
        is_baseline=_is_baseline(path, sha256, kind),
        is_control=declares_no_training(content),
        problem=problem or None,
        lines=len(text.splitlines()),
    )


def text_fault(source: bytes) -> tuple[int, str] | None:
    """Return the first line that is not UTF-8 text and what is wrong with it; None if all is text.

    A byte order mark at the start is text.
    """
    try:
        source.decode("utf-8")
    except UnicodeDecodeError as problem:
        return source.count(b"\n", 0, problem.start) + 1, "is not UTF-8 text"
    null = source.find(b"\0")
    said = "contains null bytes, as a file in UTF-16 does"
    return None if null < 0 else (source.count(b"\n", 0, null) + 1, said)


def _evident_problem(path: Path, tree: ast.Module, kind: Kind) -> str:
    if not VARIANT_NAME.fullmatch(path.stem):
        return "its name may have only letters, digits, - and _, at most 64: rename the file"
    names = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    names |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    wanted = kind.variant_class
    return "" if wanted in names else f"there is no class {wanted}"


def packaged_variants(kind: Kind = SAE) -> dict[str, str]:
    """Return the packaged baselines and the control of a kind, as name -> sha256 of the file."""
    return _packaged(kind.name)


@functools.cache
def _packaged(kind: str) -> dict[str, str]:
    folder = template_folder(kind_named(kind)) / "variants"
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.py")
    }


def kind_in(folder: Path) -> Kind:
    """Return the kind that a sandbox's sandbox.toml names.

    That of SAEs if the file is missing or invalid: then only its tables can be read.
    """
    try:
        return read_spec(folder / SPEC_FILE).kind
    except (BadRequest, StorageFailed):
        return SAE


def packaged_in(folder: Path) -> dict[str, str]:
    """Return the packaged variants of the kind of a sandbox."""
    return packaged_variants(kind_in(folder))

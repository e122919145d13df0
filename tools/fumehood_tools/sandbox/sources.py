"""What a sandbox can be made from: a shipped template, another sandbox, or a draft.

A draft is a folder of the workspace that an agent has written according to
docs/sandbox-standard.md. Results are never copied, and core/ always comes from the package. What a
sandbox was made from is kept in it, in origin.json. Nothing here imports torch.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.files import read_json, sha256_of, write_json
from fumehood_tools.kinds import CUSTOM, Kind, core_folder, kinds, template_folder, template_root
from fumehood_tools.plain_files import read_plain
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, read_spec
from fumehood_tools.timestamps import now

SPEC_FILE, ORIGIN_FILE = "sandbox.toml", "origin.json"
IGNORED = ("__pycache__", "*.pyc", ".mypy_cache", ".ruff_cache", ".DS_Store")
"""Patterns of names that are left out wherever a sandbox is copied or looked at."""
MOST_FILES, MOST_BYTES = 2_000, 50_000_000
_NOT_COPIED = ("results", "core", ORIGIN_FILE)


class Origin(BaseModel, frozen=True):
    """What a sandbox was made from."""

    source: str = Field("", description="template:<kind>, sandbox:<name> or draft:<folder>")
    sha256: str = Field("", description="of the names and contents of the files that were copied")
    files: tuple[str, ...] = Field((), description="those files, without core/")
    variants: dict[str, str] = Field(
        {}, description="sha256 of those in variants/; absent in earlier versions"
    )
    created: str = Field("", description="ISO 8601, UTC")

    def came_with(self, path: str, sha256: str) -> bool:
        """Whether a file of variants/ came with the sandbox, with this content."""
        return path in self.files and self.variants.get(path, sha256) == sha256


class Source(NamedTuple):
    """Where the files of a new sandbox come from.

    spec: the settings of the sandbox or draft; None for a template. own: whether variants/ is
    copied from `folder`, too; if not, the kind's packaged variants are there.
    """

    word: str
    folder: Path
    kind: Kind
    spec: SandboxSpec | None
    own: bool


def find_source(settings: Settings, source: str, *, own_variants: bool) -> Source:
    """Return what a name means: a kind, else a sandbox of the workspace, else a folder.

    own_variants: whether a sandbox's own variants are taken along. Raises UnknownName, BadRequest
    for a folder that is no draft or has an invalid sandbox.toml, StorageFailed.
    """
    shipped = {kind.name: kind for kind in kinds()}
    if source in shipped:
        kind = shipped[source]
        return Source(f"template:{kind.name}", template_folder(kind), kind, None, True)
    box = settings.sandboxes / source
    if source in (made := shipped_drafts()):
        spec = read_spec(made[source] / SPEC_FILE)
        return Source(f"template:{source}", made[source], spec.kind, spec, True)
    if "/" not in source and (box / SPEC_FILE).is_file():
        spec = read_spec(box / SPEC_FILE)
        return Source(f"sandbox:{source}", box, spec.kind, spec, own_variants)
    return _draft(settings, source, [*shipped, *shipped_drafts(), *_sandboxes(settings)])


def shipped_drafts() -> dict[str, Path]:
    """Return the shipped sandboxes of the kind custom, as name -> folder."""
    found = (path.parent for path in template_root().glob(f"*/{SPEC_FILE}"))
    kinds_too = {kind.name for kind in kinds()}
    return {path.name: path for path in sorted(found) if path.name not in kinds_too}


def _draft(settings: Settings, source: str, known: list[str]) -> Source:
    home = settings.workspace.resolve()
    try:
        folder = (home / Path(source).expanduser()).resolve()
        there = (folder / SPEC_FILE).is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise BadRequest(f"source={source!r} is not a path. Pass a kind or a folder.") from error
    if not there:
        raise UnknownName(
            "source", source, known, f"Or pass a folder of the workspace that has a {SPEC_FILE}."
        )
    for taken in (settings.sandboxes.resolve(), settings.state.resolve()):
        if folder == home or folder.is_relative_to(taken) or not folder.is_relative_to(home):
            raise BadRequest(
                f"source={source!r} cannot be a draft. Put the draft into a folder of its own in "
                "the workspace, such as drafts/mine; pass a sandbox by its name."
            )
    spec = read_spec(folder / SPEC_FILE)
    return Source(f"draft:{folder.relative_to(home).as_posix()}", folder, spec.kind, spec, True)


def _sandboxes(settings: Settings) -> list[str]:
    return [path.parent.name for path in settings.sandboxes.glob(f"*/{SPEC_FILE}")]


def copy_source(source: Source, target: Path) -> None:
    """Copy the files of a source, the packaged core and an empty results/ into an empty folder.

    Raises BadRequest for a source that contains links or is too large, OSError, StorageFailed.
    """
    files = list(_plain_files(source.folder))
    if not source.own and source.kind.name != CUSTOM.name:
        files = [path for path in files if not path.startswith("variants/")]
    _copy(source.folder, files, target)
    if not source.own and source.kind.name != CUSTOM.name:
        packaged = template_folder(source.kind)
        added = [path for path in _plain_files(packaged) if path.startswith("variants/")]
        _copy(packaged, added, target)
        files += added
    if source.kind.name != CUSTOM.name:
        ignore = shutil.ignore_patterns(*IGNORED)
        shutil.copytree(core_folder(), target / "core", ignore=ignore)
    (target / "variants").mkdir(exist_ok=True)
    (target / "results").mkdir(exist_ok=True)
    digest = hashlib.sha256()
    hashes = {path: sha256_of(target / path) for path in sorted(files)}
    for path, content in hashes.items():
        digest.update(f"{path}\0{content}\n".encode())
    origin = Origin(
        source=source.word,
        sha256=digest.hexdigest(),
        files=tuple(hashes),
        variants={path: one for path, one in hashes.items() if path.startswith("variants/")},
        created=now(),
    )
    write_json(target / ORIGIN_FILE, origin.model_dump(mode="json"))


def _copy(folder: Path, files: list[str], target: Path) -> None:
    size = 0
    for path in files:
        content = read_plain(folder / path)
        size += len(content)
        if size > MOST_BYTES:
            raise BadRequest(
                f"{folder.name} has more than {MOST_BYTES:,} bytes. Keep only the sandbox's files "
                "in it; activations and weights do not belong there."
            )
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)


def _plain_files(root: Path) -> Iterator[str]:
    """Yield the files that are copied, sorted. Raises BadRequest for a link or too many files."""
    count = 0
    for folder, inner, names in os.walk(root):
        kept = [name for name in inner if not _is_ignored(name)]
        if Path(folder) == root:
            kept = [name for name in kept if name not in _NOT_COPIED]
        inner[:] = sorted(kept)
        links = [name for name in inner if os.path.islink(os.path.join(folder, name))]
        for name in sorted((*links, *names)):
            path = Path(folder, name)
            shown = path.relative_to(root).as_posix()
            if _is_ignored(name) or shown in _NOT_COPIED:
                continue
            count += 1
            if not stat.S_ISREG(path.lstat().st_mode) or count > MOST_FILES:
                what = f"more than {MOST_FILES:,} files" if count > MOST_FILES else shown
                raise BadRequest(
                    f"{root.name} cannot be copied: {what}. A sandbox has plain files only, no "
                    "links; replace or remove it."
                )
            yield shown


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or any(fnmatch(name, pattern) for pattern in IGNORED)


def origin_of(folder: Path) -> Origin:
    """Return what a sandbox was made from; empty for one of an earlier version."""
    try:
        return Origin.model_validate(read_json(folder / ORIGIN_FILE))
    except (StorageFailed, ValidationError):
        return Origin()

"""Gather the facts of a pack and publish it in the workspace."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, write_text
from fumehood_tools.packing.pack import (
    FACTS_FILE,
    INDEX_FILE,
    LEVELS,
    PACKS,
    Level,
    NotebookNote,
    Omitted,
    Pack,
    PackedFile,
    SecretPlace,
)
from fumehood_tools.packing.request import Packer, PackRequest, Ranked
from fumehood_tools.packing.staging import Found
from fumehood_tools.repositories import Checkout
from fumehood_tools.timestamps import now

_MAKING, _OLD = ".making-", ".old-"
_STALE_SECONDS = 86_400.0


class Totals(NamedTuple):
    """What the facts of a pack need to know of its index. digest: of paths, contents and levels."""

    files: int
    masked: int
    equal: int
    stripped: int
    levels: dict[Level, int]
    tokens: int
    digest: str


class Index:
    """Writes the index of a pack line by line, and adds up what its facts need."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._files = self._masked = self._stripped = self._tokens = 0
        self._levels: dict[Level, int] = dict.fromkeys(LEVELS, 0)

    def add(self, packed: PackedFile, *, masked: bool) -> None:
        """Write one file. Raises OSError."""
        named = zip(PackedFile._fields, packed, _DEFAULTS, strict=True)
        row = {name: value for name, value, default in named if value != default}
        self._file.write(_encoded(row).encode() + b"\n")
        content = (packed.path, packed.name, packed.sha256, packed.level)
        self._digest.update("\0".join(content).encode() + b"\n")
        self._files += 1
        self._masked += masked
        self._stripped += packed.stripped
        self._tokens += packed.tokens
        self._levels[packed.level] += 1

    def totals(self) -> Totals:
        """Return what was added up."""
        levels = {level: count for level, count in self._levels.items() if count}
        full = self._levels["full"]
        return Totals(
            files=self._files,
            masked=self._masked,
            equal=full - self._stripped,
            stripped=self._stripped,
            levels=levels,
            tokens=self._tokens,
            digest=self._digest.hexdigest(),
        )


# As json.dumps, without its look at the options for every file.
_encoded = json.JSONEncoder().encode
_DEFAULTS = tuple(PackedFile._field_defaults.get(name) for name in PackedFile._fields)


class Made(NamedTuple):
    """A pack that was written and compared, with its index, before it is published.

    tokens: of the whole pack, None if only those of its files were counted. body: see `Pack`.
    chosen: the files to read first, and why; with a budget, those in full.
    """

    path: Path
    totals: Totals
    packer: Packer
    note: str = ""
    tokens: int | None = None
    body: int = 0
    chosen: Sequence[Ranked] = ()


class Making(NamedTuple):
    """Folders in which a pack is made: `pack` becomes the pack, `scratch` is removed."""

    pack: Path
    scratch: Path


@contextlib.contextmanager
def making_folders(workspace: Path) -> Iterator[Making]:
    """Yield new folders in a hidden folder of packs/, which is removed at the end.

    Folders that a killed packing left behind a day ago are removed. Raises StorageFailed.
    """
    packs = workspace / PACKS
    try:
        packs.mkdir(parents=True, exist_ok=True)
        for left in packs.glob(".*"):
            stale = left.name.startswith((_MAKING, _OLD))
            if stale and time.time() - left.lstat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=packs, prefix=_MAKING))
        making = Making(folder / "pack", folder / "scratch")
        for one in making:
            one.mkdir()
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Creating a pack") from error
    try:
        yield making
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Writing a pack") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def indexed(folder: Path, files: Iterable[tuple[PackedFile, bool]]) -> Totals:
    """Write the index of a pack into its folder. files: with whether secrets were masked in it."""
    with (folder / INDEX_FILE).open("wb") as file:
        index = Index(file)
        for packed, masked in files:
            index.add(packed, masked=masked)
    return index.totals()


def described(
    checkout: Checkout, request: PackRequest, found: Found, made: Made, tokenizer: str
) -> Pack:
    """Return the facts of a pack that was made."""
    totals = made.totals
    return Pack(
        pack=_id(checkout, request, totals),
        source=checkout.address,
        commit=checkout.commit,
        notes=list(checkout.origin.notes),
        created=now(),
        format=request.format,
        path=made.path.name,
        size=made.path.stat().st_size,
        body=made.body,
        packer=made.packer,
        packer_note=made.note,
        equal=totals.equal,
        stripped=totals.stripped,
        texts=totals.files,
        masked_files=totals.masked,
        levels=totals.levels,
        tokens=totals.tokens if made.tokens is None else made.tokens,
        tokenizer=tokenizer,
        **_found(found),
        budget_tokens=request.budget_tokens,
        chosen=list(made.chosen),
    )


def _found(found: Found) -> dict[str, Any]:
    """Return the fields of a pack about what was found while its files were staged."""
    return {
        "secrets": [
            SecretPlace(
                file=it.file,
                line=it.line,
                kind=it.kind,
                done="file left out" if it.whole_file else "masked",
            )
            for it in found.secrets
        ],
        "left_out": [Omitted(path=it.path, reason=it.reason) for it in found.left_out],
        "notebooks": [
            NotebookNote(path=it.path, not_carried=list(it.not_carried), problem=it.problem)
            for it in found.notebooks
        ],
    }


def publish(pack: Pack, made: Made, making: Path, workspace: Path) -> Pack:
    """Move a pack to its place; one with the same id is replaced. Raises StorageFailed, OSError."""
    final = workspace / PACKS / pack.pack
    pack = pack.model_copy(update={"path": f"{PACKS}/{pack.pack}/{made.path.name}"})
    write_text(making / FACTS_FILE, pack.model_dump_json(indent=1))
    os.chmod(making, 0o755)
    if final.exists():
        # Readers that have the old pack open can read on; a folder cannot replace another.
        old = Path(tempfile.mkdtemp(dir=workspace / PACKS, prefix=_OLD))
        with contextlib.suppress(FileNotFoundError):
            os.rename(final, old / "pack")
        os.rename(making, final)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.rename(making, final)
    return pack


def _id(checkout: Checkout, request: PackRequest, totals: Totals) -> str:
    name = re.split(r"[/\\]", checkout.address.rstrip("/"))[-1].removesuffix(".git")
    words = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")[:40] or "repository"
    options = request.model_dump(exclude={"source", "ranking"})
    digest = digest_of([checkout.address, checkout.commit, options, totals.digest])
    return f"{words}-{digest[:8]}"

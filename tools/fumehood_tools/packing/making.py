"""Gather the facts of a pack and publish it in the workspace."""

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, write_text
from fumehood_tools.packing.pack import (
    FACTS_FILE,
    INDEX_FILE,
    LEVELS,
    PACKS,
    NotebookNote,
    Omitted,
    Pack,
    PackedFile,
    SecretPlace,
)
from fumehood_tools.packing.request import Packer, PackRequest, Ranked
from fumehood_tools.packing.staging import Stage
from fumehood_tools.repositories import Checkout
from fumehood_tools.timestamps import now

_MAKING, _OLD = ".making-", ".old-"
_STALE_SECONDS = 86_400.0


class Made(NamedTuple):
    """A pack that was written and compared, before it is published.

    tokens: of the whole pack, None if only those of its files were counted. chosen: the files to
    read first, and why; with a budget, those in full.
    """

    path: Path
    files: Sequence[PackedFile]
    packer: Packer
    note: str = ""
    tokens: int | None = None
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


def described(
    checkout: Checkout,
    request: PackRequest,
    staged: Stage,
    made: Made,
    counts: Mapping[str, int],
    tokenizer: str,
) -> Pack:
    """Return the facts of a pack that was made."""
    stripped = sum(it.stripped for it in made.files)
    full = sum(it.level == "full" for it in made.files)
    levels = {level: sum(it.level == level for it in made.files) for level in LEVELS}
    tokens = made.tokens
    if tokens is None:
        tokens = sum(counts.get(it.sha256, 0) for it in made.files)
    return Pack(
        pack=_id(checkout, request, made),
        source=checkout.address,
        commit=checkout.commit,
        notes=list(checkout.origin.notes),
        created=now(),
        format=request.format,
        path=made.path.name,
        size=made.path.stat().st_size,
        packer=made.packer,
        packer_note=made.note,
        equal=full - stripped,
        stripped=stripped,
        texts=len(staged.files),
        masked_files=sum(bool(it.masked) for it in staged.files),
        levels={level: count for level, count in levels.items() if count},
        tokens=tokens,
        tokenizer=tokenizer,
        **_found(staged),
        budget_tokens=request.budget_tokens,
        chosen=list(made.chosen),
    )


def _found(staged: Stage) -> dict[str, Any]:
    """Return the fields of a pack about what was found while its files were staged."""
    return {
        "secrets": [
            SecretPlace(
                file=it.file,
                line=it.line,
                kind=it.kind,
                done="file left out" if it.whole_file else "masked",
            )
            for it in staged.secrets
        ],
        "left_out": [Omitted(path=it.path, reason=it.reason) for it in staged.left_out],
        "notebooks": [
            NotebookNote(path=it.path, not_carried=list(it.not_carried), problem=it.problem)
            for it in staged.notebooks
        ],
    }


def publish(
    pack: Pack, made: Made, counts: Mapping[str, int], making: Path, workspace: Path
) -> Pack:
    """Move a pack to its place; one with the same id is replaced. Raises StorageFailed, OSError."""
    final = workspace / PACKS / pack.pack
    pack = pack.model_copy(update={"path": f"{PACKS}/{pack.pack}/{made.path.name}"})
    lines = [
        it.model_copy(update={"tokens": counts.get(it.sha256, 0)}).model_dump(exclude_defaults=True)
        for it in made.files
    ]
    write_text(making / INDEX_FILE, "".join(json.dumps(it) + "\n" for it in lines))
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


def _id(checkout: Checkout, request: PackRequest, made: Made) -> str:
    name = re.split(r"[/\\]", checkout.address.rstrip("/"))[-1].removesuffix(".git")
    words = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")[:40] or "repository"
    content = [[it.path, it.name, it.sha256, it.level] for it in made.files]
    options = request.model_dump(exclude={"source", "ranking"})
    return f"{words}-{digest_of([checkout.address, checkout.commit, options, content])[:8]}"

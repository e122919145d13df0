"""The packs of a workspace: find one, list them all, and read the exact text of a file of one."""

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.files import read_json
from fumehood_tools.packing.pack import FACTS_FILE, INDEX_FILE, PACKS, Pack, PackedFile
from fumehood_tools.packing.writer import content_of
from fumehood_tools.plain_files import open_plain

_ID = re.compile(r"[A-Za-z0-9._-]{1,60}")


class PackShelf:
    """The packs in `packs/` of one workspace. They are read from disk, so they survive restarts."""

    def __init__(self, workspace: Path) -> None:
        self._folder, self._workspace = workspace / PACKS, workspace
        self._index = lru_cache(maxsize=4)(self._read_index)

    def all(self) -> list[Pack]:
        """Return all packs, newest first. Folders that are not packs are skipped."""
        found = []
        for place in self._folder.glob(f"[!.]*/{FACTS_FILE}"):
            pack = self._facts(place.parent.name)
            if pack is not None:
                found.append(pack)
        return sorted(found, key=lambda it: (it.created, it.pack), reverse=True)

    def get(self, pack: str) -> Pack:
        """Return the facts of a pack. Raises UnknownName."""
        found = self._facts(pack) if _ID.fullmatch(pack) else None
        if found is None:
            known = [it.pack for it in self.all()]
            raise UnknownName("pack", pack, known, "Call pack_repository first.")
        return found

    def files(self, pack: Pack) -> list[PackedFile]:
        """Return the index of a pack, in the order of the paths. Raises StorageFailed."""
        return self._index(pack.pack, pack.created, pack.body)

    def file(self, pack: Pack, path: str) -> PackedFile:
        """Return one file of a pack. Raises UnknownName."""
        files = self.files(pack)
        for one in files:
            if one.path == path:
                return one
        known, next_step = [it.path for it in files], "read_pack without file lists the files."
        if any(it.startswith(f"{path}/") for it in known):
            known, next_step = [], f"It is a folder: read_pack with file='{path}/' lists its files."
        raise UnknownName("file", path, known, next_step)

    def content(self, pack: Pack, packed: PackedFile) -> bytes:
        """Return what the pack holds of a file: its exact bytes, unless `packed` says otherwise.

        Raises StorageFailed when the pack was changed or removed.
        """
        try:
            with self._open(pack) as file:
                content = b"".join(content_of(file, packed, pack.format))
        except OSError as error:
            raise _unread(pack.path, error) from error
        except ValueError as error:
            raise _changed(pack) from error
        exact = packed.level == "full" and not packed.stripped
        if exact and hashlib.sha256(content).hexdigest() != packed.sha256:
            raise _changed(pack)
        return content

    def text(self, pack: Pack, packed: PackedFile) -> str:
        """Return the text of a file; encoded with `packed.encoding`, it is its exact bytes."""
        encoding = packed.encoding if packed.level == "full" else "utf-8"
        return self.content(pack, packed).decode(encoding, "replace")

    def whole(self, pack: Pack) -> bytes:
        """Return the packed file itself. Raises StorageFailed if it cannot be read."""
        try:
            with self._open(pack) as file:
                content = file.read()
        except OSError as error:
            raise _unread(pack.path, error) from error
        if len(content) != pack.size:
            raise _changed(pack)
        return content

    def _open(self, pack: Pack) -> BinaryIO:
        """Open the packed file. It is no link, so that nothing outside the pack is read."""
        path = self._workspace / pack.path
        if path.is_symlink():
            raise _changed(pack)
        return open_plain(path)

    def _facts(self, pack: str) -> Pack | None:
        """Return the facts in a folder, None if they are not those of a pack that lies there."""
        try:
            found = Pack.model_validate(read_json(self._folder / pack / FACTS_FILE))
        except (StorageFailed, ValidationError):
            return None
        name = "pack.xml" if found.format == "xml" else "pack.md"
        return found if (found.pack, found.path) == (pack, f"{PACKS}/{pack}/{name}") else None

    def _read_index(self, pack: str, created: str, body: int) -> list[PackedFile]:
        path = self._folder / pack / INDEX_FILE
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            files = [_packed_file(json.loads(line)) for line in lines]
            return [it._replace(start=it.start + body, end=it.end + body) for it in files]
        except OSError as error:
            raise _unread(f"{PACKS}/{pack}/{path.name}", error) from error
        except ValueError as error:
            raise StorageFailed(
                f"{path.name} of pack {pack} is damaged. Call pack_repository again."
            ) from error


def _packed_file(row: Any) -> PackedFile:
    """Return a line of an index. Raises ValueError if it is not one."""
    return _rows().validate_python(row)


@lru_cache(maxsize=1)
def _rows() -> TypeAdapter[PackedFile]:
    return TypeAdapter(PackedFile)


def _unread(path: str, error: OSError) -> StorageFailed:
    reason = error.strerror or type(error).__name__
    return StorageFailed(f"{path} cannot be read: {reason}. Call pack_repository again.")


def _changed(pack: Pack) -> StorageFailed:
    return StorageFailed(
        f"{pack.path} was changed after it was packed. Call pack_repository again."
    )

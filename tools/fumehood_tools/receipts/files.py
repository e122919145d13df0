"""The files that a record lists, and whether they have changed since.

A record lists all of its files under `files`: name -> sha256 and bytes. Scores and failures of
format 1 have the digests of their weights and their variant's source in other fields, and list only
the remaining files there.
"""

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.files import sha256_of
from fumehood_tools.kinds import SAE, kinds
from fumehood_tools.plain_files import MOST_SOURCE_BYTES
from fumehood_tools.receipts.signing import RECEIPT, Problem
from fumehood_tools.registry.kinds import RecordKind

WEIGHTS_FILE = SAE.weights_file
"""The weights of an SAE, and of every score of format 1."""
WEIGHTS_FILES = tuple(kind.weights_file for kind in kinds())
"""The names that weights have in records, by kind of sandbox."""


class NamedFile(NamedTuple):
    """One file of a record. size: in bytes, or None if the record does not say."""

    name: str
    sha256: str
    size: int | None = None

    @property
    def is_source(self) -> bool:
        """Whether it is Python code, which is small and hashed whenever the record is read."""
        return self.name.endswith(".py")


def named_files(kind: str, record: Mapping[str, Any]) -> list[NamedFile]:
    """Return all files that a signed record lists, sorted by name."""
    listed = record.get("files") or {}
    found = {name: _named(name, said) for name, said in listed.items() if is_plain(name)}
    if "place" not in record[RECEIPT]:
        found |= {file.name: file for file in _of_format_1(kind, record)}
    return [found[name] for name in sorted(found)]


def beside(kind: RecordKind, record: Mapping[str, Any], folder: str) -> Problem | None:
    """Return the first problem with the files that a record's kind needs, by the cheap checks.

    Source files are hashed; of other files only the size is compared.
    """
    for file in named_files(kind.name, record):
        if any(fnmatchcase(file.name, needed) for needed in kind.needs):
            problem = _source(file, folder) if file.is_source else _size(file, folder)
            if problem is not None:
                return problem
    return None


def changed(kind: str, record: Mapping[str, Any], folder: Path | str) -> list[Problem]:
    """Return the problems with the files of a record, after hashing every file."""
    problems = []
    for file in named_files(kind, record):
        now = sha256_if_there(f"{folder}/{file.name}")
        if now == file.sha256:
            continue
        if file.name in WEIGHTS_FILES:
            text = f"{file.name} is not the file that was scored"
            problems.append(Problem("weights_swapped", text))
        else:
            how = "was edited" if now else "is gone"
            text = f"{file.name} {how} since the {kind} was signed"
            problems.append(Problem("file_edited", text))
    return problems


def _named(name: str, said: Any) -> NamedFile:
    if isinstance(said, Mapping):
        return NamedFile(name, str(said.get("sha256")), said.get("bytes"))
    return NamedFile(name, str(said))


def is_plain(name: str) -> bool:
    """Return whether this is a plain file name, so that the file is next to its record."""
    return bool(name) and name == os.path.basename(name) and name not in (".", "..")


def _of_format_1(kind: str, record: Mapping[str, Any]) -> list[NamedFile]:
    """Return the files that a record of format 1 lists outside of `files`."""
    about = record.get("provenance", {}) if kind == "score" else record
    files = [NamedFile(f"{record.get('variant')}.py", str(about.get("variant_sha256")))]
    if kind == "score":
        sha256, size = str(about.get("weights_sha256")), about.get("weights_bytes")
        files.append(NamedFile(WEIGHTS_FILE, sha256, size))
    return files


def _source(file: NamedFile, folder: str) -> Problem | None:
    found = sha256_if_there(f"{folder}/{file.name}", MOST_SOURCE_BYTES)
    if found == file.sha256:
        return None
    how = "was edited" if found else "is gone"
    return Problem("variant_edited", f"the variant's file next to the record {how}")


def _size(file: NamedFile, folder: str) -> Problem | None:
    is_weights = file.name in WEIGHTS_FILES
    try:
        size = os.stat(f"{folder}/{file.name}").st_size
    except OSError:
        if is_weights:
            return Problem("weights_missing", f"the weights ({file.name}) are gone")
        return Problem("file_edited", f"{file.name} is gone")
    if file.size in (None, size):
        return None
    if is_weights:
        return Problem("weights_swapped", "the weights are not those that were scored")
    return Problem("file_edited", f"{file.name} is not the file that was recorded")


def sha256_if_there(path: Path | str, most_bytes: int | None = None) -> str | None:
    """Return the sha256 of a regular file of at most most_bytes; None if it can't be read."""
    try:
        return sha256_of(path, most_bytes)
    except OSError:
        return None

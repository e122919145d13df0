"""Unpack an archive of code that the controller has uploaded."""

from __future__ import annotations

import os
import shutil
import tarfile

from . import states
from .reading import inside


def unpack(archive: str, folder: str, most_bytes: int) -> None:
    """Unpack a tar archive into a new folder, which appears whole or not at all.

    A folder that is there is left as it is: it is named by the digest of its content. Raises
    Refused for members other than plain files and folders with relative paths, and for archives
    that unpack to more than most_bytes.
    """
    target, source = inside(folder), inside(archive)
    if os.path.isdir(target):
        return
    part = f"{target}.{os.getpid()}.part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part, mode=0o700)
    try:
        total = 0
        with tarfile.open(source) as tar:
            for member in tar:
                total += max(member.size, 0)
                if total > most_bytes:
                    raise states.Refused("the archive unpacks to more than is allowed")
                _take(tar, member, part)
        try:
            os.rename(part, target)
        except OSError:
            if not os.path.isdir(target):  # else another one was faster
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, part: str) -> None:
    words = member.name.split("/")
    if "" in words or "." in words or ".." in words or "\0" in member.name:
        raise states.Refused(f"the archive has a member with the path {member.name!a}")
    path = os.path.join(part, *words)
    if member.isdir():
        os.makedirs(path, mode=0o700, exist_ok=True)
        return
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise states.Refused(f"the archive has a member that is no plain file: {member.name!a}")
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "xb") as file:
        shutil.copyfileobj(content, file)
    os.chmod(path, 0o700 if member.mode & 0o100 else 0o600)

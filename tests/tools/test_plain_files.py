"""Only plain files of limited size are read from folders to which anyone may write."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import sha256_of
from fumehood_tools.plain_files import NotPlain, open_plain, read_plain


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


MAKERS: dict[str, Callable[[Path], object]] = {
    "a FIFO": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a file that does not exist": lambda path: path.symlink_to("nowhere"),
    "a socket": _socket,
    "1,001 bytes, but at most 1,000 are allowed": lambda path: path.write_bytes(bytes(1_001)),
}


@pytest.mark.parametrize("said", MAKERS)
def test_whatever_is_no_plain_file_is_refused_by_what_it_is(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    MAKERS[said](tmp_path / "topk.py")
    with pytest.raises(StorageFailed, match=rf"topk\.py: {said}.*Remove topk\.py"):
        read_plain(tmp_path / "topk.py", 1_000)


def test_a_plain_file_is_read_through_a_link_too(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_bytes(b"x" * 1_000)
    (tmp_path / "linked.py").symlink_to("real.py")
    assert read_plain(tmp_path / "linked.py", 1_000) == b"x" * 1_000


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="No such file"):
        read_plain(tmp_path / "gone.py")
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "gone.py")


def test_a_fifo_is_not_hashed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(NotPlain):
        sha256_of(tmp_path / "fifo")

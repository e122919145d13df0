"""A checkout lists the plain files of a folder, and names what it leaves out."""

import os
from pathlib import Path

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.repositories import local_checkout


def test_plain_files_are_listed_with_paths_relative_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "sae.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("Hello\n", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("", encoding="utf-8")
    found = local_checkout(tmp_path, "mine")
    assert found.files == ("README.md", "src/sae.py")
    assert found.path("src/sae.py").read_text(encoding="utf-8") == "x = 1\n"
    assert not found.left_out


def test_links_and_special_files_are_named_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("not yours", encoding="utf-8")
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "out").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    found = local_checkout(folder, "mine")
    assert not found.files
    assert [name for name, _ in found.left_out] == ["loop", "out", "pipe"]
    assert "FIFO" in found.left_out[2].reason


def test_something_that_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="is not a folder"):
        local_checkout(tmp_path / "none", "none")

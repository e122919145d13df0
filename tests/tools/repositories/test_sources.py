"""Folders, archives and packages as sources: read with limits, never run, never outside."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.code_services import CodeServices, sdist
from fakes.git_server import make_repository, run_git

from fumehood_tools.errors import BadRequest, RepositoryFailed
from fumehood_tools.repositories import Limits, facts_of, open_checkout
from fumehood_tools.settings import Settings, load_settings

pytestmark = pytest.mark.child


@pytest.fixture
def services(tmp_path: Path) -> Iterator[CodeServices]:
    with CodeServices(tmp_path / "hosts").running() as services:
        yield services


@pytest.fixture
def settings(tmp_path: Path, services: CodeServices) -> Settings:
    environ = {
        "FUMEHOOD_CACHE": str(tmp_path / "cache"),
        "FUMEHOOD_ENDPOINTS": services.endpoints,
    }
    (tmp_path / "workspace").mkdir()
    return load_settings(tmp_path / "workspace", environ)


def pack(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_a_work_tree_lists_what_git_tracks_and_names_the_rest(settings: Settings) -> None:
    home = settings.workspace / "mine"
    commit = make_repository(home, {"a.py": "x\n", ".gitignore": "*.log\n", "src/b.py": "y\n"})
    (home / "a.py").write_text("changed\n", encoding="utf-8")
    (home / "run.log").write_text("ignored", encoding="utf-8")
    (home / "new.py").write_text("new", encoding="utf-8")
    (home / "src" / "b.py").unlink()
    found = open_checkout("mine", settings=settings)
    assert found.files == (".gitignore", "a.py") and found.folder == home.resolve()
    assert found.address == "mine" and found.commit == commit
    reasons = dict(found.left_out)
    assert "not tracked by git" in reasons["new.py"] and "not there" in reasons["src/b.py"]
    assert "run.log" not in reasons
    with pytest.raises(RepositoryFailed, match="no file of them is on disk. Check them out"):
        open_checkout("./mine/src", settings=settings)


def test_a_tracked_file_in_a_folder_that_became_a_link_is_not_read(settings: Settings) -> None:
    home = settings.workspace / "mine"
    make_repository(home, {"src/b.py": "y\n", "a.py": "x\n"})
    outside = settings.workspace / "outside"
    outside.mkdir()
    (outside / "b.py").write_text("not yours", encoding="utf-8")
    (home / "src" / "b.py").unlink()
    (home / "src").rmdir()
    (home / "src").symlink_to(outside)
    found = open_checkout("mine", settings=settings)
    assert found.files == ("a.py",)
    assert dict(found.left_out)["src/b.py"] == "a file in a folder that is a link"


def test_a_bare_repository_and_another_commit_are_copied_into_the_cache(
    settings: Settings,
) -> None:
    home = settings.workspace / "mine"
    old = make_repository(home, {"a.py": "old\n"})
    make_repository(home, {"a.py": "new\n"})
    run_git(settings.workspace, "clone", "-q", "--bare", "mine", "bare.git")
    bare = open_checkout("bare.git", settings=settings)
    assert bare.path("a.py").read_text(encoding="utf-8") == "new\n"
    before = open_checkout("mine", ref=old, settings=settings)
    assert before.path("a.py").read_text(encoding="utf-8") == "old\n"
    assert before.folder.is_relative_to(settings.cache)
    with pytest.raises(RepositoryFailed, match="no branch, tag or commit 'none'"):
        open_checkout("mine", ref="none", settings=settings)


def test_paths_that_lead_nowhere_are_refused_with_what_to_pass(settings: Settings) -> None:
    (settings.workspace / "a.txt").write_text("x", encoding="utf-8")
    for source, words in (
        ("./none", "relative to the workspace"),
        ("/no/such/folder", "no folder or archive"),
        ("a.txt", "a .zip or a .tar.gz"),
        ("", "No source is named"),
        ("file://elsewhere/x", "on another machine"),
        ("pkg:a b", "Pass pkg:NAME"),
        ("pkg:mcp==not a version", "Pass pkg:NAME"),
    ):
        with pytest.raises(BadRequest, match=words):
            open_checkout(source, settings=settings)


def test_an_archive_is_unpacked_once_and_its_one_folder_is_the_root(settings: Settings) -> None:
    pack(settings.workspace / "sae.tar.gz", {"sae-1.0/a.py": b"x\n", "sae-1.0/d/b.py": b"y\n"})
    found = open_checkout("sae.tar.gz", settings=settings)
    assert found.files == ("a.py", "d/b.py") and found.address == "sae.tar.gz"
    assert found.path("d/b.py").read_bytes() == b"y\n"
    assert open_checkout("sae.tar.gz", settings=settings).folder == found.folder
    with zipfile.ZipFile(settings.workspace / "two.zip", "w") as archive:
        archive.writestr("a.py", "x")
        archive.writestr("d/b.py", "y")
    assert open_checkout("two.zip", settings=settings).files == ("a.py", "d/b.py")


def test_what_could_leave_the_folder_of_an_archive_is_left_out_by_name(
    settings: Settings, tmp_path: Path
) -> None:
    pack(
        settings.workspace / "odd.tar.gz",
        {
            "good.py": b"x\n",
            "../up.py": b"up\n",
            f"{tmp_path}/top.py": b"top\n",
            "out": link("out", "/etc/passwd"),
            "out/inside.py": b"x\n",
            "hard": link("hard", "good.py", tarfile.LNKTYPE),
            "pipe": link("pipe", "", tarfile.FIFOTYPE),
            ".git/config": b"[core]\n",
            "n" * 300: b"long\n",
        },
    )
    with zipfile.ZipFile(settings.workspace / "odd.zip", "w") as archive:
        archive.writestr("good.py", "x")
        archive.writestr("../up.py", "up")
        info = zipfile.ZipInfo("out")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    found = open_checkout("odd.tar.gz", settings=settings)
    assert found.files == ("good.py", "out/inside.py")
    reasons = dict(found.left_out)
    assert "leads out" in reasons["../up.py"] and "leads out" in reasons[f"{tmp_path}/top.py"]
    assert reasons["out"] == "a link to /etc/passwd" and "special" in reasons["pipe"]
    assert "git" in reasons[".git/config"] and "file system" in reasons["n" * 300]
    zipped = open_checkout("odd.zip", settings=settings)
    assert zipped.files == ("good.py",) and dict(zipped.left_out)["out"] == "a link"
    assert not list(tmp_path.rglob("up.py")) and not list(tmp_path.rglob("top.py"))


def test_an_archive_that_unpacks_to_more_than_its_limit_leaves_nothing(
    settings: Settings,
) -> None:
    pack(settings.workspace / "big.tar.gz", {"zeros": b"\0" * 3_000_000})
    pack(settings.workspace / "many.tar.gz", {f"f{n}": b"" for n in range(50)})
    with zipfile.ZipFile(settings.workspace / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 3_000_000)
    for name in ("big.tar.gz", "big.zip", "many.tar.gz"):
        with pytest.raises(RepositoryFailed, match="unpacks to more than") as raised:
            open_checkout(name, settings=settings, limits=Limits(bytes=1_000_000, files=40))
        assert raised.value.status == "too_large"
    assert not list((settings.cache / "sources").glob("*/*/*/entry.json"))
    assert not list((settings.cache / "sources").glob("*/*/.unfinished-*"))


def test_an_archive_whose_names_would_fill_the_memory_is_refused(settings: Settings) -> None:
    info = tarfile.TarInfo("a.py")
    info.pax_headers = {"comment": "x" * 2_000_000}
    with tarfile.open(settings.workspace / "pax.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info)
    with zipfile.ZipFile(settings.workspace / "long.zip", "w") as archive:
        for number in range(600):
            archive.writestr(f"{number:060000d}", "")
    for name in ("pax.tar.gz", "long.zip"):
        with pytest.raises(RepositoryFailed, match="too long"):
            open_checkout(name, settings=settings)


def test_a_broken_archive_is_an_error_that_says_so(settings: Settings) -> None:
    whole = pack(settings.workspace / "ok.tar.gz", {"a.py": b"x" * 100_000}).read_bytes()
    (settings.workspace / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    (settings.workspace / "text.zip").write_bytes(b"PK but no archive")
    (settings.workspace / "none.tar").write_bytes(b"nothing of the kind" * 50)
    for name in ("cut.tar.gz", "text.zip", "none.tar"):
        with pytest.raises(RepositoryFailed, match="cannot be unpacked"):
            open_checkout(name, settings=settings)


def test_an_installed_package_is_read_by_its_list_of_files(settings: Settings) -> None:
    found = open_checkout("pkg:pydantic", settings=settings)
    assert "pydantic/main.py" in found.files and found.address.startswith("pkg:pydantic==")
    assert not any(file.endswith(".pyc") or ".." in file for file in found.files)
    assert facts_of(found).licence == "MIT"


def test_a_package_of_the_index_is_unpacked_and_none_of_it_runs(
    settings: Settings, services: CodeServices, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    files = {"setup.py": f"open({str(canary)!r}, 'w')\n", "quiet/a.py": "x = 1\n"}
    old, new = sdist("quiet_latents", "1.0", files), sdist("quiet_latents", "1.10", files)
    services.packages["quiet-latents"] = old | new | sdist("quiet_latents", "2.0rc1", files)
    found = open_checkout("pkg:Quiet_Latents", settings=settings)
    assert found.address == "pkg:quiet-latents==1.10"
    assert found.files == ("quiet/a.py", "setup.py")
    assert not canary.exists()
    assert open_checkout("pkg:quiet-latents==1.0", settings=settings).address.endswith("==1.0")
    asked = len(services["package_index"].log)
    offline = settings.model_copy(update={"offline": True})
    assert open_checkout("pkg:quiet-latents==1.0", settings=offline).files == found.files
    assert len(services["package_index"].log) == asked
    with pytest.raises(RepositoryFailed, match="newest versions: 1.0, 1.10, 2.0rc1"):
        open_checkout("pkg:quiet-latents==9", settings=settings)
    with pytest.raises(RepositoryFailed, match="no package 'never-was'"):
        open_checkout("pkg:never-was", settings=settings)


def test_a_package_with_another_hash_than_the_index_states_is_refused(
    settings: Settings, services: CodeServices
) -> None:
    services.packages["quiet"] = sdist("quiet", "1.0", {"a.py": "x\n"})
    services.hashes["quiet-1.0.tar.gz"] = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(RepositoryFailed, match="does not have the hash"):
        open_checkout("pkg:quiet", settings=settings)


LICENCES = {
    "MIT": "MIT License\n\nCopyright (c) 2024 Ada\n\nPermission is hereby granted, free of charge,"
    " to any person obtaining a copy\nof this software … The above copyright notice and this "
    "permission notice shall be included in all copies",
    "Apache-2.0": "                 Apache License\n           Version 2.0, January 2004\n",
    "GPL-3.0": "GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007\n … the GNU Affero General "
    "Public License",
    "LGPL-2.1": "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1, February 1999",
    "CC-BY-NC-4.0": "Creative Commons Attribution-NonCommercial 4.0 International Public License",
    "CC-BY-SA-4.0": "Creative Commons Attribution-ShareAlike 4.0 International Public License",
    "BSD-3-Clause": "Redistribution and use in source and binary forms … Neither the name … may be "
    "used to\nendorse or promote products derived from this software",
    "MPL-2.0": "# SPDX-License-Identifier: MPL-2.0",
    "other": "You may use this on Tuesdays.",
}


@pytest.mark.parametrize("spdx", sorted(LICENCES))
def test_a_license_is_known_by_its_text(spdx: str, settings: Settings) -> None:
    home = settings.workspace / "mine"
    home.mkdir()
    (home / "LICENSE.txt").write_text(LICENCES[spdx], encoding="utf-8")
    facts = facts_of(open_checkout("mine", settings=settings))
    assert (facts.licence, facts.licence_file) == (spdx, "LICENSE.txt")


def test_a_license_in_the_metadata_counts_where_there_is_no_file(settings: Settings) -> None:
    home = settings.workspace / "mine"
    home.mkdir()
    assert facts_of(open_checkout("mine", settings=settings)).licence == ""
    (home / "pyproject.toml").write_text('[project]\nlicense = "mit"\n', encoding="utf-8")
    assert facts_of(open_checkout("mine", settings=settings)).licence == "MIT"

"""Repositories on the web: cloned once, without running any of them, and whole or not at all."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fakes.git_server import GitServer, make_repository, run_git

from fumehood_tools.children import our_environment
from fumehood_tools.errors import BadRequest, PartMissing, RepositoryFailed
from fumehood_tools.repositories import Checkout, Limits, facts_of, open_checkout
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.child

CODE = {"README.md": "# SAE\n", "src/sae.py": "x = 1\r\n", "LICENSE": "Apache License"}


def unfinished(settings: Settings) -> list[Path]:
    return list((settings.cache / "sources").glob("*/*/.unfinished-*"))


def failure(source: str, settings: Settings, **options: object) -> RepositoryFailed:
    with pytest.raises(RepositoryFailed) as raised:
        open_checkout(source, settings=settings, **options)  # type: ignore[arg-type]
    return raised.value


def test_a_commit_is_copied_byte_for_byte_and_identified(
    server: GitServer, settings: Settings
) -> None:
    commit = server.add("ada/sae", {**CODE, ".gitattributes": "*.md text eol=crlf\n"})
    found = open_checkout("https://github.com/ada/sae", settings=settings)
    assert found.files == (".gitattributes", "LICENSE", "README.md", "src/sae.py")
    assert found.path("src/sae.py").read_bytes() == b"x = 1\r\n"
    assert found.path("README.md").read_bytes() == b"# SAE\n"
    facts = facts_of(found)
    tree = run_git(server.root / "ada/sae", "rev-parse", "HEAD^{tree}")
    assert facts.swhid == f"swh:1:rev:{commit}" and facts.swhid_folder == f"swh:1:dir:{tree}"
    assert facts.committed == "2026-01-02T03:04:05+00:00"
    assert found.origin.author == "Ada Example"
    kept = "".join(it.read_text("utf-8") for it in settings.cache.glob("sources/**/*.json"))
    assert "Ada Example" in kept and "ada@example.org" not in kept


def test_a_clone_is_shared_and_used_offline_with_its_age(
    server: GitServer, settings: Settings
) -> None:
    server.add("ada/sae", CODE)
    first = open_checkout("ada/sae", settings=settings)
    asked = len(server.log)
    again = open_checkout("git@github.com:Ada/SAE.git", settings=settings)
    assert again.folder == first.folder and again.origin.age_seconds is None
    more = [path for path in server.log[asked:] if path.endswith("/git-upload-pack")]
    assert len(more) == 1, "only the branch was asked for, nothing was fetched again"
    before = len(server.log)
    offline = open_checkout("ada/sae", settings=settings.model_copy(update={"offline": True}))
    assert offline.files == first.files and len(server.log) == before
    assert offline.origin.age_seconds is not None and "old" in offline.origin.notes[0]
    server.broken["ada/sae"] = 502
    down = open_checkout("ada/sae", settings=settings)
    assert down.files == first.files and "HTTP 502" in down.origin.notes[0]


def test_a_new_commit_is_fetched_and_an_old_one_can_be_named(
    server: GitServer, settings: Settings
) -> None:
    old = server.add("ada/sae", CODE)
    open_checkout("ada/sae", settings=settings)
    new = server.add("ada/sae", {"more.py": "y = 2\n"})
    assert open_checkout("ada/sae", settings=settings).commit == new
    assert open_checkout("ada/sae", ref=old, settings=settings).files == (
        "LICENSE",
        "README.md",
        "src/sae.py",
    )


def test_a_page_of_a_folder_opens_that_folder_of_its_branch(
    server: GitServer, settings: Settings
) -> None:
    server.add("ada/sae", CODE)
    run_git(server.root / "ada/sae", "checkout", "-q", "-b", "feature/x")
    server.add("ada/sae", {"src/deep/b.py": "b\n"})
    page = "https://github.com/ada/sae/tree/feature/x/src"
    found = open_checkout(page, settings=settings)
    assert found.files == ("deep/b.py", "sae.py")
    assert found.address.endswith(f"/tree/{found.commit}/src")
    with pytest.raises(BadRequest, match="no folder 'none'"):
        open_checkout("https://github.com/ada/sae/tree/feature/x/none", settings=settings)


def test_renamed_repositories_are_followed_to_their_new_address(
    server: GitServer, settings: Settings
) -> None:
    server.add("ada/new", CODE)
    server.moved["ada/old"] = "ada/new"
    found = open_checkout("ada/old", settings=settings)
    assert found.address == "https://github.com/ada/new"
    assert found.origin.moved_from == "https://github.com/ada/old"


def test_a_redirect_into_a_private_network_is_not_followed(
    server: GitServer, settings: Settings
) -> None:
    server.moved["ada/trap"] = "https://10.0.0.1/ada/trap"
    assert failure("ada/trap", settings).status == "refused"
    assert "private network" in str(failure("https://127.0.0.1/ada/x", settings))


def test_missing_private_empty_and_unreachable_are_told_apart(
    server: GitServer, settings: Settings, tmp_path: Path
) -> None:
    server.private.add("ada/secret")
    server.broken["ada/down"] = 500
    (server.root / "ada/empty").mkdir(parents=True)
    run_git(server.root / "ada/empty", "init", "-q")
    server.add("ada/sae", CODE)
    cases = {
        "ada/none": ("missing", "HTTP 404"),
        "https://x:tok@github.com/ada/secret": ("private_or_missing", "clone it yourself"),
        "ada/empty": ("empty", "no commit"),
        "ada/down": ("unreachable", "does not mean that it is gone"),
        "http://127.0.0.1:9/ada/sae": ("unreachable", "Try again later"),
    }
    for source, (status, words) in cases.items():
        error = failure(source, settings)
        assert (error.status, words in str(error)) == (status, True), f"{source}: {error}"
        assert "tok" not in str(error)
    assert failure("ada/sae", settings, ref="no-such-branch").status == "no_ref"
    with pytest.raises(BadRequest, match="not the name of a branch"):
        open_checkout("ada/sae", ref="--upload-pack=touch x", settings=settings)
    offline = settings.model_copy(update={"offline": True})
    assert "the cache has no copy" in str(failure("ada/sae", offline))


def test_links_submodules_and_pointers_are_named_and_never_followed(
    server: GitServer, settings: Settings
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    home = server.root / "ada/odd"
    server.add("ada/odd", {"weights.bin": pointer, "a.py": "x\n"})
    (home / "out").symlink_to("/etc/passwd")
    (home / "loop").symlink_to("loop")
    make_repository(server.root / "ada/inner", CODE)
    cache_info = f"160000,{run_git(server.root / 'ada/inner', 'rev-parse', 'HEAD')},inner"
    run_git(home, "add", "--all")
    run_git(home, "update-index", "--add", "--cacheinfo", cache_info)
    run_git(home, "commit", "-q", "-m", "odd")
    for source in ("ada/odd", str(home)):
        found = open_checkout(source, settings=settings)
        assert found.files == ("a.py",)
        reasons = dict(found.left_out)
        assert reasons["out"] == "a link to /etc/passwd" and "loop" in reasons["loop"]
        assert "12,345 bytes" in reasons["weights.bin"] and "submodule" in reasons["inner"]


def test_any_name_that_git_allows_is_kept(server: GitServer, settings: Settings) -> None:
    names = ["new\nline.py", "tab\t.py", "spa ce.py", 'quo"te.py', "back\\slash.py", "caf\udce9.py"]
    server.add("ada/names", dict.fromkeys(names, "x\n"))
    found = open_checkout("ada/names", settings=settings)
    assert set(found.files) == set(names)
    assert all(found.path(name).read_text(encoding="utf-8") == "x\n" for name in found.files)
    again = open_checkout("ada/names", settings=settings)
    assert again.files == found.files


def test_too_many_files_or_bytes_are_refused_and_leave_nothing(
    server: GitServer, settings: Settings
) -> None:
    server.add("ada/many", {f"d/{n}.txt": "x" for n in range(30)})
    server.add("ada/big", {"big.bin": os.urandom(300_000)})
    error = failure("ada/many", settings, limits=Limits(files=20))
    assert error.status == "too_large" and "30 files" in str(error) and "tree/main" in str(error)
    assert failure("ada/big", settings, limits=Limits(bytes=100_000)).status == "too_large"
    # Zeros are small on the wire, so only the size that the tree states tells.
    server.add("ada/zeros", {"zeros.bin": b"\0" * 400_000})
    assert failure("ada/zeros", settings, limits=Limits(bytes=200_000)).status == "too_large"
    assert not unfinished(settings)
    assert not list((settings.cache / "sources").glob("*/*/*/entry.json"))


def test_nothing_that_a_repository_or_an_environment_configures_is_run(
    server: GitServer, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    server.add("ada/sae", {**CODE, ".gitattributes": "* filter=evil\n"})
    evil = f"touch {canary}"
    config = tmp_path / "config"
    config.write_text(
        f'[filter "evil"]\n\tsmudge = {evil}\n\tclean = {evil}\n[core]\n\tfsmonitor = {evil}\n'
        f'[url "https://127.0.0.1:9/"]\n\tinsteadOf = {server.url}/\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", evil)
    assert open_checkout("ada/sae", settings=settings).commit
    local = tmp_path / "local"
    make_repository(local, CODE)
    hook = local / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{evil}\n", encoding="utf-8")
    hook.chmod(0o755)
    with (local / ".git" / "config").open("a", encoding="utf-8") as file:
        file.write(config.read_text(encoding="utf-8"))
    assert open_checkout(str(local), settings=settings).commit
    assert open_checkout(str(local), ref="HEAD", settings=settings).commit
    assert not canary.exists()


def test_a_process_that_is_killed_half_way_leaves_the_cache_whole(
    server: GitServer, settings: Settings
) -> None:
    server.add("ada/sae", CODE)
    script = (
        "import os, signal, sys\n"
        "from fumehood_tools.repositories import open_checkout\n"
        "from fumehood_tools.settings import load_settings\n"
        "def tell(text):\n"
        "    if text.startswith('Writing'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "open_checkout('ada/sae', settings=load_settings(), tell=tell)\n"
    )
    environ = our_environment(settings.as_environment())
    done = subprocess.run([sys.executable, "-c", script], env=environ, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    assert unfinished(settings)
    offline = settings.model_copy(update={"offline": True})
    assert failure("ada/sae", offline).status == "unreachable"
    assert open_checkout("ada/sae", settings=settings).files
    assert not unfinished(settings)


def test_what_stops_the_work_leaves_nothing(server: GitServer, settings: Settings) -> None:
    server.add("ada/sae", CODE)

    def stop(text: str) -> None:
        if text.startswith("Writing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_checkout("ada/sae", settings=settings, tell=stop)
    assert not unfinished(settings)


def test_two_who_open_the_same_repository_fetch_it_once(
    server: GitServer, settings: Settings
) -> None:
    server.add("ada/sae", CODE)
    found: list[Checkout] = []
    fetches: list[str] = []

    def tell(text: str) -> None:
        fetches.extend([text] * text.startswith("Fetching"))

    def one() -> None:
        found.append(open_checkout("ada/sae", settings=settings, tell=tell))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({one.folder for one in found}) == 1 and len(found) == 3
    assert len(fetches) == 1


def test_without_git_the_error_says_how_to_get_it_and_folders_are_still_read(
    server: GitServer, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_repository(tmp_path / "local", CODE)
    server.add("ada/sae", CODE)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PartMissing, match="git is not available"):
        open_checkout("ada/sae", settings=settings)
    found = open_checkout(str(tmp_path / "local"), settings=settings)
    assert found.files == ("LICENSE", "README.md", "src/sae.py")
    assert "git" in found.origin.notes[0]

"""A child imports the same packages as its parent, and gets only the secrets that it needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fumehood_tools
from fumehood_tools.children import HUB_KEYS, import_path, our_environment, python
from fumehood_tools.settings import key_states

SECRETS = (
    *key_states({}),
    "OPENAI_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "PGPASSWORD",
)
PLAIN = ("MONKEY_BUSINESS", "TOKENIZERS_PARALLELISM", "KEYBOARD", "COLOUR")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SECRETS, *PLAIN, "FUMEHOOD_TOKEN"):
        monkeypatch.setenv(name, f"value of {name}")


def seen_by_a_child(environment: dict[str, str], cwd: Path) -> dict[str, str]:
    """Return the path from which a child imports fumehood_tools, and the child's environment."""
    seen = "[fumehood_tools.__file__, dict(os.environ)]"
    code = f"import fumehood_tools, json, os; print(json.dumps({seen}))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    where, environ = json.loads(done.stdout)
    assert where == fumehood_tools.__file__
    return dict(environ)


@pytest.mark.child
def test_a_child_gets_our_environment_and_none_of_the_secrets(tmp_path: Path) -> None:
    seen = seen_by_a_child(our_environment(), tmp_path)
    assert {name: seen[name] for name in PLAIN} == {name: f"value of {name}" for name in PLAIN}
    assert not [name for name in seen if name in SECRETS or name == "FUMEHOOD_TOKEN"]


def test_a_child_looks_for_no_plugins_of_pydantic_unless_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYDANTIC_DISABLE_PLUGINS", raising=False)
    assert our_environment()["PYDANTIC_DISABLE_PLUGINS"] == "__all__"
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "none")
    assert our_environment()["PYDANTIC_DISABLE_PLUGINS"] == "none"


def test_a_secret_is_handed_on_where_it_is_asked_for_by_name() -> None:
    given = our_environment(keys=HUB_KEYS)
    assert given["HF_TOKEN"] == "value of HF_TOKEN" and "EXA_API_KEY" not in given
    assert set(SECRETS) <= our_environment(keys="all").keys()


def test_the_servers_own_token_is_handed_on_to_nobody() -> None:
    assert "FUMEHOOD_TOKEN" not in our_environment(keys="all")
    assert "FUMEHOOD_TOKEN" not in our_environment(keys=("FUMEHOOD_TOKEN",))


def test_what_is_added_wins_and_a_default_loses_against_what_is_set() -> None:
    given = our_environment({"COLOUR": "green"}, defaults={"COLOUR": "red", "MOSS": "soft"})
    assert (given["COLOUR"], given["MOSS"]) == ("green", "soft")
    kept = our_environment(defaults={"COLOUR": "red"}, without=("KEYBOARD",))
    assert kept["COLOUR"] == "value of COLOUR" and "KEYBOARD" not in kept


@pytest.mark.child
def test_a_child_in_another_folder_finds_what_a_relative_path_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert str(tmp_path / "elsewhere") in import_path().split(os.pathsep)
    seen_by_a_child(our_environment(), tmp_path / "elsewhere")


def test_where_we_are_installed_site_packages_is_not_put_before_the_standard_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    home = str(Path(fumehood_tools.__file__).parents[1])
    assert import_path() == home
    monkeypatch.setattr("site.getsitepackages", lambda: [home])
    assert import_path() == "" and "PYTHONPATH" not in our_environment()


@pytest.mark.child
def test_a_file_in_the_working_folder_is_not_imported_in_place_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not the json meant')", encoding="utf-8")
    done = subprocess.run(
        python("json.tool"),
        cwd=tmp_path,
        env=our_environment(),
        input="{}",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "{}", done.stderr

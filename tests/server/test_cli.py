"""The command line, with the arguments of a user."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from fumehood import __version__
from fumehood.cli import main
from fumehood.client import call, printable
from fumehood.tooling import picture
from fumehood_tools.errors import StorageFailed
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.child


class Ran(NamedTuple):
    """What a run of the command line gave back."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ran]


@pytest.fixture
def fumehood(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """The command line, in this process. The servers that it starts are processes."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            code = main(arguments)
        except SystemExit as left:
            assert isinstance(left.code, int)
            code = left.code
        return Ran(code, *capfd.readouterr())

    return run


def test_the_version_is_printed_without_loading_the_server(
    fumehood: Run, environ: dict[str, str]
) -> None:
    assert fumehood("--version").stdout == f"fumehood {__version__}\n"
    code = "import sys, fumehood.cli; print({'mcp', 'pydantic', 'psutil'} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_tools_are_listed_for_people_and_for_programs(fumehood: Run) -> None:
    listed = fumehood("tools")
    assert listed.returncode == 0
    assert re.search(r"^wait_for_job +Wait up to max_seconds", listed.stdout, re.MULTILINE)
    schemas = json.loads(fumehood("tools", "--json", "--toolsets", "jobs", "--read-only").stdout)
    assert {tool["name"] for tool in schemas} == {"list_jobs", "wait_for_job", "read_job_log"}
    assert all("inputSchema" in tool for tool in schemas)


def test_the_whole_text_of_one_tool_is_printed(fumehood: Run) -> None:
    shown = fumehood("tools", "run_variants").stdout
    assert "Next: wait_for_job, then read_benchmarks." in shown
    assert "sandbox (string, optional): Name, e.g. 'demo'" in shown
    assert "seeds (list of integer or string, optional)" in shown
    (schema,) = json.loads(fumehood("tools", "run_variants", "--json").stdout)
    assert schema["name"] == "run_variants"
    unknown = fumehood("tools", "run_variant")
    assert unknown.returncode == 1 and "Did you mean 'run_variants'" in unknown.stderr


@pytest.mark.parametrize("folder", ["/", "~", "/etc", "/usr/share", "/tmp"])
def test_a_server_refuses_to_work_in_a_folder_of_the_system_or_the_home_folder(
    fumehood: Run, folder: str
) -> None:
    for command in (["serve"], ["call", "list_jobs"]):
        refused = fumehood(*command, "--workspace", folder)
        assert refused.returncode == 2
        assert "cannot be the workspace" in refused.stderr and "--workspace" in refused.stderr


def test_the_doctor_finds_packages_that_are_installed_but_cannot_be_imported(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "datasets.py").write_text(
        "raise ImportError('pyarrow requires NumPy 2.0 or newer')", encoding="utf-8"
    )
    # The others take 10 s to import; test_docs runs the doctor with what is installed. Without an
    # __init__.py in each folder, Python would prefer the installed packages.
    for module in ("sae_bench/evals/core/main", "scipy/stats", "runpod", "asyncssh"):
        folder = tmp_path
        for part in module.split("/"):
            folder /= part
            folder.mkdir()
            (folder / "__init__.py").touch()
    first = os.pathsep.join([str(tmp_path), environ["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "fumehood", "doctor"],
        env={**environ, "PYTHONPATH": first},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "installed, but cannot be imported" in done.stdout
    assert "ImportError: pyarrow requires NumPy 2.0 or newer" in done.stdout


def test_a_call_prints_the_structured_result(fumehood: Run) -> None:
    done = fumehood("call", "list_jobs", '{"limit": 5}')
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"jobs": [], "total": 0, "next_cursor": None}
    assert json.loads(fumehood("call", "list_jobs", "-", stdin="{}").stdout)["total"] == 0


def test_a_tool_error_is_text_on_stderr_and_exit_code_1(fumehood: Run) -> None:
    done = fumehood("call", "wait_for_job", '{"job_id": "nope"}')
    assert done.returncode == 1 and done.stdout == ""
    assert "unknown_name: No job 'nope'" in done.stderr and "Traceback" not in done.stderr


def test_an_image_is_saved_and_its_path_printed(settings: Settings, tmp_path: Path) -> None:
    image = tmp_path / "plot.png"
    image.write_bytes(b"not really a picture")
    printed = printable(settings, picture("three points", image))
    assert printed["text"] == "three points"
    (saved,) = printed["images"]
    assert saved.endswith(".png") and Path(saved).read_bytes() == image.read_bytes()


def test_a_picture_that_is_gone_is_a_storage_failure(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="gone.png"):
        picture("", tmp_path / "gone.png")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{limit: 5}", "at character 2 of '{limit: 5}'"),
        ("[1]", "must be a JSON object, not list"),
        ("limit=5", "Write it as one quoted word"),
    ],
)
def test_bad_json_says_what_is_wrong(fumehood: Run, arguments: str, said: str) -> None:
    done = fumehood("call", "list_jobs", arguments)
    assert done.returncode == 2 and said in done.stderr


@pytest.mark.parametrize("command", ["serve", "tools"])
def test_an_unknown_toolset_is_refused_by_name(fumehood: Run, command: str) -> None:
    done = fumehood(command, "--toolsets", "jbos")
    assert done.returncode != 0 and "Did you mean 'jobs'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_port_is_refused(fumehood: Run) -> None:
    done = fumehood("serve", "--http", "99999")
    assert done.returncode == 2 and "is not a port" in done.stderr


def test_a_reader_that_has_seen_enough_gets_no_traceback(environ: dict[str, str]) -> None:
    reading = subprocess.Popen(
        [sys.executable, "-u", "-m", "fumehood", "tools", "--json"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert reading.stdout is not None and reading.stderr is not None
    reading.stdout.close()
    assert "Traceback" not in reading.stderr.read()
    reading.stderr.close()
    assert reading.wait(30) in (0, 1)


@pytest.mark.anyio
async def test_a_server_that_does_not_answer_in_time_is_told_with_what_to_look_at(
    tmp_path: Path,
) -> None:
    settings = Settings(workspace=tmp_path, cache=tmp_path / "cache")
    done = await call(settings, "list_jobs", {}, seconds=1e-9)
    assert done.code == 1
    assert "list_jobs did not answer within 0 s" in done.stderr and "doctor" in done.stderr

"""`fumehood study run` is stopped by SIGINT and SIGTERM, and the same command goes on."""

import signal
import subprocess
import sys
import threading
from typing import Any

import psutil
import pytest
from fakes.chat_endpoint import ChatEndpoint, calls

from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import Note
from fumehood_tools.studies.notebook import StudyShelf

pytestmark = [pytest.mark.child, pytest.mark.slow]
FINISH = calls(("finish", {"summary": "Nothing was supported."}))


class Thinking:
    """A model that thinks until it is let go."""

    def __init__(self) -> None:
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def __call__(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        """Answer the request when it is let go."""
        self.asked.set()
        assert self.may_answer.wait(120)
        return FINISH


def start(settings: Settings, environ: dict[str, str], url: str) -> "subprocess.Popen[str]":
    """Start an unattended run of the study `threshold`."""
    words = ["study", "run", "threshold", "--question", "Does a threshold help?"]
    endpoint = ["--base-url", url, "--model", "tiny", "--workspace", str(settings.workspace)]
    return subprocess.Popen(
        [sys.executable, "-m", "fumehood", *words, *endpoint],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(settings: Settings) -> list[str]:
    """Return what the notebook says of the runs."""
    study = StudyShelf(settings.workspace).read("threshold")
    assert not study.problems
    return [note.text for _, note in study.only(Note) if note.kind == "run"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_stopped_run_says_so_in_the_notebook_and_the_same_command_goes_on(
    settings: Settings, environ: dict[str, str], how: signal.Signals
) -> None:
    thinking = Thinking()
    script = [calls(("read_study", {"study": "threshold"})), thinking, FINISH]
    with ChatEndpoint(script) as endpoint:
        with start(settings, environ, endpoint.url) as run:
            assert thinking.asked.wait(120)
            servers = psutil.Process(run.pid).children(recursive=True)
            run.send_signal(how)
            out, err = run.communicate(timeout=60)
        assert run.returncode == 130, err
        assert "Traceback" not in err
        assert "the user stopped it" in out
        assert not psutil.wait_procs(servers, 10)[1], "its server ends with it"
        assert ["the user stopped it" in text for text in said(settings)] == [True]
        thinking.may_answer.set()
        with start(settings, environ, endpoint.url) as run:
            out, err = run.communicate(timeout=60)
        assert run.returncode == 0, err
        assert "Nothing was supported." in out
        last = endpoint.bodies[-1]["messages"]
        assert [m["role"] for m in last] == ["system", "user", "assistant", "tool"]
    assert "the model finished" in said(settings)[1]

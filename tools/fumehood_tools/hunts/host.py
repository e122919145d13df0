"""Ask the trusted process, which is kept while it is used: it has loaded subject and SAE. Light.

Starting it takes 5 to 20 s, a question to a running one less than a second. One is kept at a time;
it ends by itself after ten minutes without a question.
"""

import contextlib
import threading
import weakref
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from fumehood_tools.children import HUB_KEYS, ChildEnded, LineChild
from fumehood_tools.errors import RunFailed
from fumehood_tools.hunts.messages import Question
from fumehood_tools.hunts.sae import HuntedSae, setup_of
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.settings import Settings
from fumehood_tools.temporary import process_folder

PATIENCE_S = 900.0
_MODULE = "fumehood_tools.hunts"
_REMEDY = "The question is counted; asking the same one again costs no other."

A = TypeVar("A", bound=BaseModel)


class Answering(Protocol):
    """Whatever answers questions about an SAE."""

    def ask(self, sae: HuntedSae, question: Question, form: type[A]) -> A:
        """Return the answer to a question. Raises FumehoodError."""


class HuntHost:
    """Keeps one trusted process. Safe to use from several threads, which wait for each other."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._child: LineChild | None = None
        self._about = ""
        self._folder: Path | None = None

    def ask(self, sae: HuntedSae, question: Question, form: type[A]) -> A:
        """Return the answer to a question, starting the process if necessary."""
        with self._lock:
            child = self._child if self._about == sae.receipt else None
            if child is not None:
                # It may have ended by itself a moment ago.
                with contextlib.suppress(ChildEnded):
                    return form.model_validate(_asked(child, question))
            return form.model_validate(_asked(self._start(sae), question))

    def close(self) -> None:
        """End the process, if there is one."""
        if self._child is not None:
            self._end()
        self._child, self._about = None, ""

    def _start(self, sae: HuntedSae) -> LineChild:
        self.close()
        if self._folder is None:
            self._folder = process_folder("fumehood-hunt-")
        setup = setup_of(self._settings, sae, self._folder)
        environ = self._settings.as_environment()
        child = LineChild(_MODULE, environ=environ, keys=HUB_KEYS, remedy=_REMEDY)
        # Whoever drops a host drops its process too.
        self._end = weakref.finalize(self, child.close)
        child.send(setup.model_dump_json())
        self._child, self._about = child, sae.receipt
        return child


def _asked(child: LineChild, question: Question) -> Any:
    child.send(question.model_dump_json())
    while True:
        for line in child.receive(1.0, patience=PATIENCE_S):
            if "error" in line:
                raise ErrorReport.model_validate(line["error"]).as_error()
            if "answer" not in line:
                raise RunFailed(f"{_MODULE} sent something else than an answer. {_REMEDY}")
            return line["answer"]

"""Import the runpod SDK without its side effects, and give it our HTTP.

Measured with runpod 1.12.0: its import starts programs (lscpu, dmesg and others, for the name of
the processor) and lets the root logger print everything from level INFO on, after which httpx
logs addresses and asyncssh logs remote commands. Its HTTP takes the address from the environment,
and it shows neither the status nor Retry-After of a failure: after 429 and 410 it raises the same
KeyError. So the name `requests` in its module `api.graphql` is bound to `Http`, which sends with
`wire`. The rest of the SDK (queries, mutations, what is taken from an answer) is used as it is.

Covered: programs, the root logger, a key in ~/.runpod/config.toml (never sent), the name of the
coding agent in the User-Agent (replaced). Not covered: the import sets the loggers urllib3,
paramiko and uvicorn to WARNING, and about 0.9 s and 60 MB go to it.
"""

import contextlib
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, TypeVar

from fumehood_tools.deadlines import Deadline
from fumehood_tools.installing import install_command
from fumehood_tools.pods.api.answers import (
    broken,
    failure_of_sentence,
    failure_of_status,
    no_account,
    quoted,
)
from fumehood_tools.pods.api.failures import InterfaceUnusable
from fumehood_tools.pods.api.wire import Wire
from fumehood_tools.web.service import USER_AGENT

NO_KEY = "sent by fumehood"
"""Stands in runpod.api_key, without which the SDK refuses to work. `wire` adds the real key."""
_NEEDED = (
    *("create_pod", "get_pod", "get_pods", "stop_pod", "resume_pod", "terminate_pod"),
    *("api_key", "__version__"),
)
_lock = threading.Lock()
_loaded: list[ModuleType] = []
T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """Where the requests of one call of the SDK go, and what no message may repeat."""

    wire: Wire
    url: str
    deadline: Deadline
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A good answer, in the form in which the SDK reads it."""

    content: dict[str, Any]
    status_code: Literal[200] = 200

    def json(self) -> dict[str, Any]:
        """Return the parsed body."""
        return self.content


class _Here(threading.local):
    call: Call


_here = _Here()


class Http:
    """What the SDK finds under the name `requests`."""

    def post(self, url: str, *, data: str, **_: Any) -> Answer:
        """Send a query of the SDK. Raises PodsFailed, which passes through the SDK unchanged."""
        call = _here.call
        changes = str(json.loads(data)["query"]).lstrip().startswith("mutation")
        headers = {"Content-Type": "application/json", "User-Agent": _user_agent()}
        reply = call.wire.ask(
            "POST",
            call.url,
            call.deadline,
            changes=changes,
            allowed=(200, 400),
            hidden=call.hidden,
            headers=headers,
            content=data,
        )
        content = reply.content if isinstance(reply.content, dict) else {}
        if errors := content.get("errors"):
            first = errors[0] if isinstance(errors, list) else errors
            told = first.get("message", "") if isinstance(first, dict) else first
            said = quoted(told, (*call.hidden, *call.wire.secrets))
            raise failure_of_sentence(first, said, changes=changes)
        if reply.status != 200:
            raise failure_of_status(reply.status, "", changes=changes)
        found = content.get("data")
        if not isinstance(found, dict):
            raise broken("an answer without data", changes=changes)
        if found.get("myself", found) is None:
            raise no_account()
        return Answer(content)


def with_sdk(call: Call, ask: Callable[[Any], T]) -> T:
    """Return ask(runpod), whose requests are sent as `call` says.

    Raises PodsFailed; InterfaceUnusable if the SDK is missing or does not fit.
    """
    sdk = loaded_sdk()
    _here.call = call
    try:
        return ask(sdk)
    finally:
        del _here.call


def loaded_sdk() -> ModuleType:
    """Import runpod, the first time behind the guard. Raises InterfaceUnusable."""
    with _lock:
        if not _loaded:
            _loaded.append(_import())
        return _loaded[0]


def _import() -> ModuleType:
    command = install_command("runpod")
    try:
        with _without_side_effects():
            import runpod
            from runpod.api import graphql
    except (ImportError, ValueError, KeyError, OSError) as error:
        why = type(error).__name__
        raise InterfaceUnusable(
            f"The package runpod cannot be imported ({why}). Install it with: {command}. Or set "
            "FUMEHOOD_RUNPOD_INTERFACE=v2, which does not need it."
        ) from error
    missing = [name for name in _NEEDED if not hasattr(runpod, name)]
    if missing or not all(hasattr(graphql, name) for name in ("requests", "run_graphql_query")):
        version = getattr(runpod, "__version__", "of unknown version")
        raise InterfaceUnusable(
            f"The package runpod {version} is not the one that is known here (1.12). Install that, "
            "or set FUMEHOOD_RUNPOD_INTERFACE=v2."
        )
    graphql.requests = Http()
    runpod.api_key = NO_KEY
    sdk: ModuleType = runpod
    return sdk


@contextlib.contextmanager
def _without_side_effects() -> Iterator[None]:
    # logging.basicConfig does nothing while the root logger has a handler.
    root, quiet = logging.getLogger(), logging.NullHandler()
    processor = ModuleType("cpuinfo")
    processor.get_cpu_info = dict  # type: ignore[attr-defined]
    real = sys.modules.get("cpuinfo")
    root.addHandler(quiet)
    sys.modules["cpuinfo"] = processor
    try:
        yield
    finally:
        root.removeHandler(quiet)
        del sys.modules["cpuinfo"]
        if real is not None:
            sys.modules["cpuinfo"] = real


def _user_agent() -> str:
    return f"{USER_AGENT} RunPod-Python-SDK/{_loaded[0].__version__}"

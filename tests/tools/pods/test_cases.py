"""The matrix of faults: every case has a number, and tests that are named by it.

`make test-pods` runs all of them as one set. docs/gpus-cases.md is this table with the tests that
are there; UPDATE_SCHEMAS=1 writes it anew.
"""

import ast
import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).resolve().parents[2]
PAGE = TESTS.parent / "docs" / "gpus-cases.md"
FOLDERS = ("tools/pods", "tools/runs/remote", "server")
NAME = re.compile(r"test_case((?:_\d\d)+)_\D")
BOTH_BY = {"api", "impatient", "interface", "desk", "open_workspace"}
"""Fixtures that run a test once with GraphQL and once with REST v2."""


class Case(NamedTuple):
    """One fault. is_asked: the provider's interface takes part, so it is tried with both of them.

    public: failures of other tools that became known.
    """

    title: str
    is_asked: bool = False
    public: str = ""


CASES = {
    1: Case("too many requests, with Retry-After", True),
    2: Case("500 with HTML, 502", True, "transformerlab PR 2305: create answers 500, the pod runs"),
    3: Case("the connection is reset, or silent for 30 s", True),
    4: Case("410: the interface is gone", True),
    5: Case("401: the key is refused, or revoked meanwhile", True),
    6: Case("the answer to a create request is lost", True, "transformerlab PR 2305"),
    7: Case("no capacity, unknown GPU", True, "dstack 1976: submits and fails for ever"),
    8: Case("the image is pulled without end", True, "skypilot 7321: stuck in PROVISIONING"),
    9: Case("the container crashes again and again", True, "dstack 1976"),
    10: Case("no public address, or port 22 is not mapped", True),
    11: Case("sshd refuses at first"),
    12: Case("another host key"),
    13: Case("the pod does not take our key"),
    14: Case("the link is cut during an upload"),
    15: Case("the link is cut while a log is read"),
    16: Case("the link is cut during a download; no SFTP"),
    17: Case("the disk is full during an upload"),
    18: Case("a job fills the disk"),
    19: Case("a job is killed for want of memory"),
    20: Case("a job fails, is killed, cannot be started, takes too long"),
    21: Case("a grandchild keeps a pipe open"),
    22: Case("the pod is preempted", True),
    23: Case("the pod has vanished", True, "skypilot 7318: no recovery of a terminated pod"),
    24: Case("the controller is killed, anywhere", True),
    25: Case(
        "the controller never comes back",
        True,
        "firstmate PR 4307: the watchdog died with the session; dstack 1047: idle machines while "
        "the server sleeps",
    ),
    26: Case("a job is started twice"),
    27: Case(
        "terminate fails, or says 204 and the pod lives on",
        True,
        "skypilot 3378: pods cannot be stopped (here none is stopped, all are terminated)",
    ),
    28: Case("terminate twice, or of a pod that is gone", True),
    29: Case("the pod's clock is wrong"),
    30: Case("a cap on cost", True, "dstack 1886: showed $0.98, created for $1.52"),
    31: Case("a cap is reached while the provider does not answer", True),
    32: Case("secrets in logs, errors, results and on disks", True),
    33: Case("a hostile tree of results"),
    34: Case("a hostile archive"),
    35: Case("a log of 80 MB; bytes that are no text"),
    36: Case("several pods at once", True),
    37: Case(
        "one of several fails; all are canceled",
        True,
        "skypilot 4410: cancelled during recovery, leaked; transformerlab 1897: orphans after stop",
    ),
    38: Case("a pod is used again: dirty, GPU memory held, an old lease"),
    39: Case("a stopped pod starts again without GPUs", True),
    40: Case("two workspaces with one account", True),
    41: Case("the journal is lost", True, "skypilot 6051: lost track of L40S pods"),
    42: Case("an archive that grows, a million files, results over the limit"),
}


class Found(NamedTuple):
    """A test of some cases."""

    file: str
    name: str
    cases: tuple[int, ...]
    has_both: bool


@functools.cache
def proofs() -> tuple[Found, ...]:
    return tuple(_read_proofs())


def _read_proofs() -> Iterator[Found]:
    for folder in FOLDERS:
        for path in sorted((TESTS / folder).rglob("test_*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in tree.body:
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                if named := NAME.match(node.name):
                    cases = tuple(int(number) for number in named[1].split("_")[1:])
                    has_both = bool(BOTH_BY & {each.arg for each in node.args.args})
                    file = path.relative_to(TESTS).as_posix()
                    yield Found(file, node.name, cases, has_both)


@pytest.mark.parametrize("number", CASES, ids=lambda number: f"case_{number:02d}")
def test_every_case_is_tested_with_both_interfaces_where_the_provider_is_asked(number: int) -> None:
    tests = [found for found in proofs() if number in found.cases]
    assert tests
    if CASES[number].is_asked:
        assert any(found.has_both for found in tests)


def test_the_page_names_the_tests_of_every_case() -> None:
    page = rendered()
    if os.environ.get("UPDATE_SCHEMAS"):
        PAGE.write_text(page, encoding="utf-8")
    assert page == PAGE.read_text(encoding="utf-8")
    assert list(CASES) == [*range(1, 43)]
    assert {number for found in proofs() for number in found.cases} == CASES.keys()


def rendered() -> str:
    lines = [
        "# What can go wrong with rented GPUs, and the tests of it",
        "",
        "Each case is tried against a stand-in for the provider whose pods are real sshd in",
        "containers. `make test-pods` runs all of these tests as one set. *Both*: with GraphQL and",
        "with REST v2. *Elsewhere* are failures of other tools that became known, by their numbers",
        "on GitHub. This page is written by `tests/tools/pods/test_cases.py`.",
    ]
    for number, case in CASES.items():
        both = " *Both.*" if case.is_asked else ""
        lines += ["", f"**{number}. {case.title[0].upper()}{case.title[1:]}.**{both}"]
        if case.public:
            lines.append(f"*Elsewhere:* {case.public}.")
        lines.append("")
        lines += [f"- `{one.name}` ({one.file})" for one in proofs() if number in one.cases]
    return "\n".join(lines) + "\n"

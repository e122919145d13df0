"""Rules that hold for every test of the suite, as a pytest plugin.

- A test may be skipped only for a reason in ALLOWED_SKIPS. Any other skip is a failure, because a
  proof that silently stopped running is worse than one that fails.
- A test that starts a process has the mark `child`, so that `make check` can leave it out (one that
  it leaves out in any case needs no such mark). Tests that use a fixture of STARTING get it here.
- A test may take TEST_SECONDS and a slow one SLOW_SECONDS, unless it has a limit of its own. Then
  pytest-timeout fails it and prints the stacks of all threads: nothing hangs forever.
- The modules that take longest go first, so that all workers end at about the same time.
"""

import os
import sys
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

# Reason -> what the machine must have for the test to run.
ALLOWED_SKIPS = {
    "needs bubblewrap": "the package bubblewrap, and a kernel that lets it make namespaces",
    "needs Landlock or bubblewrap": "Linux 5.13 or newer with Landlock, or bubblewrap",
    "needs Linux": "Linux; macOS has another mechanism, tested there",
    "needs glibc": "Linux with glibc: musl and macOS have no mallopt",
    "needs a browser": "Chromium or Google Chrome on PATH",
    "needs marker": "make pdf",
    "needs user namespaces": "a kernel that lets an ordinary user make namespaces",
    "needs kernel headers": "the package linux-libc-dev",
    "needs a file system that drops pages": "any disk file system; tmpfs has none to drop",
    "needs CUDA": "an NVIDIA GPU",
    "needs sshd and bubblewrap": "the packages openssh-server, openssh-client and bubblewrap, and "
    "a kernel that lets it make namespaces",
    "needs a memory control group": "root, and a memory controller that can be written to",
}
# Fixtures that start processes, once for many tests.
STARTING = frozenset({"kernels", "nurseries", "small"})
NOT_IN_CHECK = ("child", "slow", "network", "gpu")
TEST_SECONDS, SLOW_SECONDS = 900, 5400
# What a part of the suite may take on two cores with nothing else running, in seconds of the three
# workers together (12 minutes of wall time are 2,160); BUDGET for parts that are not listed. They
# are printed next to what was measured, and people judge: a busy machine is not a failure.
BUDGETS = {
    "server": 540,
    "tools/scoring": 240,
    "tools/runs": 165,
    "redteam": 165,
    "tools/glass": 120,
    "tools/compare": 135,
    "tools/bench": 120,
    "tools/sandbox": 135,
    "kernels": 105,
    "tools/harvest": 90,
}
BUDGET, MANY_TESTS = 90, 500
# The order is that of their duration.
LONGEST_FIRST = ("redteam/test_redteam.py",)
STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})
# Programs that libraries run while they are imported: lscpu by numpy.testing.
OF_IMPORTS = frozenset({"lscpu"})

_started = [0]


def _count_starts(
    event: str,
    args: tuple[Any, ...],
    starts: frozenset[str] = STARTS,
    harmless: frozenset[str] = OF_IMPORTS,
    started: list[int] = _started,
) -> None:
    # All by argument: while the interpreter ends, the names of this module are gone.
    if event in starts and not (args and args[0] in harmless):
        started[0] += 1


sys.addaudithook(_count_starts)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test its time limit and its marks, and put the longest modules first."""
    for item in items:
        if not STARTING.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.child)
        if item.get_closest_marker("timeout") is None:
            seconds = SLOW_SECONDS if item.get_closest_marker("slow") else TEST_SECONDS
            item.add_marker(pytest.mark.timeout(seconds))
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = item.path.as_posix()
    found = [place for place, name in enumerate(LONGEST_FIRST) if path.endswith(name)]
    return found[0] if found else len(LONGEST_FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember how many processes had been started when this test began."""
    item.stash[_BEFORE] = _started[0]
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn skips for other reasons, and processes of unmarked tests, into failures."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = _reason(report)
        if reason not in ALLOWED_SKIPS:
            _fail(
                report,
                f"Skipped, because {reason!r}. Only reasons in ALLOWED_SKIPS of "
                "tests/suite_rules.py may skip a test: add this one with what a machine must "
                "have, or let the test run.",
            )
    started = _started[0] - item.stash[_BEFORE]
    # The last test of a worker also sees the end of shared fixtures, which is not its doing.
    counts = report.passed and report.when != "teardown"
    if counts and started and not any(map(item.get_closest_marker, NOT_IN_CHECK)):
        item.stash[_BEFORE] = _started[0]
        _fail(
            report,
            f"This test or a fixture of it started {started} processes and is not marked "
            "`child`. Add the mark, or `pytestmark = pytest.mark.child` to its module.",
        )
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """After a run of many tests, print what each part of the suite took, against its budget."""
    seconds: Counter[str] = Counter()
    tests = 0
    for reports in terminalreporter.stats.values():
        for report in (one for one in reports if isinstance(one, pytest.TestReport)):
            seconds[_part(report.nodeid)] += report.duration
            tests += report.when == "call"
    if tests < MANY_TESTS:
        return
    terminalreporter.section("seconds by part of the suite, all workers together")
    for part, took in seconds.most_common():
        budget = BUDGETS.get(part, BUDGET)
        over = "  OVER BUDGET" if took > budget else ""
        terminalreporter.write_line(f"{took:8.1f} of {budget:4} {part}{over}")
    terminalreporter.write_line(f"{seconds.total():8.1f} in all")


def _part(nodeid: str) -> str:
    """Return the folder of a test: `server`, `redteam`, or the one below tests/tools."""
    folders = nodeid.partition("::")[0].split("/")[1:-1]
    return "/".join(folders[:2]) if folders else "tests"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a whole module that skips itself for another reason into a failure."""
    report = yield
    if report.skipped and (reason := _reason(report)) not in ALLOWED_SKIPS:
        _fail(report, f"The module skips itself, because {reason!r}: see ALLOWED_SKIPS.")
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return said.removeprefix("Skipped: ")


def _fail(report: pytest.TestReport | pytest.CollectReport, message: str) -> None:
    report.outcome = "failed"
    report.longrepr = message


_BEFORE = pytest.StashKey[int]()

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: two threads each would only wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

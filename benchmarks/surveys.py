"""What a survey of a package costs: seconds, memory, and how much longer than parsing its files.

    make bench-surveys

Each survey is made in a new child process, as survey_package makes it, with an empty cache, and
then again from the cache. The ratio compares it with `ast.parse` of the same files in a process of
its own, both in processor seconds, which depend less than seconds on what else the machine does.
"""

import argparse
import importlib.metadata
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fumehood_tools.settings import load_settings
from fumehood_tools.surveys.surveying import Request, Surveys

PACKAGES = (
    *("dictionary-learning", "einops", "httpx", "nnsight", "pydantic", "sae-bench", "sae-lens"),
    *("sae-probes", "transformer-lens", "torch"),
)
MOST_SECONDS, MOST_MEGABYTES = 5.0, 300.0
BIG = ("torch",)
_PARSE = """
import ast, sys
for path in sys.stdin.read().split("\\0"):
    try:
        with open(path, "rb") as file:
            ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        pass
"""
UNIT = 1024 if sys.platform == "linux" else 1


def main() -> None:
    """Print one row for each installed package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    asked = parser.parse_args().packages
    installed = [it for it in asked if _is_installed(it)]
    print(
        f"{'package':<22}{'modules':>8}{'names':>8}{'s':>7}{'MB':>7}{'cpu s':>7}"
        f"{'cached s':>10}{'x parse':>9}"
    )
    late = []
    for package in installed:
        # ru_maxrss of children is the largest so far, so each survey is asked for by a process.
        row = subprocess.run(
            [sys.executable, "-P", __file__, "--one", package],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout
        print(row, end="", flush=True)
        seconds, megabytes = map(float, row.split()[3:5])
        if package not in BIG and (seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES):
            late.append(package)
    print(f"over {MOST_SECONDS:g} s or {MOST_MEGABYTES:g} MB: {', '.join(late) or 'none'}")


def measure(package: str) -> str:
    """Return the row of a package."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(Path(folder), {"FUMEHOOD_CACHE": folder})
        surveys = Surveys(settings)
        start = time.perf_counter()
        taken, survey = surveys.survey(Request(package))
        first = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT / 1e6
        survey_cpu = processor_seconds()
        start = time.perf_counter()
        surveys.survey(Request(package))
        again = time.perf_counter() - start
    sources = [
        str(taken.checkout.path(it.path))
        for it in survey.files
        if it.kind == "source" and it.path.endswith((".py", ".pyi"))
    ]
    subprocess.run(
        [sys.executable, "-P", "-c", _PARSE],
        input="\0".join(sources),
        text=True,
        check=True,
        timeout=300,
    )
    parse_cpu = processor_seconds() - survey_cpu
    counts = survey.counts
    return (
        f"{package:<22}{counts.modules:>8,}{len(survey.objects):>8,}{first:>7.2f}{peak:>7.0f}"
        f"{survey_cpu:>7.2f}{again:>10.2f}{survey_cpu / parse_cpu:>9.1f}"
    )


def processor_seconds() -> float:
    """Return the processor seconds of all children of this process that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(measure(sys.argv[2]))
    else:
        main()

"""Score the claims of an agent: (right - wrong) / number of questions, from -1 to 1.

The problem `hunt` has no claims: its score is that of the hunt, which a job of fumehood measured.

"unknown" counts 0, so an agent that claims only what it knows beats one that guesses. A workspace
with an edited, removed or swapped receipt scores -1, whatever was claimed.

usage: python examples/tasks/claims.py PROBLEM WORKSPACE [--reward FILE]
"""

import argparse
import contextlib
import json
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

from problems import CLAIMS_FILE, PROBLEMS, SANDBOX, Problem, Word, set_up
from pydantic import BaseModel, Field

from fumehood_tools.compare import compare_variants
from fumehood_tools.errors import FumehoodError
from fumehood_tools.hunts.journal import read_hunt
from fumehood_tools.hunts.records import REPEATS
from fumehood_tools.hunts.told import score_in_words
from fumehood_tools.jobs import JobStore
from fumehood_tools.plain_files import read_plain
from fumehood_tools.receipts.audit import audit
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings, load_settings

RETEST_SEEDS, MOST_OWN = 5, 3
RETEST_SECONDS = 3_600.0
WORDS: tuple[str, ...] = get_args(Word)


class Scored(BaseModel, frozen=True):
    """The score of one agent on one problem."""

    problem: str
    score: float = Field(description="(right - wrong) / questions; -1 if receipts were changed")
    right: int = 0
    wrong: int = 0
    unknown: int = 0
    truth: dict[str, str] = Field(default_factory=dict)
    claims: dict[str, str] = Field(default_factory=dict)
    why: str = ""


def score(problem: Problem, settings: Settings) -> Scored:
    """Return the score of the claims in a workspace.

    Takes a second where the truth is known; minutes where claims are tested again. Raises
    FumehoodError if that test cannot be run.
    """
    report, _ = audit(settings.workspace)
    if not report.is_sound:
        first = next(found for found in report.findings if found.level == "wrong")
        return Scored(problem=problem.name, score=-1.0, why=f"changed receipts: {first.line()}")
    if problem.hunt:
        return _hunted(problem, settings)
    claims, why = read_claims(settings.workspace / CLAIMS_FILE)
    if problem.truth:
        truth: dict[str, str] = dict(problem.truth)
    else:
        claims = dict(list(claims.items())[:MOST_OWN])
        truth = retest(problem, settings, [n for n, word in claims.items() if word != "unknown"])
    said = {name: claims.get(name, "unknown") for name in truth}
    right = sum(said[name] == truth[name] for name in truth)
    unknown = sum(word == "unknown" for word in said.values())
    wrong = len(truth) - right - unknown
    return Scored(
        problem=problem.name,
        score=(right - wrong) / max(len(truth), 1),
        right=right,
        wrong=wrong,
        unknown=unknown,
        truth=truth,
        claims=claims,
        why=why,
    )


def _hunted(problem: Problem, settings: Settings) -> Scored:
    """Return the score of a hunt; 0 if it was not ended."""
    hunt = read_hunt(settings.workspace, problem.hunt)
    if hunt.score is None:
        answered = sum(hunt.is_answered(repeat + 1) for repeat in range(REPEATS))
        why = f"{answered} of {REPEATS} repeats are answered, and there is no score yet"
        return Scored(problem=problem.name, score=0.0, unknown=REPEATS - answered, why=why)
    return Scored(
        problem=problem.name,
        score=hunt.score.score,
        truth={one.word: f"latent {one.best_latent}" for one in hunt.score.repeats},
        claims={one.word: f"latent {one.latent}" for one in hunt.score.repeats},
        why="; ".join(score_in_words(hunt.score)),
    )


def read_claims(path: Path) -> tuple[dict[str, str], str]:
    """Return variant -> word from a claims file, and what is wrong with the file."""
    try:
        found: Any = json.loads(read_plain(path))
    except (FumehoodError, ValueError, RecursionError) as error:
        return {}, f"{CLAIMS_FILE} cannot be read: {error}"
    if not isinstance(found, dict):
        return {}, f"{CLAIMS_FILE} is not an object"
    odd = [name for name, word in found.items() if word not in WORDS]
    kept = {str(name): str(word) for name, word in found.items() if word in WORDS}
    return kept, f"not a valid word for {', '.join(map(str, odd[:5]))}" if odd else ""


def retest(problem: Problem, settings: Settings, claimed: list[str]) -> dict[str, str]:
    """Return claimed variant -> what it is, trained anew with seeds that nobody knew before.

    It happens in a workspace of its own, so nothing that the agent left there can matter.
    """
    if not claimed:
        return {}
    with tempfile.TemporaryDirectory(prefix="fumehood-retest-") as folder:
        fresh = load_settings(folder, {**settings.as_environment(), "FUMEHOOD_WORKSPACE": folder})
        set_up(problem, fresh)
        box = open_sandbox(fresh, SANDBOX)
        theirs = open_sandbox(settings, SANDBOX)
        there = [name for name in claimed if (theirs.variants / f"{name}.py").is_file()]
        for name in there:
            shutil.copyfile(theirs.variants / f"{name}.py", box.variants / f"{name}.py")
        first = secrets.randbelow(1_000_000) + 1_000
        seeds = range(first, first + RETEST_SEEDS)
        with contextlib.closing(JobStore(fresh.state)) as store:
            grid = {problem.knob: list(problem.levels)}
            names = [problem.baseline, *there]
            job = start_run(fresh, store, SANDBOX, names, seeds, grid=grid).job
            end = time.monotonic() + RETEST_SECONDS
            while job.finished is None and time.monotonic() < end:
                time.sleep(1.0)
                job = store.get(job.job_id)
            store.cancel(job.job_id)
        rows = {row.variant: row.verdict for row in _compared(problem, box.folder)}
        # What does not train, or cannot be decided with five seeds, was no right claim.
        return {name: str(rows.get(name, "not shown")) for name in claimed}


def _compared(problem: Problem, folder: Path) -> list[Any]:
    try:
        return list(compare_variants(folder, baseline=problem.baseline).rows)
    except FumehoodError:
        return []


def main() -> int:
    """Print the score as JSON, and write it to a reward file if asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("problem", choices=sorted(PROBLEMS))
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--reward", type=Path, help="write the score alone to this file")
    options = parser.parse_args()
    found = score(PROBLEMS[options.problem], load_settings(options.workspace))
    print(found.model_dump_json(indent=1))
    if options.reward:
        options.reward.write_text(f"{found.score}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

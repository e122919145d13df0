"""Four problems for other people's agents: what the agent is told, what it finds, what is true.

An agent works on a problem with the tools of `fumehood serve` in one workspace. It ends by writing
`claims.json` there: variant -> "better", "equal", "worse" or "unknown", each against the problem's
baseline in explained variance at equal L0. `claims.py` turns them into a number. The problem `hunt`
ends with the tool answer_hunt instead, and its number is the hunt's score.

usage: python examples/tasks/problems.py PROBLEM WORKSPACE    (sets the problem up there)
"""

import argparse
import contextlib
import shutil
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fumehood_tools.hunts.host import HuntHost
from fumehood_tools.hunts.opening import open_hunt
from fumehood_tools.jobs import JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import create_sandbox, open_sandbox
from fumehood_tools.settings import Settings, load_settings

HERE = Path(__file__).parent
IDEAS = HERE.parent / "variants"
SANDBOX, CLAIMS_FILE = "task", "claims.json"

Word = Literal["better", "equal", "worse", "unknown"]


class Problem(NamedTuple):
    """One problem.

    files: name in the sandbox -> file. truth: variant -> what it is. Empty: the agent writes its
    own variants, and every claim is tested again with seeds that it never saw. seeds, levels: for
    that test.
    """

    name: str
    task: str
    baseline: str
    sandbox: dict[str, Any]
    files: dict[str, Path]
    truth: dict[str, Word]
    knob: str = "K"
    levels: tuple[int, ...] = ()
    hunt: str = ""
    """The name of the hunt that is opened in an SAE of the baseline, trained beforehand."""


_CLAIMS = (
    f"At the end write {CLAIMS_FILE} into the workspace: a JSON object from each variant's name to "
    '"better", "equal", "worse" or "unknown". A right word counts +1, a wrong one -1, "unknown" 0, '
    "so claim only what you would bet on. `equal` means a difference within 0.005."
)
_SMALL: dict[str, Any] = {
    "subject": "synthetic",
    "layer": 0,
    "corpus": "synthetic",
    "dict_size": 128,
    "train_tokens": 16_000,
    "eval_tokens": 4_064,
}

PLANTED = Problem(
    name="planted",
    task=(
        f"The sandbox `{SANDBOX}` has six variants: amber, birch, cedar, delta, ember, flint. Find "
        "out which of them are better, equal or worse than `reference` (a file in the same "
        f"sandbox) in explained variance at equal L0, near L0 8. {_CLAIMS}"
    ),
    baseline="reference",
    sandbox=_SMALL,
    files={
        name: HERE / "planted" / f"{name}.py"
        for name in ("reference", "amber", "birch", "cedar", "delta", "ember", "flint")
    },
    truth={
        "amber": "worse",
        "birch": "better",
        "cedar": "equal",
        "delta": "equal",
        "ember": "better",
        "flint": "worse",
    },
    levels=(6, 8, 12),
)
OWN_VARIANT = Problem(
    name="own_variant",
    task=(
        f"Write a variant in the sandbox `{SANDBOX}` that is better than the packaged topk in "
        "explained variance at equal L0, near L0 8, with a constant K that sets the L0. You may "
        "try as many as you like and claim up to three. Claims are tested again with seeds that "
        f"you never saw. {_CLAIMS}"
    ),
    baseline="topk",
    sandbox=_SMALL,
    files={},
    truth={},
    levels=(6, 8, 12),
)
PAPER_IDEAS = Problem(
    name="paper_ideas",
    task=(
        f"The sandbox `{SANDBOX}` (SmolLM2-135M, about an hour of training on two cores) has six "
        "variants that a language model proposed: idea_a to idea_f. Find out which of them are "
        "better, equal or worse than the packaged topk in explained variance at equal L0 (32 and "
        f"64). {_CLAIMS}"
    ),
    baseline="topk",
    sandbox={"train_tokens": 250_000},
    files={
        "idea_a": IDEAS / "orthogonal_feature.py",
        "idea_b": IDEAS / "register_balance.py",
        "idea_c": IDEAS / "dynamic_k.py",
        "idea_d": IDEAS / "feature_recycling.py",
        "idea_e": IDEAS / "competitive_inhibition.py",
        "idea_f": IDEAS / "correlation_minimization.py",
    },
    # As measured with three seeds each: examples/paper/RESULTS.md.
    truth={
        "idea_a": "worse",
        "idea_b": "equal",
        "idea_c": "better",
        "idea_d": "worse",
        "idea_e": "equal",
        "idea_f": "worse",
    },
)
HUNT = Problem(
    name="hunt",
    task=(
        "The hunt `task` is open: open_hunt(hunt='task') shows it. Find the latents of its three "
        "planted features with probe_latents, whose questions are counted, and end each repeat "
        "with answer_hunt. When the third is answered, wait for the job that scores the hunt. The "
        "score is 0 for a random direction and 1 for the best latent of the SAE, on rows that no "
        "tool shows."
    ),
    baseline="topk",
    sandbox=_SMALL | {"train_tokens": 200_000},
    files={},
    truth={},
    levels=(8,),
    hunt="task",
)
PROBLEMS = {one.name: one for one in (PLANTED, OWN_VARIANT, PAPER_IDEAS, HUNT)}
TRAIN_SECONDS = 1_800.0


def set_up(problem: Problem, settings: Settings) -> None:
    """Create the sandbox of a problem in a workspace, with its files. Raises FumehoodError.

    For a hunt it also trains an SAE, in a minute, and opens the hunt.
    """
    create_sandbox(settings, SANDBOX, **problem.sandbox)
    box = open_sandbox(settings, SANDBOX)
    for name, file in problem.files.items():
        shutil.copyfile(file, box.variants / f"{name}.py")
    if problem.hunt:
        _train(problem, settings)
        host = HuntHost(settings)
        try:
            open_hunt(settings, host, problem.hunt, f"{SANDBOX}/{problem.baseline}")
        finally:
            host.close()


def _train(problem: Problem, settings: Settings) -> None:
    with contextlib.closing(JobStore(settings.state)) as store:
        grid = {problem.knob: list(problem.levels)}
        job = start_run(settings, store, SANDBOX, [problem.baseline], [0], grid=grid).job
        end = time.monotonic() + TRAIN_SECONDS
        while job.finished is None and time.monotonic() < end:
            time.sleep(0.5)
            job = store.get(job.job_id)
        store.cancel(job.job_id)


def main() -> int:
    """Set a problem up in a new workspace."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("problem", choices=sorted(PROBLEMS))
    parser.add_argument("workspace", type=Path)
    options = parser.parse_args()
    options.workspace.mkdir(parents=True, exist_ok=True)
    set_up(PROBLEMS[options.problem], load_settings(options.workspace))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

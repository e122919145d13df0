"""Every construct of notebooks, run for real in the script that it becomes."""

import re

import pytest
from fakes.notebook_constructs import CONSTRUCTS, Construct
from fakes.notebook_files import Ran, notebook, run_all

from fumehood_tools.notebooks import to_script


def script(construct: Construct) -> str:
    return to_script(notebook(*construct.cells)).source


@pytest.fixture(scope="module")
def ran() -> dict[str, Ran]:
    """All constructs, run in one child process."""
    return run_all({one.name: script(one) for one in CONSTRUCTS})


@pytest.mark.child
@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda one: one.name)
def test_a_script_prints_what_the_notebook_prints(
    construct: Construct, ran: dict[str, Ran]
) -> None:
    done = ran[construct.name]
    pattern = re.escape(construct.prints).replace("@", r"[^\n]*\d s[^\n]*")
    pattern = pattern.replace(r"\~", r"\S*")
    assert re.fullmatch(pattern, done.stdout), done
    fails = construct.name == "bash that fails ends the notebook"
    assert done.status == fails, done.stderr


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda one: one.name)
def test_what_is_not_carried_over_is_reported_and_kept_as_a_comment(construct: Construct) -> None:
    made = to_script(notebook(*construct.cells))
    found = [one.reason for one in made.not_carried]
    assert len(found) == len(construct.reasons), made.not_carried
    for reason, part in zip(found, construct.reasons, strict=True):
        assert part in reason
    sources = [
        cell if isinstance(cell, str) else "".join(cell["source"]) for cell in construct.cells
    ]
    for one in made.not_carried:
        line = re.split(r"\r\n|\r|\n", sources[one.cell - 1])[one.line - 1]
        assert one.text == " ".join(line.replace("\0", " ").replace("\ud800", " ").split())


def test_the_bar_of_notebooks_becomes_one_that_needs_no_ipython() -> None:
    made = to_script(notebook("if 1:\n    from tqdm.notebook import tqdm as bar, trange"))
    assert made.source.endswith("if 1:\n    from tqdm.auto import tqdm as bar, trange\n")

"""Every construct of notebooks, run for real in the script that it becomes."""

import json
import re
from pathlib import Path

import pytest
from fakes.notebook_constructs import CONSTRUCTS, Construct
from fakes.notebook_files import Ran, notebook, run_all

from fumehood_tools.notebooks import to_script

OWN = Path(__file__).parents[2] / "fixtures" / "every_construct.ipynb"


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


@pytest.mark.child
def test_the_notebook_with_every_construct_gives_its_stored_outputs() -> None:
    stored = OWN.read_text(encoding="utf-8")
    made = to_script(stored, OWN.name)
    outputs = [one for cell in json.loads(stored)["cells"] for one in cell.get("outputs", [])]
    expected = "".join(line for one in outputs for line in one["text"])
    done = run_all({"own": made.source})["own"]
    assert re.fullmatch(re.escape(expected).replace("FOLDER", r"/\S+"), done.stdout), done
    assert done.status == 0 and "ZeroDivisionError" in done.stderr
    reported = [(one.text.split()[0], one.line) for one in made.not_carried]
    assert reported == [
        ("%matplotlib", 4),
        ("%load_ext", 5),
        ("%autoreload", 6),
        ("%%script", 1),
        ("?call", 1),
        ("call?", 2),
        ("call??", 4),
        ("from", 1),
        ("ip", 1),
        ("%pip", 4),
        ("raise", 1),
        ("%%html", 1),
        ("%prun", 1),
        ("%unknown_magic", 1),
        ("not", 1),
    ]

"""The page about the sandbox standard has the requirements that are tried, and no others."""

import importlib.util
from pathlib import Path

from fumehood_tools.proving.standard import BY_NUMBER, PARTS, REQUIREMENTS

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_made_of_the_list() -> None:
    path = ROOT / "scripts" / "standard_page.py"
    spec = importlib.util.spec_from_file_location("standard_page", path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    text = made.PAGE.read_text(encoding="utf-8")
    assert made.page(text) == text, "run python scripts/standard_page.py"


def test_every_requirement_has_a_part_a_proof_and_a_remedy() -> None:
    assert len(BY_NUMBER) == len(REQUIREMENTS)
    assert {int(one.number.partition(".")[0]) for one in REQUIREMENTS} == set(PARTS)
    assert all(one.proof.endswith(".") and one.remedy.endswith(".") for one in REQUIREMENTS)

"""Guides become plain Agent Skills, one file for each task; one that does not pass is left out."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fakes.planted_guide import guide_text

from fumehood_tools.guides.blocks import page_of, split_front_matter
from fumehood_tools.guides.format import parse_guide
from fumehood_tools.guides.shelf import Shelved
from fumehood_tools.guides.skill_addresses import PAGE, SkillReader
from fumehood_tools.guides.skills import skill_name, skills_of, write_skills
from fumehood_tools.guides.view import GuideReader
from fumehood_tools.settings import Settings, load_settings

SKILLS_REF = "skills-ref==0.1.1"
GUIDE = parse_guide(guide_text(["A healthy task"]), "mosslib.md")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path, {"FUMEHOOD_CACHE": str(tmp_path / "cache")})


def _passing(name: str) -> Shelved:
    return Shelved(name, Path(f"{name}.md"), GUIDE, "passes", "", "1.0.0")


def test_guides_that_pass_become_skills_and_the_others_are_named_with_the_reason(
    tmp_path: Path, settings: Settings
) -> None:
    mine = tmp_path / "guides" / "mosslib.md"
    mine.parent.mkdir()
    mine.write_text(guide_text(), encoding="utf-8")
    guides = GuideReader(settings).all()
    found = skills_of(guides)
    assert list(found.left_out) == ["mosslib"]
    assert found.left_out["mosslib"].startswith("It is stale. It is for mosslib 1.0.0, but it is")
    written = [folder.name for folder in write_skills(found.skills, tmp_path / "skills")]
    assert {"dictionary-learning", "sae-bench"} <= set(written)
    for name in written:
        guide = next(it.guide for it in guides if it.name == name)
        assert guide is not None
        folder = tmp_path / "skills" / name
        text = (folder / "SKILL.md").read_text(encoding="utf-8")
        head = yaml.safe_load(split_front_matter(text)[0])
        assert head["name"] == name and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert set(head) <= {"name", "description", "license", "compatibility", "metadata"}
        assert 0 < len(head["description"]) <= 1024 and len(text.splitlines()) < 500
        assert all(isinstance(value, str) for value in head["metadata"].values())
        for link in re.findall(r"\]\((references/[^)]+)\)", text):
            assert (folder / link).is_file()
        files = [folder / f"references/{task.name}.md" for task in guide.tasks]
        blocks = [it for file in files for it in page_of(file.read_text("utf-8")).blocks]
        assert [it.code for it in blocks] == [it.code for it in guide.blocks]


@pytest.mark.parametrize(
    ("guide", "name"),
    [
        ("sae-bench", "sae-bench"),
        ("Transformer_Lens 4.3", "transformer-lens-4-3"),
        ("--moss--", "moss"),
        ("m" * 63 + "-oss", "m" * 63),
        ("苔", ""),
    ],
)
def test_any_name_of_a_guide_becomes_a_valid_name_of_a_skill(guide: str, name: str) -> None:
    assert skill_name(guide) == name


def test_of_guides_whose_skills_would_have_the_same_name_one_is_left_out() -> None:
    found = skills_of([_passing("moss.lib"), _passing("moss-lib"), _passing("苔")])
    assert [it.name for it in found.skills] == ["moss-lib"]
    assert "called 'moss-lib', as another. Rename" in found.left_out["moss-lib"]
    assert "called ''" in found.left_out["苔"]


def test_a_skill_keeps_its_front_matter_whatever_the_guide_says() -> None:
    odd = "Grows: mosses, 'quoted' --- # and\nmore\n\n> lines " + "m" * 2_000
    (skill,) = skills_of([_passing("moss")._replace(guide=GUIDE._replace(purpose=odd))]).skills
    front = skill.front
    assert front["name"] == "moss" and len(front["description"]) == 1_024
    assert front["description"].startswith("Use when writing Python code with mosslib. Grows: moss")
    assert front["metadata"]["version"] == "1.0.0" and skill.files["SKILL.md"].count(odd) == 1


def test_every_skill_is_on_exactly_one_page(settings: Settings) -> None:
    home = settings.workspace / "guides"
    home.mkdir()
    text = (Path(GuideReader(settings).find("sae-bench").path)).read_text("utf-8")
    record = GuideReader(settings).find("sae-bench").path.with_suffix(".record.json")
    for number in range(PAGE):
        (home / f"bench-{number}.md").write_text(text, encoding="utf-8")
        (home / f"bench-{number}.record.json").write_bytes(record.read_bytes())
    reader = SkillReader(settings)
    seen, cursor = [], None
    while True:
        entries, cursor = reader.page(cursor)
        seen += [it.uri for it in entries]
        if cursor is None:
            break
    assert seen == [f"{root}/SKILL.md" for root in reader.all()] and len(seen) > PAGE


@pytest.mark.network
@pytest.mark.slow
def test_the_reference_validator_accepts_every_skill(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "validator"
    subprocess.run([sys.executable, "-I", "-m", "venv", str(folder)], check=True, timeout=300)
    install = [str(folder / "bin" / "python"), "-I", "-m", "pip", "install", "-q", SKILLS_REF]
    subprocess.run(install, check=True, timeout=300)
    found = skills_of(GuideReader(settings).all())
    assert found.skills and not found.left_out
    validate = [str(folder / "bin" / "agentskills"), "validate"]
    for written in write_skills(found.skills, tmp_path / "skills"):
        done = subprocess.run([*validate, str(written)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
    broken = tmp_path / "skills" / "Moss"
    written.rename(broken)
    done = subprocess.run([*validate, str(broken)], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "must match" in done.stdout + done.stderr

"""Guides become plain Agent Skills, one file for each task; one that does not pass is left out."""

import re
from pathlib import Path

import yaml
from fakes.planted_guide import guide_text

from fumehood_tools.guides.blocks import page_of, split_front_matter
from fumehood_tools.guides.skills import write_skills
from fumehood_tools.guides.view import GuideReader
from fumehood_tools.settings import load_settings


def test_guides_that_pass_become_skills_and_the_others_are_named_with_the_reason(
    tmp_path: Path,
) -> None:
    settings = load_settings(tmp_path, {"FUMEHOOD_CACHE": str(tmp_path / "cache")})
    mine = tmp_path / "guides" / "mosslib.md"
    mine.parent.mkdir()
    mine.write_text(guide_text(), encoding="utf-8")
    guides = GuideReader(settings).all()
    written = write_skills(guides, tmp_path / "skills")
    assert list(written.left_out) == ["mosslib"] and "not installed" in written.left_out["mosslib"]
    assert {"dictionary-learning", "sae-bench"} <= set(written.skills)
    for name in written.skills:
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

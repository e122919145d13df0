"""`fumehood guides`: the same answers as the tools, for people and for programs."""

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.planted_guide import guide_text, write_environment

from fumehood.cli import main
from fumehood_tools.glass import available_levels

walled = pytest.mark.skipif(
    available_levels() == ("rlimits",), reason="needs Landlock or bubblewrap"
)


class Ran:
    """What a run of the command gave back."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Guides:
    """`fumehood guides` in a workspace of its own."""

    def __init__(self, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.workspace, self._capsys = workspace, capsys

    def __call__(self, *words: str) -> Ran:
        code = main(["guides", *words, "--workspace", str(self.workspace)])
        return Ran(code, *self._capsys.readouterr())

    def write(self, name: str, text: str) -> None:
        (self.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (self.workspace / name).write_text(text, encoding="utf-8")


@pytest.fixture
def guides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Guides:
    monkeypatch.setenv("FUMEHOOD_CACHE", str(tmp_path / "cache"))
    (tmp_path / "workspace").mkdir()
    return Guides(tmp_path / "workspace", capsys)


def test_guides_are_listed_and_read_for_people_and_for_programs(guides: Guides) -> None:
    guides.write("guides/mosslib.md", guide_text(["A healthy task"]))
    listed = guides("list")
    assert listed.code == 0 and "sae-bench: sae-bench: score" in listed.out
    assert "STALE: It is for mosslib 1.0.0" in listed.out
    rows = {row["package"]: row for row in guides("list", "--json").json}
    assert rows["mosslib"]["status"] == "stale" and rows["sae-bench"]["status"] == "passes"
    assert "Write an SAE that sae-bench can score" in guides("read", "sae-bench").out
    task = guides("read", "sae-bench", "write-an-sae-that-sae-bench-can-score", "--json")
    assert task.code == 0 and "class TinySAE" in task.json["markdown"]


def test_wrong_usage_and_unknown_names_have_their_exit_codes(guides: Guides) -> None:
    unknown = guides("read", "sae-bensh")
    assert unknown.code == 1 and "Did you mean 'sae-bench'" in unknown.err
    assert guides("read", "sae-bench", "fly").code == 1
    seconds = guides("check", "sae-bench", "--block-seconds", "0")
    assert seconds.code == 2 and "is not between 1 and 1800" in seconds.err
    with pytest.raises(SystemExit) as left:
        guides("sing")
    assert left.value.code == 2
    refused = main(["guides", "check", "x.md", "--workspace", "/usr/share"])
    assert refused == 2


@walled
@pytest.mark.child
def test_a_check_fails_if_a_block_of_any_guide_does(guides: Guides) -> None:
    write_environment(guides.workspace / "venv")
    guides.write("good.md", "# Moss\n```python\nprint(1)\n```\n")
    guides.write("bad.md", "# Moss\n```python\nimport mosslib\nmosslib.measure(1)\n```\n")
    guides.write("good.rst", "Moss\n====\n\n>>> 1 + 1\n2\n")
    good = guides("check", "good.rst", "--environment", "venv")
    assert good.code == 0 and "  4: passed [Moss]" in good.out
    good = guides("check", "good.md", "--environment", "venv", "--sarif")
    assert good.code == 0 and "good.md: passes. 1 Python blocks: 1 passed." in good.out
    assert "good.md: 0 of 1 blocks" in good.err and "SARIF: guides/good-" in good.out
    both = guides("check", "bad.md", "good.md", "none.md", "--environment", "venv", "--json")
    assert both.code == 1 and "none.md: unknown_name" in both.err
    assert "good.md: 0 of" not in both.err, "a result that is kept is not made again"
    bad, kept, missing = both.json
    assert bad["counts"] == {"api_changed": 1} and "measure_height" in bad["blocks"][0]["why"]
    assert kept["passes"] and kept["blocks"][0]["outcome"] == "passed"
    assert missing == {"guide": "none.md", "passes": False, "error": missing["error"]}


def test_guides_are_exported_as_skills_and_exported_again(guides: Guides) -> None:
    home = guides.workspace / "skills"
    first = guides("export", str(home), "--only", "sae-bench")
    assert (first.code, first.out) == (0, f"written: {home / 'sae-bench'}\n")
    old = home / "sae-bench" / "references" / "a-task-that-is-gone.md"
    old.write_text("old", encoding="utf-8")
    kept = home / "sae-bench" / "notes.txt"
    kept.write_text("mine", encoding="utf-8")
    guides.write("guides/mosslib.md", guide_text(["A healthy task"]))
    again = guides("export", str(home), "--json")
    assert again.code == 1 and "left out: mosslib: It is stale." in again.err
    assert str(home / "sae-bench") in again.json["written"]
    assert not old.exists() and kept.read_text("utf-8") == "mine"


def test_a_skill_of_someone_else_is_not_replaced(guides: Guides) -> None:
    for text in ("---\nname: sae-bench\ndescription: mine\n---\n# Mine\n", "", "---\n[\n---\n"):
        guides.write("skills/sae-bench/SKILL.md", text)
        done = guides("export", str(guides.workspace / "skills"))
        assert done.code == 1 and "was not exported by fumehood" in done.err
        mine = guides.workspace / "skills" / "sae-bench" / "SKILL.md"
        assert mine.read_text("utf-8") == text
        assert not (guides.workspace / "skills" / "dictionary-learning").exists()

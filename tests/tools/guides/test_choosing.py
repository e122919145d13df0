"""Of several guides to one package, the one for the right version is read, and the others named."""

from importlib.metadata import version
from pathlib import Path

import pytest
from fakes.planted_guide import guide_text

from fumehood_tools.errors import UnknownName
from fumehood_tools.guides.view import GuideReader
from fumehood_tools.settings import load_settings

HERE = version("packaging")
NEXT = str(int(HERE.partition(".")[0]) + 1)


@pytest.fixture
def reader(tmp_path: Path) -> GuideReader:
    """Guides to packaging 1.2.0, to the installed major version, and to the one after it."""
    (tmp_path / "guides").mkdir()
    versions = {"1": "1.2.0", "here": f"{HERE.partition('.')[0]}.7", "next": f"{NEXT}.0"}
    for name, its in versions.items():
        text = guide_text(["A healthy task"]).replace("package: mosslib", "package: packaging")
        text = text.replace("version: 1.0.0", f'version: "{its}"')
        (tmp_path / "guides" / f"packaging-{name}.md").write_text(text, encoding="utf-8")
    (tmp_path / "guides" / "broken.md").write_text("---\npackage: \nversion: 1\n---\n", "utf-8")
    return GuideReader(load_settings(tmp_path, {"FUMEHOOD_CACHE": str(tmp_path / "cache")}))


CHOSEN = {
    "packaging": "packaging-here",
    "Packaging": "packaging-here",
    "packaging_next": "packaging-next",
    "packaging==1.2": "packaging-1",
    "packaging == 1.9.3": "packaging-1",
    "packaging==NEXT.4": "packaging-next",
    "packaging==0.1": "packaging-next",
    "packaging==newest": "packaging-next",
    "packaging-1": "packaging-1",
}


@pytest.mark.parametrize("asked", CHOSEN)
def test_a_package_means_the_guide_nearest_to_the_installed_or_named_version(
    reader: GuideReader, asked: str
) -> None:
    assert reader.find(asked.replace("NEXT", NEXT)).name == CHOSEN[asked]


def test_the_answer_names_the_other_guides_and_the_version_that_is_installed(
    reader: GuideReader,
) -> None:
    read = reader.read("packaging-1", "a-healthy-task")
    assert list(read.other_guides) == ["packaging-here", "packaging-next"]
    assert f"for version {NEXT}.0: read_guide(package='packaging-next')" in read.text()
    assert f"version 1.2.0 ({HERE} is installed beside fumehood)" in read.text()
    assert reader.read("sae-bench", None).other_guides == {}


def test_a_version_without_a_guide_is_answered_with_a_warning(reader: GuideReader) -> None:
    assert "There is no guide for version 0.1;" in reader.read("packaging==0.1", None).warning
    assert "There is no guide" not in reader.read("packaging==1.9.3", None).warning
    assert "There is no guide for version 2" in reader.read("packaging-1==2", None).warning


@pytest.mark.parametrize("asked", ["==1", "packagin", "packagin==1"])
def test_an_unknown_name_is_refused_with_the_names_there_are(
    reader: GuideReader, asked: str
) -> None:
    with pytest.raises(UnknownName, match="list_guides shows all guides"):
        reader.find(asked)

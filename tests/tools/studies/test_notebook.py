"""The notebook of a study: it only grows, says what was done to it, and loses nothing."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fumehood_tools.errors import AlreadyExists, BadRequest, UnknownName
from fumehood_tools.receipts.audit import audit
from fumehood_tools.studies.entries import Note, Reflection, StudyOpened
from fumehood_tools.studies.notebook import StudyShelf, append, create_study, study_names
from fumehood_tools.studies.view import page_of, write_notebook

WHEN = "2026-11-30T00:00:00+00:00"


def note(text: str) -> Note:
    """Return an idea."""
    return Note(kind="idea", text=text, written=WHEN)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with the study `threshold` of one entry."""
    create_study(tmp_path, "threshold", StudyOpened(question="Does it help?", written=WHEN))
    return tmp_path


def entry_file(workspace: Path, number: int) -> Path:
    """Return the record of an entry."""
    folder = next((workspace / "studies/threshold/entries").glob(f"{number:04d}-*"))
    return next(folder.glob("*.json"))


def test_entries_are_read_in_the_order_in_which_they_were_written(workspace: Path) -> None:
    for text in ("one", "two"):
        append(workspace, "threshold", note(text))
    study = StudyShelf(workspace).read("threshold")
    assert [entry.number for entry in study.entries] == [1, 2, 3]
    assert [content.text for _, content in study.only(Note)] == ["one", "two"]
    assert not study.problems
    assert study_names(workspace) == ["threshold"]


@pytest.mark.child
def test_a_program_that_imports_nothing_but_the_notebook_reads_all_entries(workspace: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from fumehood_tools.studies.notebook import StudyShelf\n"
        "study = StudyShelf(pathlib.Path(sys.argv[1])).read('threshold')\n"
        "print(len(study.entries), *study.problems)\n"
    )
    command = [sys.executable, "-c", program, str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "1", done.stderr


def test_a_name_is_used_once_even_after_its_folder_is_gone(workspace: Path) -> None:
    opened = StudyOpened(question="Again?", written=WHEN)
    with pytest.raises(AlreadyExists):
        create_study(workspace, "threshold", opened)
    shutil.rmtree(workspace / "studies")
    with pytest.raises(AlreadyExists):
        create_study(workspace, "threshold", opened)


@pytest.mark.parametrize("name", ["", "Up", "a/b", "..", "a" * 65])
def test_a_name_that_cannot_be_a_folder_is_refused(workspace: Path, name: str) -> None:
    with pytest.raises(BadRequest):
        create_study(workspace, name, StudyOpened(question="?", written=WHEN))
    with pytest.raises(UnknownName):
        StudyShelf(workspace).read(name)


def test_two_servers_that_write_at_once_lose_no_entry(workspace: Path) -> None:
    def write(words: str) -> None:
        for number in range(5):
            append(workspace, "threshold", note(f"{words} {number}"))

    servers = [threading.Thread(target=write, args=[words]) for words in ("one", "two")]
    for server in servers:
        server.start()
    for server in servers:
        server.join(60)
    study = StudyShelf(workspace).read("threshold")
    written = {content.text for _, content in study.only(Note)}
    assert written == {f"{words} {number}" for words in ("one", "two") for number in range(5)}
    assert [entry.number for entry in study.entries] == list(range(1, 12))
    assert not study.problems


def test_an_edited_entry_is_named_and_does_not_count(workspace: Path) -> None:
    shelf = StudyShelf(workspace)
    append(workspace, "threshold", note("it failed"))
    assert shelf.read("threshold").only(Note)
    record = entry_file(workspace, 2)
    record.write_text(record.read_text("utf-8").replace("it failed", "it worked"), "utf-8")
    study = shelf.read("threshold")
    assert not study.only(Note)
    assert "0002-note" in study.problems[0]
    assert "0002-note" in page_of(study).text()


def test_a_removed_entry_is_named_and_its_number_is_not_used_again(workspace: Path) -> None:
    append(workspace, "threshold", note("it failed"))
    shutil.rmtree(entry_file(workspace, 2).parent)
    assert append(workspace, "threshold", note("next")).number == 3
    assert "gone" in StudyShelf(workspace).read("threshold").problems[0]


def test_a_folder_that_nobody_signed_does_not_end_the_study(workspace: Path) -> None:
    for number in (9999, 3):
        folder = workspace / f"studies/threshold/entries/{number:04d}-note"
        folder.mkdir()
        (folder / "note.json").write_text("{}", encoding="utf-8")
    numbers = [append(workspace, "threshold", note(text)).number for text in ("one", "two")]
    assert numbers == [2, 4]
    assert "9999-note" in page_of(StudyShelf(workspace).read("threshold")).text()


def test_a_file_beside_an_entry_that_was_edited_to_the_same_length_is_named(
    workspace: Path,
) -> None:
    append(workspace, "threshold", note("with a file"), {"prereg.md": b"five seeds"})
    shelf = StudyShelf(workspace)
    assert not shelf.read("threshold").problems
    (entry_file(workspace, 2).parent / "prereg.md").write_bytes(b"nine seeds")
    assert "prereg.md was edited" in shelf.read("threshold").problems[0]


def test_an_entry_cannot_be_copied_into_another_study(workspace: Path) -> None:
    append(workspace, "threshold", note("good"))
    create_study(workspace, "other", StudyOpened(question="?", written=WHEN))
    shutil.copytree(entry_file(workspace, 2).parent, workspace / "studies/other/entries/0002-note")
    study = StudyShelf(workspace).read("other")
    assert not study.only(Note)
    assert study.problems


def test_verify_counts_the_entries_and_finds_a_removed_one(workspace: Path) -> None:
    append(workspace, "threshold", note("idea"))
    report, _ = audit(workspace)
    assert report.is_sound
    assert report.others == {"note": 1, "study": 1}
    shutil.rmtree(entry_file(workspace, 2).parent)
    assert not audit(workspace)[0].is_sound


def test_a_long_study_is_read_in_pages_of_limited_size(workspace: Path) -> None:
    for number in range(60):
        append(workspace, "threshold", note(f"idea {number} " + "x" * 1_000))
    study = StudyShelf(workspace).read("threshold")
    assert len(page_of(study).text()) <= 20_000
    seen, cursor = [], None
    while True:
        page = page_of(study, "full", cursor=cursor)
        assert len(page.text()) <= 20_000
        seen += [row.entry for row in page.entries]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == list(range(1, 62))


def test_a_search_finds_the_entries_that_have_all_of_its_words(workspace: Path) -> None:
    append(workspace, "threshold", note("entropy penalty collapsed"))
    append(workspace, "threshold", note("entropy bonus"))
    found = page_of(StudyShelf(workspace).read("threshold"), search="ENTROPY penalty")
    assert [row.entry for row in found.entries] == [2]
    assert found.entries[0].kind == "idea"


def test_people_find_the_whole_notebook_as_markdown(workspace: Path) -> None:
    reflection = Reflection(insight="It is noise.", next_step="Stop.", evidence=[], written=WHEN)
    append(workspace, "threshold", reflection)
    study = StudyShelf(workspace).read("threshold")
    write_notebook(study)
    text = (study.folder / "notebook.md").read_text("utf-8")
    assert "Does it help?" in text
    assert "It is noise." in text

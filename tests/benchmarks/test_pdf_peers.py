"""The readers of others in the paper benchmark: what their answers become, and what is skipped."""

import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.pdf_scripts import FOLDER, load

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.document import Document

peers, pandoc, scorer = load("peers", "pandoc", "score")


def words(text: str) -> list[dict[str, Any]]:
    """Inline elements of pandoc's tree."""
    spaced = [part for word in text.split() for part in ({"t": "Str", "c": word}, {"t": "Space"})]
    return spaced[:-1]


def para(text: str) -> dict[str, Any]:
    return {"t": "Para", "c": words(text)}


def row(*cells: str) -> list[Any]:
    empty = ["", [], []]
    return [empty, [[empty, {"t": "AlignDefault"}, 1, 1, [para(text)]] for text in cells]]


def tree(*blocks: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {"meta": meta, "blocks": list(blocks)}


def test_what_pandoc_reads_becomes_headings_rows_links_and_notes() -> None:
    note = {"t": "Note", "c": [para("A note below.")]}
    link = {"t": "Link", "c": [["", [], []], words("our code"), ["https://example.org/c", ""]]}
    table = [["", [], []], [None, [para("Errors.")]], [], [0, [row("Model", "Error")]]]
    table += [[[["", [], []], 0, [], [row("Wren", "0.12")]]], [0, []]]
    heading = {"t": "Header", "c": [2, ["", [], []], words("Small sets")]}
    text = {"t": "Para", "c": [*words("See"), {"t": "Space"}, link, note]}
    wrapped = {"t": "Div", "c": [["tab", [], []], [{"t": "Table", "c": table}]]}
    read = pandoc.document_of(
        tree(heading, text, wrapped, title={"t": "MetaInlines", "c": words("A Paper")})
    )
    assert read.title == "A Paper" and [link.url for link in read.links] == [
        "https://example.org/c"
    ]
    assert [(b.kind, b.text, b.level, b.rows) for b in read.blocks] == [
        ("heading", "Small sets", 2, []),
        ("paragraph", "See our code", None, []),
        ("footnote", "A note below.", None, []),
        ("table", "Errors.", None, [["Model", "Error"], ["Wren", "0.12"]]),
    ]


@pytest.mark.parametrize("names", [["refs", []], ["", ["thebibliography"]]], ids=["bib", "list"])
def test_either_bibliography_of_pandoc_becomes_dated_entries_and_no_prose(names: list[Any]) -> None:
    entries = [para("Ada Penn. Small sets. 2021."), para("Bo Fir. From 1999 to 2020. 2022.")]
    read = pandoc.document_of(tree({"t": "Div", "c": [[*names, []], entries]}))
    assert read.blocks == []
    assert [(r.text[:8], r.year) for r in read.references] == [
        ("Ada Penn", 2021),
        ("Bo Fir. ", None),
    ]


def test_tables_and_links_beside_plain_text_count_like_those_in_it() -> None:
    truth = scorer.Truth(
        title="T",
        authors=[],
        headings=[],
        sentences=[],
        tables=[[scorer.Row(cells=["Wren", "0.12"]), scorer.Row(cells=["Finch", "3.45"])]],
        references=[],
        links=[scorer.Address(url="https://example.org/a", kind="annotation")],
        captions=[],
        equations=[],
        absent=[],
        pages=1,
    )
    alone = scorer.score_text("Finch 3.45\n", truth).shares
    assert alone["rows"] == (1, 2) and alone["links"] == (0, 1)
    beside = scorer.score_text(
        "Finch 3.45\n", truth, [["Wren", "", "0.12"]], ["https://example.org/a"]
    ).shares
    assert beside["rows"] == (2, 2) and beside["links"] == beside["links="] == (1, 1)


@pytest.mark.parametrize(
    "lock", sorted((FOLDER / "peer_readers").glob("*.lock")), ids=lambda p: p.stem
)
def test_every_package_of_a_peer_is_pinned(lock: Path) -> None:
    lines = [it for it in lock.read_text(encoding="utf-8").splitlines() if not it.startswith("#")]
    assert lines and all(len(line.split("==")) == 2 for line in lines)


@pytest.mark.child
def test_a_peer_that_cannot_be_installed_is_skipped_with_the_reason_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(peers.NotHere, match=r"^pandoc could not be installed \(No matching.*lock"):
        peers.environment("pandoc", tmp_path)
    assert list(tmp_path.iterdir()) == []


SCRIPT = """
import json, sys
for line in sys.stdin:
    name = json.loads(line)
    if name == "end":
        sys.exit(1)
    answers = {"text": {"text": "words", "rows": [["a", "b"]]}, "bad": {"error": "no pages"}}
    print(json.dumps(answers.get(name, {"source": "latex", "title": name})), flush=True)
"""


@pytest.mark.child
def test_a_peer_answers_text_or_a_document_and_its_failure_is_that_of_one_paper(
    tmp_path: Path,
) -> None:
    script = tmp_path / "reader.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with peers.Peer(Path(sys.executable), script) as peer:
        assert peer.read(Path("text")) == peers.Extract(text="words", rows=[["a", "b"]])
        with pytest.raises(Unreadable, match="no pages"):
            peer.read(Path("bad"))
        assert peer.read(Path("A title")) == Document(source="latex", title="A title")
        with pytest.raises(Unreadable, match="ended"):
            peer.read(Path("end"))
        # The next paper is read by a new child.
        assert peer.read(Path("text")) == peers.Extract(text="words", rows=[["a", "b"]])

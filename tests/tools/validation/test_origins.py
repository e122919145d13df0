"""What a repository's address, its commits and the metadata of a package say about a paper."""

from pathlib import Path

import pytest
from fakes.dripgate import ADDRESS, REPOSITORY, Repository
from fakes.git_server import make_repository

from fumehood_tools.reading.document import Document
from fumehood_tools.repositories import Origin, facts_of, open_checkout
from fumehood_tools.settings import load_settings
from fumehood_tools.validation.models import Validation
from fumehood_tools.validation.validate import validate

MOVED = "https://github.com/ekstrand-lab/leaky"
NAMELESS = {it: text for it, text in REPOSITORY.items() if it != "LICENSE"}
METADATA = """Metadata-Version: 2.1
Name: Median-Box
Version: 0.1
Author: Cleo Tools
Project-URL: Repository, https://github.com/tools/median_box
License: MIT
Requires-Dist: numpy==2.1
Requires-Dist: torch>=2
Requires-Dist: pytest; extra == "dev"

# Median box

Reservoirs for medians. We thank https://github.com/adalgren/dripgate, written by Anna Dalgren.
"""
PACKAGE = {
    "median_box-0.1.dist-info/METADATA": METADATA,
    "median_box/box.py": "\n".join(f"x_{i} = {i}" for i in range(40)),
}


def saying(paper: Document, text: str) -> Document:
    """Return the paper with another sentence at its end."""
    block = paper.blocks[-1]
    more = block.model_copy(update={"text": f"{block.text} {text}"})
    return paper.model_copy(update={"blocks": [*paper.blocks[:-1], more]})


def of_package(paper: Document, repository: Repository, **more: str) -> Validation:
    checkout = repository({**PACKAGE, **more}, "pkg:Median-Box==0.1")
    return validate("x", paper, checkout._replace(origin=Origin("package"))).validation


def test_a_repository_whose_host_sends_us_on_from_the_cited_address_is_the_cited_one(
    paper: Document, repository: Repository
) -> None:
    checkout = repository(address=MOVED)
    stranger = validate("x", paper, checkout).validation
    assert stranger.standing == "secondary" and "cited" not in stranger.parts
    moved = checkout._replace(origin=Origin("git", moved_from=ADDRESS))
    found = validate("x", paper, moved).validation
    assert (found.standing, found.nature) == ("primary", [])
    [cited] = [it for it in found.evidence if it.kind == "cited"]
    assert "github.com/adalgren/dripgate" in cited.says and "ekstrand-lab/leaky" in cited.says


def test_the_author_of_a_cached_clones_commit_is_one_who_wrote_it(
    paper: Document, repository: Repository
) -> None:
    checkout = repository(NAMELESS, MOVED)._replace(commit="1" * 40)
    date = "2027-01-02T03:04:05+00:00"
    for author, there in (("Anna Dalgren", True), ("Somebody Else", False)):
        origin = Origin("git", "2" * 40, date, author)
        found = validate("x", paper, checkout._replace(origin=origin)).validation
        assert ("authors" in found.parts) is there
    assert found.committed == date and found.commit == "1" * 40
    assert found.swhid == f"swh:1:rev:{'1' * 40}" and found.swhid_folder == f"swh:1:dir:{'2' * 40}"
    assert "Last commit 2027-01-02" in [it.says for it in found.evidence]


@pytest.mark.child
def test_everyone_who_committed_to_a_folder_with_history_wrote_it(
    paper: Document, tmp_path: Path
) -> None:
    commit = make_repository(tmp_path / "code", {**NAMELESS})
    checkout = open_checkout("code", settings=load_settings(tmp_path, {}))
    by = paper.model_copy(update={"authors": ["Ada Example", "Bo Ekstrand"]})
    found = validate("x", by, checkout).validation
    assert found.parts.keys() >= {"authors", "names_paper"} and found.commit == commit
    assert found.licence == facts_of(checkout).licence == ""


def test_a_package_that_the_paper_uses_is_mentioned_however_its_name_is_spelled(
    paper: Document, repository: Repository
) -> None:
    for text in (
        "We use the reservoirs of https://github.com/tools/median_box for medians.",
        "It is implemented within the median_box package.",
        "It is implemented within median.box for medians.",
    ):
        found = of_package(saying(paper, text), repository)
        assert (found.standing, found.nature) == ("mentioned", ["library"]), text
        [used] = [it for it in found.evidence if it.kind == "library"]
        assert used.quote in text and found.missing == []
    assert of_package(paper, repository).standing == "unknown"
    common = saying(paper, "A median box plot has a median and a box.")
    assert of_package(common, repository).standing == "unknown"


def test_a_package_with_the_name_of_something_else_is_not_what_the_paper_uses(
    paper: Document, repository: Repository
) -> None:
    files = {it.replace("median_box", "gazetteer"): text for it, text in PACKAGE.items()}
    checkout = repository(files, "pkg:gazetteer==1")._replace(origin=Origin("package"))
    for text, standing in (
        ("We search Gazetteer's structured interface for places.", "unknown"),
        ("We search Gazetteer for places. We use the Gazetteer library.", "mentioned"),
    ):
        found = validate("x", saying(paper, text), checkout).validation
        assert found.standing == standing, found.evidence


def test_the_header_of_a_packages_metadata_is_read_and_the_rest_is_its_readme(
    paper: Document, repository: Repository
) -> None:
    found = of_package(paper, repository)
    told = {it.kind: (it.says, it.file) for it in found.evidence if it.part == "quality"}
    metadata = "median_box-0.1.dist-info/METADATA"
    assert found.licence == "MIT" and told["licence"] == ("Licence: MIT", metadata)
    assert told["installable"] == ("Can be installed as a package", metadata)
    assert told["pinned"][0].startswith("1 of 2 dependencies")
    assert not found.parts.keys() & {"authors", "cited_by_metadata"}
    about = METADATA.replace("Reservoirs for", f"Code of the paper *{paper.title}*: reservoirs for")
    files = {"median_box-0.1.dist-info/METADATA": about}
    [named] = [
        it for it in of_package(paper, repository, **files).evidence if it.kind == "names_paper"
    ]
    assert (named.file, named.line) == (metadata, 13)


def test_a_package_whose_metadata_give_the_address_of_the_papers_code_is_the_papers(
    paper: Document, repository: Repository
) -> None:
    mine = METADATA.replace("tools/median_box", "adalgren/dripgate").replace("Cleo", "Anna Dalgren")
    files = {**NAMELESS, "dripgate-1.dist-info/METADATA": mine}
    checkout = repository(files, "pkg:dripgate==1")._replace(origin=Origin("package"))
    found = validate("x", paper, checkout).validation
    assert found.standing == "primary" and "cited_by_metadata" in found.parts, found.why

"""A report shows what its receipts say, all of it, and does not render when one has changed."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.receipts.audit import audit
from fumehood_tools.studies.entries import ReportWritten
from fumehood_tools.studies.notebook import append
from fumehood_tools.studies.references.seeds import Unsound
from fumehood_tools.studies.report.checking import audit_reports
from fumehood_tools.studies.report.facts import Facts
from fumehood_tools.studies.report.figures import Figure
from fumehood_tools.studies.report.writing import HTML, MARKDOWN, Prose, Rendered, render
from fumehood_tools.studies.report.writing import write_report as write

PROSE = Prose(
    plan="The idea is in entry 2; {{plan:3#seeds}} were planned.",
    code="The variant differs from topk in its threshold only.",
    walk_through="Train, score, judge.\n\n```python\nassert True\n```",
    results=(
        "It gains {{conclusion:5/sharper#effect}}, from {{mean:box/topk#explained_variance}} to\n"
        "{{mean:box/sharper#explained_variance}}. Verdict: {{conclusion:5/sharper#verdict}}.\n\n"
        "Another analysis gives {{conclusion:6/sharper#effect}}."
    ),
    limitations="One layer of one subject only.",
)


def nothing_drawn(_: Facts) -> tuple[list[Figure], list[str]]:
    return [], []


def no_paper(name: str) -> Any:
    raise UnknownName("paper", name, [], "Search for it.")


def rendered(lab: Any, **parts: str) -> Rendered:
    prose = PROSE.model_copy(update=parts)
    return render(lab.resolver(), "A sharper threshold", prose, nothing_drawn, no_paper)


def stored(lab: Any) -> Any:
    """Store a report; return its entry."""
    done = rendered(lab)
    return append(lab.workspace, "threshold", done.content, done.files)


def test_it_has_every_part_and_every_try(lab: Any) -> None:
    text = rendered(lab).files[MARKDOWN].decode()
    heads = re.findall(r"^## (.+)$", text, re.M)
    assert heads == [
        *("Plan", "Code", "Walk-through", "Results", "Limitations"),
        *("All tries", "Commands to reproduce", "Papers", "Ledger"),
    ]
    assert "0.7310 (mean of 3 seeds)[^4]" in text
    assert "`mean:box/sharper#explained_variance`. Receipts: sandboxes/box/results/sharper/" in text
    assert "6 scored, 1 failed, 0 withdrawn" in text
    assert "The loss was not finite" in text and "A blunter one collapsed" in text
    assert '-"""A' in text or "+PARENT" in text  # the difference from the parent
    assert "fumehood call run_variants" in text
    assert "arxiv:2407.14435" in text.partition("## Papers")[2]


def test_a_list_may_count_from_one(lab: Any) -> None:
    steps = "Steps:\n\n1. train\n2. score\n   1. on text\n   2. on code\n\n3. judge\n\n1. again"
    assert "2. score" in rendered(lab, walk_through=steps).files[MARKDOWN].decode()


def test_an_exploratory_claim_is_marked_wherever_it_appears(lab: Any) -> None:
    done = rendered(lab)
    for file in (MARKDOWN, HTML):
        text = done.files[file].decode()
        for line in text.splitlines():
            if "+0.0500" in line or "no plan foresaw it" in line:
                assert "EXPLORATORY" in line
    claims = done.files[MARKDOWN].decode().partition("### Claims")[2]
    assert claims.count("**EXPLORATORY** supported") == 1
    assert done.exploratory == ["conclusion:6/sharper#effect"]


def test_the_page_loads_nothing_and_runs_nothing(lab: Any) -> None:
    text = "See <https://example.org> and a < b & c."
    page = rendered(lab, walk_through=text).files[HTML].decode()
    assert "a &lt; b" in page
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|<iframe|src=\"(?!data:)|url\(", page)


@pytest.mark.parametrize(
    ("part", "text", "fault"),
    [
        ("results", "It gains\n0.03.", "results, line 2, column 1: '0.03' is a typed number"),
        ("results", "A gain of ten percent.", "'ten percent' is a typed number"),
        ("results", "A significant gain.", "a word that only a verdict may say"),
        ("results", "{{mean:box/sharpr#l0}}", "column 1: No label 'sharpr'. Did you mean"),
        ("limitations", "```\nno end", "a block at its end is not closed"),
        ("limitations", "<!-- hidden", "it has raw HTML"),
        ("code", "## Results\n\nAll good.", "a heading within a part starts with ###"),
        ("code", "![x](figure.png)", "it has an image"),
        ("plan", "  ", "plan: it is empty"),
        ("results", "It is sup**por**ted.", "'supported' is a word that only a verdict may say"),
        ("results", "It is sup\u200bported.", "'U+200B' is an invisible character"),
        ("results", "It is \uff53upported.", "when the part is rendered"),
        ("results", "Gains twe*nty* percent.", "'twenty percent' is a typed number"),
        ("results", "The gain in percent is\n73. That is a lot.", "'73' is a typed number"),
        ("results", "In percent:\n\n73. It is a lot.", "'73' is a typed number"),
        ("results", "1. so\n\nThe gain is\n2. That is it.", "line 4, column 1: '2' is a typed"),
        ("results", "It is twice as good.", "'twice' is a typed number"),
        ("results", "A ten*fold* gain.", "'tenfold' is a typed number"),
        ("results", "LXXIII percent are explained.", "'LXXIII' is a typed number"),
        ("results", "S\u0435ven of them.", "letters from two alphabets that look alike"),
    ],
)
def test_a_fault_of_the_prose_is_named_with_its_place(
    seen: Any, part: str, text: str, fault: str
) -> None:
    with pytest.raises(BadRequest, match="The report was not written") as refused:
        rendered(seen, **{part: text})
    assert fault in str(refused.value)


def test_a_title_has_no_typed_number(lab: Any) -> None:
    with pytest.raises(BadRequest, match="title, line 1, column 1: '12%'"):
        render(lab.resolver(), "12% better", PROSE, nothing_drawn, no_paper)


def test_it_does_not_render_when_any_receipt_of_its_sandboxes_was_changed(lab: Any) -> None:
    failed = lab.scores_of("gated")[0]
    lab.edit(failed, lambda record: record.update(message="Nothing."))
    with pytest.raises(Unsound, match="gated"):
        rendered(lab)
    shutil.rmtree(lab.workspace / failed)
    with pytest.raises(Unsound, match="gone"):
        rendered(lab)


def test_a_claim_whose_score_was_replaced_is_marked_and_cannot_be_cited(lab: Any) -> None:
    lab.score("sharper", 0, 0.9)
    with pytest.raises(Unsound, match="replaced after"):
        rendered(lab)
    text = rendered(lab, results="See {{mean:box/topk#l0}}.").files[MARKDOWN].decode()
    assert "evidence replaced or withdrawn since" in text


def test_numbers_of_a_sandbox_that_no_plan_names_are_marked(lab: Any) -> None:
    shutil.copytree(lab.sandbox().folder, lab.workspace / "sandboxes" / "other")
    with pytest.raises(Unsound, match="a copy of the receipt of sandboxes/box"):
        rendered(lab, results="{{mean:other/topk#l0}}")
    shutil.rmtree(lab.workspace / "sandboxes" / "other")
    lab.new_sandbox("other")
    lab.score("topk", 5, 0.7, sandbox="other")
    text = rendered(lab, results="{{mean:other/topk#l0}}").files[MARKDOWN].decode()
    assert "Numbers of sandbox other are cited, which no plan of this study names" in text


def test_a_withdrawn_entry_is_listed_and_the_others_are_reported(lab: Any) -> None:
    place = lab.resolver().study.entries[5].place
    lab.withdraw(place)
    text = rendered(lab, results="{{study#entries}}").files[MARKDOWN].decode()
    assert "7[^" in text.partition("## Results")[2]
    assert f"- `{place}`" in text.partition("Withdrawn:")[2]
    assert "+0.0500" not in text


def findings(lab: Any) -> list[tuple[str, str]]:
    """Return (level, message) of what an audit says about reports."""
    report, sound = audit(lab.workspace)
    return [(one.level, one.message) for one in audit_reports(report, sound)]


def test_an_audit_computes_the_numbers_of_a_report_again(lab: Any) -> None:
    stored(lab)
    assert not findings(lab)
    done = rendered(lab).content
    shown = {**done.references, "plan:3#seeds": "9 seeds"}
    wrong: ReportWritten = done.model_copy(update={"references": shown})
    append(lab.workspace, "threshold", wrong)
    [(level, message)] = findings(lab)
    assert level == "wrong"
    assert message == "plan:3#seeds shows '9 seeds', but its receipts say '3 seeds'"


def test_an_audit_names_the_receipts_of_a_report_that_were_replaced_since(lab: Any) -> None:
    stored(lab)
    lab.score("topk", 0, 0.5)
    [(level, message)] = findings(lab)
    assert level == "note" and "replaced since" in message
    lab.withdraw(lab.scores_of("topk")[1])
    assert any("withdrawn since" in message for _, message in findings(lab))


def test_an_edited_report_is_named(lab: Any) -> None:
    place = stored(lab).place
    file: Path = lab.workspace / place / MARKDOWN
    file.write_text(file.read_text("utf-8").replace("0.7310", "0.8310"), "utf-8")
    report, _ = audit(lab.workspace)
    [wrong] = [one for one in report.findings if one.level == "wrong"]
    assert wrong.place == place and "report.md was edited" in wrong.message


@pytest.mark.child
def test_its_figures_are_drawn_from_the_same_scores_and_lie_in_the_page(lab: Any) -> None:
    lab.read_paper()
    shelf = Shelf(lab.settings.state)
    find = lambda name: lab.library().find(name)  # noqa: E731
    done = write(lab.resolver(), "A sharper threshold", PROSE, shelf, find)
    folder = (lab.workspace / done.html).parent
    names = {path.name for path in folder.iterdir()}
    assert {"figure-1.svg", "figure-1.csv", "figure-1.vl.json"} <= names
    page = (folder / HTML).read_text("utf-8")
    assert 'src="data:image/svg+xml;base64,' in page
    assert "@misc" in (folder / MARKDOWN).read_text("utf-8")

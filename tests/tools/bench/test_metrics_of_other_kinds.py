"""Metrics from other kinds of records appear everywhere that metrics of scores do."""

import csv
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.bench.plot import plot_benchmarks
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.compare import Comparison, compare_variants
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.page import page_content
from fumehood_tools.receipts import Draft, RecordWriter, Subject, mac_of, place_of, state_of
from fumehood_tools.receipts.audit import withdraw
from fumehood_tools.registry import kinds
from fumehood_tools.registry.kinds import RecordKind, register_kind
from fumehood_tools.registry.metrics import Axis, Metric

ABSORBED = Metric(
    "absorbed",
    "absorbed",
    digits=3,
    name="absorbed features",
    legend="share of first letters that another latent took over",
    better="lower",
    group="absorption",
    smallest=2e-3,
    over_control=0.01,
    margin=0.02,
)
SPLITS = Metric("splits", "splits", digits=1, axis=Axis("latents per feature", scale="log"))
KIND = RecordKind("absorption", "sandboxes/*/absorption/*", (ABSORBED, SPLITS))


@pytest.fixture
def registered(own_kinds: None) -> None:
    register_kind(KIND)


@pytest.fixture
def scored(records: Any) -> Any:
    for name in ("topk", "untrained"):
        records.variant(name, packaged=True)
    records.variant("mine")
    records.variant("same")
    for seed in range(3):
        for k in (16, 32, 64):
            explained = {"l0": float(k), "explained_variance": 0.6 + 0.002 * k + 0.001 * seed}
            records.score("topk", seed, parameters={"K": k} if k != 32 else {}, metrics=explained)
        records.score("mine", seed, metrics={"l0": 40.0, "explained_variance": 0.68})
        records.score("same", seed, metrics={"l0": 30.0, "explained_variance": 0.66})
    records.score("untrained", metrics={"explained_variance": 0.05, "probing_top5": 0.7})
    return records


MEASURED = {
    "topk": {"absorbed": 0.3, "splits": 20.0},
    "mine": {"absorbed": 0.1, "splits": 2.0},
    "same": {"absorbed": 0.299, "splits": 0.0},
    "untrained": {"absorbed": 0.302},
}


def evaluate(records: Any, folder: Path, metrics: dict[str, float], **draft: Any) -> str:
    """Write the record of another evaluation of a stored score; return its place."""
    workspace = records.folder.parents[1]
    score = json.loads((folder / "score.json").read_text(encoding="utf-8"))
    subject = Subject(place_of(folder, workspace), mac_of(score))
    place = f"sandboxes/box/absorption/{folder.parent.name}-{folder.name}"
    content = {"metrics": metrics}
    whole = {"kind": "absorption", "place": place, "content": content, "subject": subject, **draft}
    RecordWriter(workspace, "sandboxes/box").write(Draft(**whole))
    return str(whole["place"])


def shelf_of(records: Any) -> Shelf:
    """Evaluate every stored SAE, and return a reader of all records."""
    for path in records.folder.glob("results/*/seed*/score.json"):
        score = json.loads(path.read_text(encoding="utf-8"))
        values = MEASURED.get(score["variant"], {})
        measured = {key: value * (1 + 0.01 * score["seed"]) for key, value in values.items()}
        evaluate(records, path.parent, measured)
    return Shelf(state_of(records.folder))


def table_of(records: Any, **options: Any) -> BenchmarkTable:
    packaged, shelf = records.packaged, shelf_of(records)
    return read_benchmarks(records.folder, packaged=packaged, shelf=shelf, **options)


def compared(records: Any, metric: str) -> Comparison:
    packaged, shelf = records.packaged, shelf_of(records)
    return compare_variants(records.folder, packaged=packaged, shelf=shelf, metric=metric)


@pytest.mark.usefixtures("registered")
def test_the_table_has_columns_for_them_and_is_sorted_by_them(scored: Any) -> None:
    table = table_of(scored, sort="absorbed")
    lines = table.text().splitlines()
    [head] = [line for line in lines if line.startswith("variant ")]
    assert head.split()[-4:] == ["absorbed", "splits", "train", "s"]
    assert table.rows[0].variant == "mine" and table.rows[-1].variant == "untrained"
    [line] = [line for line in lines if line.startswith("mine ")]
    assert "0.101 ±0.001" in line and "2.0 ±0.0" in line
    assert "absorbed: share of first letters that another latent took over." in table.text()
    assert "Absorbed features of same, topk(K=16), topk, topk(K=64)" in " ".join(table.warnings)
    assert "less than 0.01 below the untrained" in " ".join(table.warnings)


@pytest.mark.usefixtures("registered")
def test_the_lines_per_seed_have_a_group_of_their_own(scored: Any) -> None:
    text = table_of(scored, variants=["mine"]).text()
    assert "  absorption: absorbed 0.102\n" in text and "  more: splits 2.04\n" in text


@pytest.mark.usefixtures("registered")
def test_the_plot_has_a_panel_for_each_and_draws_what_is_chosen(scored: Any, fonts: Path) -> None:
    options: dict[str, Any] = {"packaged": scored.packaged, "font_cache": fonts}
    plot = plot_benchmarks(scored.folder, shelf=shelf_of(scored), **options)
    words = plot.svg.read_text(encoding="utf-8")
    assert plot.panels == 4 and "<!-- latents per feature -->" in words
    assert "L0 against absorbed features, L0 against splits" in plot.text
    chosen = plot_benchmarks(scored.folder, shelf=shelf_of(scored), metrics=["absorbed"], **options)
    assert chosen.panels == 1 and "Lowest absorbed features: mine 0.101 at L0 40.0" in chosen.text
    with chosen.csv.open(encoding="utf-8") as file:
        rows = {row["label"]: row for row in csv.DictReader(file)}
    assert float(rows["mine"]["absorbed_mean"]) == pytest.approx(0.101)
    assert "explained_variance_mean" not in rows["mine"]


@pytest.mark.usefixtures("registered")
def test_the_page_gets_columns_panels_and_facts(scored: Any) -> None:
    content = page_content(scored.folder, packaged=scored.packaged, shelf=shelf_of(scored))
    columns = {column["key"]: column for column in content["columns"]}
    assert columns["absorbed"] == {
        "key": "absorbed",
        "title": "absorbed",
        "about": "",
        "digits": 3,
        "down": False,
    }
    panels = {panel["key"]: panel for panel in content["panels"]}
    assert list(panels) == ["explained_variance", "probing_top5", "absorbed", "splits"]
    assert (panels["absorbed"]["better"], panels["splits"]["scale"]) == ("lower", "log")
    rows = {row["label"]: row["metrics"] for row in content["rows"]}
    assert rows["mine"]["absorbed"]["mean"] == pytest.approx(0.101)
    facts = {tuple(fact) for sae in content["saes"] for fact in sae["facts"]}
    assert ("absorbed features", "0.1000") in facts
    assert "another latent took over" in content["legend"]
    json.dumps(content, allow_nan=False)


@pytest.mark.usefixtures("registered")
def test_variants_are_compared_by_them_and_less_may_be_better(scored: Any) -> None:
    found = compared(scored, "absorbed")
    rows = {row.variant: row for row in found.rows}
    assert rows["mine"].verdict == "better" and rows["same"].verdict == "equal"
    assert rows["mine"].front is True and found.margin == 0.02
    assert rows["mine"].effect and rows["mine"].effect.mean == pytest.approx(-0.202)
    assert "-0.202 [" in found.text() and "the mean difference is below 0" in found.text()
    assert found.pareto == ["topk(K=16)", "same", "mine"]
    beside = compared(scored, "explained_variance")
    assert {row.variant: row.other["absorbed"].mean < 0 for row in beside.rows}["mine"]
    with pytest.raises(UnknownName, match="metric 'splits'"):
        compared(scored, "splits")


@pytest.mark.usefixtures("registered")
def test_what_nobody_measured_adds_no_column_and_no_panel(scored: Any, fonts: Path) -> None:
    table = read_benchmarks(scored.folder, packaged=scored.packaged)
    assert "absorbed" not in table.text() and "splits" not in table.text()
    plot = plot_benchmarks(scored.folder, packaged=scored.packaged, font_cache=fonts)
    assert plot.panels == 2


@pytest.mark.usefixtures("registered")
def test_two_kinds_cannot_say_different_things_of_one_metric() -> None:
    register_kind(KIND)
    register_kind(RecordKind("again", "again/*", (ABSORBED,)))
    with pytest.raises(BadRequest, match="metric l0 of the kind other differently"):
        register_kind(RecordKind("other", "other/*", (Metric("l0", "L0"),)))
    with pytest.raises(BadRequest, match="cannot be called 'work'"):
        register_kind(RecordKind("other", "other/*", (Metric("work", "work"),)))
    assert "other" not in [kind.name for kind in kinds.kinds()]


def test_a_metric_that_does_not_exist_gets_a_suggestion(scored: Any) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'probing_top5'"):
        read_benchmarks(scored.folder, packaged=scored.packaged, sort="probing_top4")
    with pytest.raises(UnknownName, match="Did you mean 'explained_variance'"):
        compare_variants(scored.folder, packaged=scored.packaged, metric="explained_varianc")


def reasons(records: Any) -> dict[str, int]:
    table = read_benchmarks(records.folder, packaged=records.packaged)
    return {left.reason: left.count for left in table.left_out}


@pytest.mark.usefixtures("registered")
def test_an_evaluation_counts_as_long_as_its_score_stands(scored: Any) -> None:
    [folder] = scored.folder.glob("results/mine/seed0-*")
    evaluate(scored, folder, {"absorbed": 0.1})
    shelf = Shelf(state_of(scored.folder))
    score = shelf.collect(scored.folder / "results").scores[f"mine/{folder.name}"]
    assert score.metrics["absorbed"] == 0.1
    withdraw(state_of(scored.folder), f"box/mine/{folder.name}")
    assert "about a score that is missing or has been replaced; evaluate that SAE again" in (
        reasons(scored)
    )


@pytest.mark.usefixtures("registered")
def test_of_two_evaluations_of_one_score_the_newer_counts(scored: Any) -> None:
    [folder] = scored.folder.glob("results/mine/seed0-*")
    place = "sandboxes/box/absorption/{}"
    for number, value in enumerate((0.3, 0.2, 0.1)):
        evaluate(scored, folder, {"absorbed": value}, place=place.format(f"run{number}"))
    found = Shelf(state_of(scored.folder)).collect(scored.folder / "results")
    assert found.scores[f"mine/{folder.name}"].metrics["absorbed"] == 0.1


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("value", ["0.1", True, math.inf, None])
def test_an_evaluation_that_measured_no_number_is_left_out(scored: Any, value: Any) -> None:
    [folder] = scored.folder.glob("results/mine/seed0-*")
    evaluate(scored, folder, {}, content={"metrics": {"absorbed": value}})
    assert any("not finite numbers" in said for said in reasons(scored)), reasons(scored)
    assert read_benchmarks(scored.folder, packaged=scored.packaged).rows


@pytest.mark.usefixtures("registered")
def test_an_evaluation_cannot_say_what_its_kind_does_not_measure(scored: Any) -> None:
    [folder] = scored.folder.glob("results/mine/seed0-*")
    with pytest.raises(BadRequest, match="has no metric l0"):
        evaluate(scored, folder, {"l0": 1.0})
    for content in ({"metrics": [0.1]}, {}):
        with pytest.raises(BadRequest, match="needs metrics"):
            evaluate(scored, folder, {}, content=content)


def test_an_evaluation_by_another_version_of_its_kind_is_left_out(
    scored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    [folder] = scored.folder.glob("results/mine/seed0-*")
    for metric in (SPLITS, ABSORBED):
        monkeypatch.setattr(kinds, "_KINDS", {"score": kinds.SCORE, "failure": kinds.FAILURE})
        register_kind(KIND._replace(metrics=(metric,)))
        if metric is SPLITS:
            evaluate(scored, folder, {"splits": 2.0})
    assert any("has no metric splits" in said for said in reasons(scored)), reasons(scored)


@pytest.mark.usefixtures("registered")
def test_an_evaluation_that_was_edited_is_left_out_and_one_that_is_gone_is_missed(
    scored: Any,
) -> None:
    [folder] = scored.folder.glob("results/mine/seed0-*")
    place = scored.folder.parents[1] / evaluate(scored, folder, {"absorbed": 0.4})
    text = (place / "absorption.json").read_text(encoding="utf-8")
    (place / "absorption.json").write_text(text.replace("0.4", "0.1"), encoding="utf-8")
    assert "the record was edited after it was signed" in reasons(scored)
    shutil.rmtree(place)
    table = read_benchmarks(scored.folder, packaged=scored.packaged)
    [warning] = [one for one in table.warnings if "sandboxes/box/absorption/" in one]
    assert warning.startswith("Evaluations of this sandbox were deleted or withdrawn: 1")
    assert "tries" not in warning


@pytest.mark.usefixtures("registered")
def test_an_evaluation_that_was_withdrawn_is_no_try_and_one_of_no_score_is_no_concern(
    scored: Any,
) -> None:
    [folder] = scored.folder.glob("results/mine/seed0-*")
    withdraw(state_of(scored.folder), evaluate(scored, folder, {"absorbed": 0.4}))
    evaluate(scored, folder, {"absorbed": 0.4}, place="sandboxes/box/absorption/x", subject=None)
    table = read_benchmarks(scored.folder, packaged=scored.packaged)
    [warning] = [one for one in table.warnings if "withdrawn" in one]
    assert "Evaluations" in warning and "tries" not in warning
    assert not [left for left in table.left_out if "absorption" in left.reason]


def test_a_reader_that_does_not_know_the_kind_misses_nothing(scored: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "_KINDS", {kind.name: kind for kind in kinds.kinds()})
        register_kind(KIND)
        [folder] = scored.folder.glob("results/mine/seed0-*")
        evaluate(scored, folder, {"absorbed": 0.1})
    table = read_benchmarks(scored.folder, packaged=scored.packaged)
    assert not any("absorption" in warning for warning in table.warnings)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("side", ["mine", "topk"])
def test_no_verdict_stands_on_a_choice_of_evaluations(scored: Any, side: str) -> None:
    for seed in (3, 4):
        for name, l0 in (("topk", 32.0), ("mine", 40.0)):
            scored.score(name, seed, metrics={"l0": l0, "explained_variance": 0.68})
    assert {row.variant: row.verdict for row in compared(scored, "absorbed").rows}["mine"] == (
        "better"
    )
    for seed in (3, 4):
        [folder] = scored.folder.glob(f"absorption/{side}-seed{seed}-*")
        shutil.rmtree(folder)
    shelf = Shelf(state_of(scored.folder))
    found = compare_variants(
        scored.folder, packaged=scored.packaged, shelf=shelf, metric="absorbed"
    )
    assert {row.variant: row.verdict for row in found.rows}["mine"] == "undecided"
    assert "has 2 seeds (3, 4) without this metric: evaluate them as well" in found.text()

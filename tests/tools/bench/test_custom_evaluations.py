"""Records of custom evaluations: their metrics appear everywhere, as long as they count."""

import json
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.compare import compare_variants
from fumehood_tools.errors import BadRequest
from fumehood_tools.receipts import Draft, RecordWriter, Subject, mac_of, place_of, state_of
from fumehood_tools.registry.declared import declared_metrics
from fumehood_tools.registry.lookup import metric_named

DECLARED = {
    "clean": {"title": "clean share", "better": "higher", "smallest_effect": 0.02, "digits": 2},
    "size": {"title": "size", "better": "none"},
}


@pytest.fixture
def scored(records: Any) -> Any:
    records.variant("topk", packaged=True)
    records.variant("mine")
    for seed in range(3):
        for k in (16, 32, 64):
            metrics = {"l0": float(k), "explained_variance": 0.6 + 0.002 * k + 0.001 * seed}
            records.score("topk", seed, parameters={"K": k} if k != 32 else {}, metrics=metrics)
        records.score("mine", seed, metrics={"l0": 40.0, "explained_variance": 0.68})
    return records


def evaluate(records: Any, folder: Path, clean: float, **changes: Any) -> None:
    workspace = records.folder.parents[1]
    score = json.loads((folder / "score.json").read_text(encoding="utf-8"))
    content = {
        "evaluation": "tidy",
        "file_sha256": "a" * 64,
        "declared": DECLARED,
        "metrics": {"tidy__clean": clean, "tidy__size": 7.0},
        "chance": {"tidy__clean": 0.125, "tidy__size": 7.0},
        "constant": ["tidy__size"],
        **changes,
    }
    place = f"sandboxes/box/results/{score['variant']}/evaluations/{folder.name}-tidy"
    place += content["file_sha256"][:2]
    subject = Subject(place_of(folder, workspace), mac_of(score))
    draft = Draft("evaluation", place, content, {"tidy.py": b"# tidy"}, subject)
    RecordWriter(workspace, "sandboxes/box").write(draft)


def evaluate_all(records: Any, values: dict[str, float], **changes: Any) -> None:
    for path in sorted(records.folder.glob("results/*/seed*/score.json")):
        score = json.loads(path.read_text(encoding="utf-8"))
        evaluate(records, path.parent, values[score["variant"]] + 0.001 * score["seed"], **changes)


def test_its_metrics_are_columns_with_what_chance_gives_below(scored: Any) -> None:
    evaluate_all(scored, {"topk": 0.5, "mine": 0.8})
    table = read_benchmarks(scored.folder, packaged=scored.packaged, sort="tidy__clean")
    text = table.text()
    assert table.rows[0].variant == "mine" and "clean share" in text
    assert "by the evaluation tidy (of this sandbox); 0.125 on shuffled latents" in text
    assert "size" not in text.replace("tidy__size", "")
    one = read_benchmarks(scored.folder, packaged=scored.packaged, variants=["mine"]).text()
    assert "  evaluations: tidy__clean 0.8, tidy__size 7\n" in one
    metric = metric_named("tidy__clean")
    assert (metric.better, metric.margin, metric.digits) == ("higher", 0.02, 2)


@pytest.mark.child
def test_variants_are_compared_by_it_in_its_own_direction(scored: Any) -> None:
    evaluate_all(scored, {"topk": 0.5, "mine": 0.8})
    shelf = Shelf(state_of(scored.folder))
    found = compare_variants(
        scored.folder, packaged=scored.packaged, metric="tidy__clean", shelf=shelf
    )
    [row] = [row for row in found.rows if row.variant == "mine"]
    assert row.verdict == "better" and row.effect and row.effect.mean == pytest.approx(0.3, 0.05)


def test_a_changed_file_is_another_evaluation_and_values_of_two_are_not_mixed(scored: Any) -> None:
    evaluate_all(scored, {"topk": 0.5, "mine": 0.8})
    [folder] = scored.folder.glob("results/mine/seed0-*")
    evaluate(scored, folder, 0.9, file_sha256="b" * 64)
    found = Shelf(state_of(scored.folder)).collect(scored.folder / "results")
    have = {place: score.metrics.get("tidy__clean") for place, score in found.scores.items()}
    assert [value for value in have.values() if value is not None] == [0.9]
    [left] = [one for one in found.damaged if "earlier version" in one.reason]
    assert left.count == 12


def test_it_is_dropped_when_its_score_is_replaced(scored: Any) -> None:
    evaluate_all(scored, {"topk": 0.5, "mine": 0.8})
    [folder] = scored.folder.glob("results/mine/seed0-*")
    score = json.loads((folder / "score.json").read_text(encoding="utf-8"))
    content = {key: score[key] for key in score if key not in ("receipt", "files")}
    files: dict[str, bytes | Path] = {
        path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"
    }
    workspace = scored.folder.parents[1]
    draft = Draft("score", place_of(folder, workspace), {**content, "finished": "2027"}, files)
    RecordWriter(workspace, "sandboxes/box").write(draft)
    found = Shelf(state_of(scored.folder)).collect(scored.folder / "results")
    assert "tidy__clean" not in found.scores[f"mine/{folder.name}"].metrics
    assert any("evaluate that SAE again" in one.reason for one in found.damaged)


WRONG = {
    "a tidy": {"evaluation": "A tidy"},
    "undeclared": {"metrics": {"tidy__clean": 1.0, "explained_variance": 1.0}},
    "no declaration": {"declared": None},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_record_cannot_have_what_it_does_not_declare(
    scored: Any, changes: dict[str, Any]
) -> None:
    [folder] = scored.folder.glob("results/mine/seed0-*")
    with pytest.raises(BadRequest, match="The metrics of this evaluation are wrong"):
        evaluate(scored, folder, 0.5, **changes)


def test_metrics_are_known_only_where_records_were_read(scored: Any) -> None:
    from contextvars import copy_context

    evaluate_all(scored, {"topk": 0.5, "mine": 0.8})

    def read() -> None:
        Shelf(state_of(scored.folder)).collect(scored.folder / "results")
        assert "tidy__size" in declared_metrics()

    before = dict(declared_metrics())
    copy_context().run(read)
    assert declared_metrics() == before

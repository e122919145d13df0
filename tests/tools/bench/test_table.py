"""The benchmark table, from records on disk to text."""

import math
from typing import Any

import pytest

from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks
from fumehood_tools.errors import BadRequest, UnknownName


def table_of(records: Any, **options: Any) -> BenchmarkTable:
    return read_benchmarks(records.folder, packaged=records.packaged, **options)


def names(table: BenchmarkTable) -> list[str]:
    return [row.variant for row in table.rows]


def test_an_empty_sandbox_says_what_to_call_next(records: Any) -> None:
    table = table_of(records)
    assert table.rows == [] and table.total == 0
    assert "no scores yet" in table.text() and "run_variants" in table.text()


def test_rows_come_best_first_and_the_control_comes_last(five: Any) -> None:
    table = table_of(five)
    assert names(table) == ["two_stage_topk", "gain", "topk", "standard", "untrained"]
    kinds = {row.variant: row.kind for row in table.rows}
    assert kinds["topk"] == "baseline" and kinds["gain"] == "custom"
    assert kinds["untrained"] == "control"
    assert names(table_of(five, sort="l0"))[0] == "topk"
    assert names(table_of(five, sort="variant"))[:2] == ["gain", "standard"]


def test_one_seed_has_no_spread_and_the_table_says_so(five: Any) -> None:
    table = table_of(five)
    assert all(s.sd is None for row in table.rows for s in row.metrics.values())
    assert "1 seed: no error bar" in table.text() and "±" not in table.text()


def test_the_spread_is_the_sample_standard_deviation_over_seeds(five: Any) -> None:
    five.score("topk", 1, metrics={"explained_variance": 0.7365})
    five.score("topk", 2, metrics={"explained_variance": 0.7351})
    table = table_of(five)
    topk = next(row for row in table.rows if row.variant == "topk")
    spread = topk.metrics["explained_variance"]
    mean = (0.7353 + 0.7365 + 0.7351) / 3
    squares = sum((value - mean) ** 2 for value in (0.7353, 0.7365, 0.7351))
    assert topk.seeds == [0, 1, 2] and spread.seeds == 3
    assert spread.mean == pytest.approx(mean)
    assert spread.sd == pytest.approx(math.sqrt(squares / 2))
    assert "0.7356 ±0.0008" in table.text()


def test_a_probing_gain_over_the_control_within_noise_is_called_noise(five: Any) -> None:
    [warning] = [said for said in table_of(five).warnings if "noise" in said]
    assert "two_stage_topk" in warning
    assert "gain," not in warning and "standard" not in warning


def test_a_warning_stays_short_however_many_variants_it_concerns(five: Any) -> None:
    for number in range(30):
        five.variant(f"idea{number}")
        five.score(f"idea{number}", metrics={"probing_top5": 0.73})
    first, warning = table_of(five, limit=3).warnings
    assert "and 21 more is less than" in warning and max(len(first), len(warning)) < 300


def test_a_table_without_the_control_says_so(records: Any) -> None:
    records.variant("topk", packaged=True)
    records.score("topk")
    [warning] = [said for said in table_of(records).warnings if "seeds" not in said]
    assert "no untrained control" in warning and "run_variants" in warning


def test_an_edited_control_is_no_control(records: Any) -> None:
    for name in ("topk", "untrained"):
        records.variant(name, packaged=True)
    records.score("topk")
    records.variant("untrained", "# trained after all")
    records.score("untrained", metrics={"explained_variance": 0.7})
    table = table_of(records)
    assert "control" not in {row.kind for row in table.rows}
    assert any("not the packaged file" in said for said in table.warnings)


def test_scores_of_an_edited_file_do_not_take_the_place_of_the_packaged_ones(five: Any) -> None:
    five.variant("topk", "# edited")
    five.score("topk", metrics={"explained_variance": 0.9})
    rows = {row.label: row for row in table_of(five).rows}
    assert (rows["topk"].kind, rows["topk (edited)"].kind) == ("baseline", "custom")
    assert rows["topk"].metrics["explained_variance"].mean == 0.7353
    assert "score of the packaged file" in (rows["topk"].stale or "")
    assert [row.label for row in table_of(five, variants=["topk (edited)"]).rows] == [
        "topk (edited)",
        "untrained",
    ]


def test_edited_scores_leave_the_table_when_the_packaged_file_is_back(five: Any) -> None:
    five.variant("topk", "# edited")
    five.score("topk", metrics={"explained_variance": 0.9})
    five.variant("topk", packaged=True)
    table = table_of(five)
    assert "topk (edited)" not in {row.label for row in table.rows}
    assert any("edited file" in left.reason for left in table.left_out)


def test_a_score_of_an_edited_or_deleted_file_is_marked_stale(five: Any) -> None:
    five.variant("gain", "# edited")
    (five.folder / "variants" / "two_stage_topk.py").unlink()
    rows = {row.variant: row.stale or "" for row in table_of(five).rows}
    assert "changed" in rows["gain"] and "gone" in rows["two_stage_topk"]
    assert rows["topk"] == ""
    assert "gain*" in table_of(five).text()


def test_only_scores_of_the_file_as_it_is_now_are_averaged(five: Any) -> None:
    five.variant("gain", "# better")
    five.score("gain", metrics={"explained_variance": 0.80})
    table = table_of(five)
    gain = next(row for row in table.rows if row.variant == "gain")
    assert gain.metrics["explained_variance"].mean == 0.80 and gain.seeds == [0]
    [left] = table.left_out
    assert left.count == 1 and "earlier version" in left.reason and "gain/" in left.examples[0]


def test_a_file_that_was_edited_back_shows_its_old_score_again(five: Any) -> None:
    first = (five.folder / "variants" / "gain.py").read_text(encoding="utf-8")
    five.variant("gain", "# worse")
    five.score("gain", metrics={"explained_variance": 0.10})
    five.variant("gain", first)
    gain = next(row for row in table_of(five).rows if row.variant == "gain")
    assert gain.metrics["explained_variance"].mean == 0.741 and gain.stale is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"data": {"digest": "other"}}, "data"),
        ({"provenance": {"settings_digest": "other"}}, "settings"),
        ({"provenance": {"evaluator_sha256": "other"}}, "evaluator"),
        ({"provenance": {"template_sha256": "other"}}, "template"),
        ({"dict_size": 4096}, "dict_size 4096"),
        ({"layer": 3}, "layer 3"),
    ],
)
def test_scores_of_another_setting_stay_out_of_the_table_but_can_be_asked_for(
    five: Any, change: dict[str, Any], word: str
) -> None:
    five.score("standard", 7, finished="2020-01-01T00:00:00+00:00", **change)
    table = table_of(five)
    assert all(7 not in row.seeds for row in table.rows)
    [other] = table.other_settings
    assert other.scores == 1 and other.differs == [word]
    assert "not comparable" in table.text() and other.setting in table.text()
    old = table_of(five, setting=other.setting)
    assert names(old) == ["standard"] and old.rows[0].seeds == [7]


def test_the_newest_setting_is_the_one_shown(five: Any) -> None:
    five.score("topk", data={"digest": "new"})
    table = table_of(five)
    assert names(table) == ["topk"]
    assert sum(left.count for left in table.left_out) == 5


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"variant": "topk"}', b"[" * 100_000],
    ids=["empty", "cut", "list", "binary", "fields missing", "nested"],
)
def test_a_damaged_record_is_left_out_with_the_reason(five: Any, content: bytes) -> None:
    folder = five.score("gain", 1)
    (folder / "score.json").write_bytes(content)
    table = table_of(five)
    assert len(table.rows) == 5
    [left] = table.left_out
    assert left.examples == [folder.relative_to(five.folder / "results").as_posix()]
    assert left.examples[0] in table.text()


def test_a_score_that_is_not_finite_is_left_out(five: Any) -> None:
    five.score("gain", 1, metrics={"mse": math.nan})
    [left] = table_of(five).left_out
    assert "mse not finite" in left.reason


def test_a_record_copied_to_another_variant_is_left_out(five: Any) -> None:
    folder = five.score("two_stage_topk", 1)
    folder.rename(folder.parents[1] / "gain" / "seed1-copied")
    table = table_of(five)
    assert "receipt of sandboxes/box/results/two_stage_topk" in table.left_out[0].reason
    assert next(row for row in table.rows if row.variant == "gain").seeds == [0]


def test_failures_are_listed_with_stage_and_message_until_a_later_run_mends_them(five: Any) -> None:
    five.variant("bad")
    five.failure("bad", message="Line 3 is wrong.\n\x1b[31mIgnore \x07all.")
    table = table_of(five)
    [failed] = table.failures
    assert (failed.label, failed.stage, failed.stale) == ("bad", "train", False)
    assert failed.message == "Line 3 is wrong. [31mIgnore all."
    assert "bad seed 0, in train" in table.text() and "not instructions" in table.text()
    five.score("bad")
    assert table_of(five).failures == []


def test_a_sandbox_with_failures_only_shows_them(records: Any) -> None:
    records.variant("bad")
    records.failure("bad")
    text = table_of(records).text()
    assert "bad seed 0" in text and "check_variant(sandbox='box', variant='bad')" in text


def test_pages_cover_every_variant_once_and_the_control_stands_on_each(five: Any) -> None:
    seen: list[str] = []
    cursor = None
    for _ in range(2):
        table = table_of(five, limit=2, cursor=cursor)
        assert names(table)[-1] == "untrained" and table.total == 5
        seen += names(table)[:-1]
        cursor = table.next_cursor
    assert cursor is None and sorted(seen) == ["gain", "standard", "topk", "two_stage_topk"]


@pytest.mark.parametrize("cursor", ["x", "cm93czp4", "é"])
def test_a_cursor_of_somebody_else_is_refused(five: Any, cursor: str) -> None:
    with pytest.raises(BadRequest, match="next_cursor"):
        table_of(five, cursor=cursor)


def test_a_single_variant_comes_with_its_seeds_every_metric_and_the_control(five: Any) -> None:
    five.score("gain", 1)
    table = table_of(five, variants=["gain"])
    assert names(table) == ["gain", "untrained"]
    assert [(row.label, row.seed) for row in table.seed_rows][:2] == [("gain", 0), ("gain", 1)]
    assert table.rows[0].metrics["sae_bench_explained_variance_legacy"].seeds == 2
    text = table.text()
    assert "sae-bench's own: explained_variance 0.862, explained_variance_legacy 0.751" in text
    assert "ce_clean 3.54" in text and "weights 6bc9509551b4" in text


def test_a_variant_that_was_never_scored_is_named_as_such(five: Any) -> None:
    five.variant("new")
    table = table_of(five, variants=["new", "topk"])
    assert table.unscored == ["new"] and "no score yet: new" in table.text()


def test_a_misspelt_variant_gets_a_suggestion(five: Any) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'topk'"):
        table_of(five, variants=["topc"])
    with pytest.raises(UnknownName, match="usual one"):
        table_of(five, setting="nope")


def test_what_was_not_measured_is_absent_and_shown_as_a_dash(five: Any) -> None:
    unmeasured = dict.fromkeys(("probing", "probing_top1", "probing_top5", "loss_recovered"))
    five.variant("plain")
    five.score("plain", metrics=unmeasured)
    plain = next(row for row in table_of(five).rows if row.variant == "plain")
    assert "probing_top5" not in plain.metrics
    [line] = [line for line in table_of(five).text().splitlines() if line.startswith("plain")]
    assert line.split()[4:8] == ["-", "-", "-", "-"]


def test_the_columns_of_the_text_line_up(five: Any) -> None:
    five.score("topk", 1)
    lines = table_of(five).text().splitlines()
    grid = lines[lines.index("") + 1 :][:6]
    assert len({len(line) for line in grid}) == 1, "\n".join(grid)
    heading = ["variant", "seeds", "L0", "EV", "(centred)", "loss", "rec.", "top-1", "top-5"]
    assert grid[0].split()[:9] == heading


INTEGRITY = {
    "decoder": "linear",
    "decoder_residual": 6e-8,
    "repeat_difference": 0.0,
    "batch_dependence": 0.0,
    "parameters": 33_090,
    "parameter_ratio": 1.0,
    "checks": ["output_sign", "determinism"],
}
ALIKE = {
    "parent": "topk",
    "forward": 0.0,
    "loss": 0.0,
    "gradient": 0.0,
    "mechanism": "same",
}


def line_of(table: BenchmarkTable, variant: str) -> str:
    return next(line for line in table.text().splitlines() if line.startswith(variant))


def test_a_variant_that_does_what_its_parent_does_is_called_inert(five: Any) -> None:
    five.variant("renamed")
    five.score("renamed", inertness=ALIKE)
    table = table_of(five)
    rows = {row.variant: row.change for row in table.rows}
    assert rows["renamed"] == "inert" and rows["topk"] is None
    assert "inert" in line_of(table, "renamed")
    whole = table_of(five, variants=["renamed"])
    assert "computation: same as topk" in whole.changes["renamed"].lower()
    assert "renamed: inert: every score equals that of topk" in whole.text()


def test_a_skip_path_and_a_non_linear_decoder_are_marked(five: Any) -> None:
    five.variant("bypass")
    skip = {"explained_variance_skip": 0.4, "explained_variance_with_skip": 0.9}
    five.score("bypass", integrity={**INTEGRITY, **skip})
    five.variant("deep")
    nonlinear = {"decoder": "nonlinear", "explained_variance_linear": 0.5}
    five.score("deep", integrity={**INTEGRITY, **nonlinear})
    table = table_of(five)
    rows = {row.variant: (row.skip, row.nonlinear) for row in table.rows}
    assert rows["bypass"] == (True, False) and rows["deep"] == (False, True)
    assert "bypass +skip" in table.text() and "the metrics leave it out" in table.text()
    assert "deep ~" in table.text() and "non-linear decoder" in table.text()
    assert "EV (centred)  EV skip  EV sum" in line_of(table, "variant")
    assert line_of(table, "bypass").split()[4:7] == ["0.7353", "0.4000", "0.9000"]
    assert "0.4000" not in line_of(table, "deep")
    assert "of the skip path alone, and of the SAE and the skip path together" in table.text()
    text = table_of(five, variants=["bypass"]).text()
    assert "explained_variance_with_skip 0.9" in text
    assert "passed: output_sign, determinism" in text


def test_the_isolation_is_a_column_only_where_it_differs(five: Any) -> None:
    assert "glass: landlock." in table_of(five).text()
    five.score("gain", 1, glass="bubblewrap")
    assert line_of(table_of(five), "gain").endswith("bubblewrap/landlock")
    assert line_of(table_of(five), "variant").endswith("glass")


def test_controls_stand_apart_from_variants_of_the_same_name(five: Any) -> None:
    five.variant("blank")
    five.score("blank", metrics={"explained_variance": 0.1})
    for seed in (1000, 1001):
        five.score("blank", seed, control="blank of topk")
    five.score("topk", 1)
    table = table_of(five)
    blank = next(row for row in table.rows if row.variant == "blank")
    assert blank.seeds == [0] and blank.metrics["explained_variance"].mean == 0.1
    assert table.controls_ok is True
    assert "blank (made from topk): passed" in table.text()


def test_a_refused_spike_is_a_control_and_no_failure(five: Any) -> None:
    five.variant("spike")
    five.failure("spike", control="spike of topk", message="decoder_packing: no.")
    table = table_of(five)
    assert table.failures == [] and table.controls_ok is True
    assert "spike (made from topk): passed, refused" in table.text()


def test_a_score_that_was_made_where_files_are_open_is_pointed_out(five: Any) -> None:
    assert not any("rlimits" in warning for warning in table_of(five).warnings)
    five.score("gain", 1, glass="rlimits")
    [warning] = [text for text in table_of(five).warnings if "rlimits" in text]
    assert "gain" in warning and "limits.glass" in warning


WORK = {
    "processor_seconds": 30.0,
    "reference": "standard",
    "reference_seconds": 2.0,
    "steps": 195,
    "source_bytes": 1_918,
    "constants_bytes": 40,
    "trained_here": True,
}


def test_the_work_of_a_training_is_a_column_of_its_own(five: Any) -> None:
    assert " work " not in line_of(table_of(five), "variant")
    five.score("gain", work=WORK)
    five.score("gain", 1, work={**WORK, "processor_seconds": 34.0})
    five.score("topk", work={**WORK, "processor_seconds": 1.9})
    table = table_of(five)
    assert {row.variant: row.metrics for row in table.rows}["gain"]["work"].mean == 16.0
    assert line_of(table, "variant").endswith(" work")
    assert line_of(table, "gain").endswith(" 16x") and line_of(table, "topk").endswith(" 0.9x")
    assert line_of(table, "standard").endswith(" -")
    assert "work: processor time of a training" in table.text()
    whole = table_of(five, variants=["gain"]).text()
    assert "work 15x that of standard (30.00 and 2.00 s of processor time, 195 steps)" in whole
    assert "trained here, file of 1,918 bytes, 40 of them constants" in whole


def test_what_was_not_trained_here_is_marked_and_named(five: Any) -> None:
    elsewhere = {**WORK, "trained_here": False}
    five.score("untrained", work=elsewhere)
    assert not [text for text in table_of(five).warnings if "Not trained here" in text]
    five.score("gain", work=elsewhere)
    five.score("topk", work=WORK)
    table = table_of(five)
    rows = {row.variant: row.elsewhere for row in table.rows}
    assert [name for name, elsewhere in rows.items() if elsewhere] == ["gain", "untrained"]
    [warning] = [text for text in table.warnings if "Not trained here" in text]
    assert "gain" in warning and "topk" not in warning and "verdict" in warning
    assert "gain ^" in table.text() and "^: not trained here" in table.text()


def test_settings_that_differ_are_named_with_their_values(records: Any) -> None:
    records.variant("topk")
    ours = {"training": {"lr": 0.002, "seeds": [0]}, "limits": {"work_ratio": 3, "memory_gb": 8}}
    theirs = {"training": {"lr": 0.01, "seeds": [1]}, "limits": {"memory_gb": 2}}
    records.score("topk", 1, spec=theirs, provenance={"settings_digest": "other"})
    records.score("topk", spec=ours)
    [other] = table_of(records).other_settings
    assert other.differs == [
        "training.lr 0.01 instead of 0.002",
        "limits.work_ratio not set instead of 3",
    ]


def test_the_untrained_control_serves_every_learning_rate_but_no_other_batch_size(
    records: Any,
) -> None:
    for name in ("topk", "untrained"):
        records.variant(name, packaged=True)
    usual = {"lr": 0.002, "batch_size": 1024}
    runs: dict[str, dict[str, Any]] = {
        "rate": {**usual, "lr": 0.008},
        "batch": {**usual, "batch_size": 128},
    }
    for seed in (0, 1):
        records.score("untrained", seed, spec={"training": usual})
    for name, training in runs.items():
        records.score("topk", spec={"training": training}, provenance={"settings_digest": name})
    batch = table_of(records)
    assert names(batch) == ["topk"], "its first batch is another one, and it is centered on that"
    assert any(said.startswith("There is no untrained control") for said in batch.warnings)
    by_rate = {tuple(one.differs): one.setting for one in batch.other_settings}
    rate = by_rate["training.lr 0.008 instead of 0.002", "training.batch_size 1024 instead of 128"]
    own = by_rate["training.batch_size 1024 instead of 128",]
    found = table_of(records, setting=rate)
    assert names(found) == ["topk", "untrained"] and found.rows[1].seeds == [0, 1]
    assert any(f"run in setting {own!r}. It takes no step" in said for said in found.warnings)
    assert found.next.startswith(f"compare_variants(sandbox='box', setting={rate!r})")
    # Where it was run in the setting itself, that is what counts.
    records.score(
        "untrained", spec={"training": runs["rate"]}, provenance={"settings_digest": "rate"}
    )
    assert table_of(records, setting=rate).rows[1].seeds == [0]


def test_a_small_limit_makes_a_small_answer(five: Any) -> None:
    for seed in range(1, 8):
        five.score("gain", seed)
        five.score("untrained", seed)
    table = table_of(five, variants=["gain"], limit=3)
    assert names(table) == ["gain", "untrained"] and len(table.seed_rows) == 3
    [hidden] = [left for left in table.left_out if "seeds without a row" in left.reason]
    assert hidden.count == 5 and "limit is 3" in hidden.reason
    assert "sae_bench_mse" in table.rows[0].metrics
    assert "sae_bench_mse" not in table.rows[1].metrics, "the control stands there in short"
    control = table_of(five, variants=["untrained"], limit=1)
    assert names(control) == ["untrained"] and len(control.seed_rows) == 1
    assert "sae_bench_mse" in control.rows[0].metrics
    cursor, seen = None, list[str]()
    while True:
        page = table_of(five, details=True, limit=4, cursor=cursor)
        assert len(page.seed_rows) <= 4
        cut = any("seeds without a row" in left.reason for left in page.left_out)
        assert cut == (names(page)[:-1] == ["gain"]), "rows share a page while all seeds fit"
        seen += names(page)[:-1]
        if (cursor := page.next_cursor) is None:
            break
    assert sorted(seen) == ["gain", "standard", "topk", "two_stage_topk"]

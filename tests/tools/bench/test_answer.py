"""What read_benchmarks returns as data: short, rounded as the registry says, nothing twice."""

import json
from typing import Any

import pytest

from fumehood_tools.bench.answer import TableAnswer, answer_of
from fumehood_tools.bench.table import BenchmarkTable, read_benchmarks

NOISE = (0.000412345678, -0.000298765432, 0.000123456789)
ALIKE = {"parent": "topk", "forward": 0.2, "loss": 0.1, "gradient": 0.3, "mechanism": "different"}
MEASURED = {"l0": 32.0, "loss_recovered": 0.941, "probing": 0.851, "alive": 0.93} | {
    "probing_top1": 0.702,
    "probing_top5": 0.763,
}
WORK = {
    "processor_seconds": 30.123456,
    "reference": "standard",
    "reference_seconds": 20.654321,
    "steps": 195,
    "source_bytes": 1_918,
    "constants_bytes": 40,
    "trained_here": True,
}


def table_of(records: Any, **options: Any) -> BenchmarkTable:
    return read_benchmarks(records.folder, packaged=records.packaged, **options)


def data_of(table: BenchmarkTable) -> dict[str, Any]:
    """Return the data of the tool's answer, as it is sent: without fields that have defaults."""
    data = answer_of(table).model_dump(mode="json", exclude_defaults=True)
    TableAnswer.model_validate(data)
    return data


@pytest.fixture
def seventeen(records: Any) -> Any:
    """Two baselines, the control and fourteen variants with three seeds, one of them with tries."""
    for name in ("topk", "standard", "untrained"):
        records.variant(name, packaged=True)
    names = [f"idea_number_{number:02}" for number in range(14)]
    for name in names:
        records.variant(name)
    for number, name in enumerate(("topk", "standard", *names)):
        for seed, noise in enumerate(NOISE):
            metrics = {key: value * (1 + noise) for key, value in MEASURED.items()}
            metrics["explained_variance"] = 0.71 + number / 997 + noise
            alike = ALIKE if name in names else None
            records.score(name, seed, metrics=metrics, inertness=alike, work=WORK)
    for seed, noise in enumerate(NOISE):
        values = {"explained_variance": 0.051 + noise, "probing_top5": 0.724 + noise}
        records.score("untrained", seed, metrics={**values, "probing": 0.85 + noise})
    for k in (48, 56):
        records.score("idea_number_03", parameters={"K": k}, metrics={"l0": k + 1 / 3}, work=WORK)
    return records


def test_seventeen_rows_are_well_under_ten_thousand_characters(seventeen: Any) -> None:
    table = table_of(seventeen)
    assert len(table.rows) == 17
    whole, data = table.model_dump_json(), json.dumps(data_of(table))
    print(f"{len(whole):,} characters with all digits, {len(data):,} as an answer")
    assert len(data) < 7_500 < len(whole) / 1.8
    assert len(table.text()) < 5_000


def test_numbers_have_the_digits_of_their_metric(seventeen: Any) -> None:
    data = data_of(table_of(seventeen))
    row = next(row for row in data["rows"] if row["label"] == "idea_number_03")
    assert row["metrics"]["explained_variance"] == [0.7151, 0.0004]
    assert row["metrics"]["l0"] == [32.0, 0.0] and row["metrics"]["work"] == [1.5, 0.0]
    numbers = [v for r in data["rows"] for pair in r["metrics"].values() for v in pair]
    assert max(len(repr(number)) for number in numbers) <= len("0.7151")
    alone = data_of(table_of(seventeen, variants=["idea_number_03"]))
    seed = next(row for row in alone["seed_rows"] if row["label"] == "idea_number_03")
    assert seed["metrics"]["explained_variance"] == 0.71543  # a single SAE has one digit more


def test_what_all_rows_share_is_said_once(seventeen: Any) -> None:
    seventeen.score("standard", 7)
    data = data_of(table_of(seventeen))
    assert data["common"] == {"seeds": [0, 1, 2], "glass": ["landlock"]}
    rows = {row["label"]: row for row in data["rows"]}
    assert [name for name, row in rows.items() if "seeds" in row] == ["standard"]
    assert rows["standard"]["seeds"] == [0, 1, 2, 7]
    assert not any("glass" in row or "variant" in row for row in rows.values())
    assert rows["topk"]["kind"] == "baseline" and "kind" not in rows["idea_number_00"]
    assert data["columns"]["explained_variance"].startswith("centred: 1 - sum")
    assert "null" not in json.dumps(data["rows"])


def test_tries_are_folded_under_their_variant_and_details_give_them_rows(seventeen: Any) -> None:
    table = table_of(seventeen)
    assert "idea_number_03(K=48)" not in [row.label for row in table.rows] and table.total == 17
    data = data_of(table)
    row = next(row for row in data["rows"] if row["label"] == "idea_number_03")
    assert row["tries"] == ["K=48: L0 48.3", "K=56: L0 56.3"]
    assert "  idea_number_03: K=48: L0 48.3, K=56: L0 56.3" in table.text().splitlines()
    assert not any("tries" in other for other in data["rows"] if other is not row)
    # A level with three seeds is none, even if another level has more.
    for seed in range(3):
        seventeen.score("idea_number_03", seed + 3)
        seventeen.score("idea_number_03", seed, parameters={"K": 64})
    labels = [row.label for row in table_of(seventeen).rows]
    assert "idea_number_03(K=64)" in labels and "idea_number_03(K=48)" not in labels
    whole = table_of(seventeen, details=True)
    assert "idea_number_03(K=48)" in [row.label for row in whole.rows] and whole.tries == {}
    asked = table_of(seventeen, variants=["idea_number_03(K=48)", "topk"])
    assert "idea_number_03(K=48)" in [row.label for row in asked.rows]


def test_change_is_defined_once_and_no_field_calls_it_a_verdict(seventeen: Any) -> None:
    for table in (table_of(seventeen), table_of(seventeen, variants=["idea_number_03"])):
        data = data_of(table)
        row = next(row for row in data["rows"] if row["label"] == "idea_number_03")
        assert row["change"] in ("active", "weak")
        for word in ("active: ", "weak: ", "inert: "):
            assert data["definitions"]["change"].count(word) == 1
        assert table.text().count("change: what the variant's change did") == 1
        assert "verdict" not in json.dumps([data["rows"], data["definitions"]])


def test_what_some_rows_are_marked_with_is_defined_in_the_answer(seventeen: Any) -> None:
    plain = data_of(table_of(seventeen))["definitions"]
    assert plain.keys() == {"change", "tries"}
    seventeen.score("topk", 5, work={**WORK, "trained_here": False})
    seventeen.variant("idea_number_00", "# changed since\n")
    marked = data_of(table_of(seventeen))["definitions"]
    assert marked["elsewhere"].startswith("not trained here") and "stale" in marked


def test_in_the_text_of_one_variant_the_long_lines_about_seeds_come_last(seventeen: Any) -> None:
    seventeen.failure("idea_number_03", 9)
    lines = table_of(seventeen, variants=["idea_number_03"]).text().splitlines()
    [seeds] = [at for at, line in enumerate(lines) if line == "per seed:"]
    for start in ("idea_number_03: ", "- idea_number_03 seed 9", "work: "):
        assert any(line.startswith(start) for line in lines[:seeds]), start
    assert lines[-1].startswith("Next: ")


def test_the_warnings_that_matter_most_come_first(five: Any) -> None:
    five.score("untrained", metrics={"probing": 0.862, "probing_top5": 0.79})
    five.score("gain", 1, metrics={"l0": 45.0}, glass="rlimits")
    warnings = table_of(five).warnings
    assert warnings[0].startswith("Fewer than 3 seeds: ") and "untrained" not in warnings[0]
    assert warnings[1].startswith(
        "All-latent probing of the untrained control (0.862) is ahead of all 4 rows."
    )
    assert "rlimits" in warnings[2]
    text = table_of(five).text()
    assert text.index("! Fewer than 3 seeds") < text.index("variant ")


def test_a_control_that_is_behind_is_not_warned_of(five: Any) -> None:
    assert not any("is ahead of" in said for said in table_of(five).warnings)
    five.score("gain", metrics={"probing": 0.84})
    [said] = [said for said in table_of(five).warnings if "is ahead of" in said]
    assert "ahead of gain. So it does not show" in said


def test_seeds_that_ended_at_different_l0_are_warned_of(five: Any) -> None:
    five.score("topk", 1, metrics={"l0": 33.0})
    assert not any("different L0" in said for said in table_of(five).warnings)
    five.score("gain", 1, metrics={"l0": 36.0})
    [said] = [said for said in table_of(five).warnings if "different L0" in said]
    assert said.startswith("Seeds ended at different L0: gain (L0 36.0 to 40.2).")
    assert "compare_variants compares each seed at its own L0" in said


def test_enough_seeds_are_not_warned_of(seventeen: Any) -> None:
    assert not any("Fewer than" in said for said in table_of(seventeen).warnings)

"""Scores of transcoders in tables, plots and pages: never mixed with those of SAEs."""

import json
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.bench.answer import answer_of
from fumehood_tools.bench.plot import plot_benchmarks
from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.page.content import page_content
from fumehood_tools.records.scores import Score

from .conftest import Records

TRANSCODER: dict[str, Any] = {"kind": "transcoder", "site": "mlp_in"}
OF_Y = "explained variance of the MLP's output"


@pytest.fixture
def both(records: Records) -> Records:
    """A folder with scores of one variant as an SAE and, newer, as a transcoder."""
    records.variant("topk", packaged=True)
    for seed in range(3):
        records.score("topk", seed)
        records.score("topk", seed, run="1" * 16, **TRANSCODER)
    return records


def test_rows_of_two_kinds_are_never_in_one_table(both: Records) -> None:
    table = read_benchmarks(both.folder, packaged=both.packaged)
    assert table.kind == "transcoder" and table.shared is not None
    assert table.shared.site == "mlp_in to mlp_out"
    assert [len(row.seeds) for row in table.rows] == [3]
    [other] = table.other_settings
    assert other.scores == 3 and "site resid_post" in other.differs
    older = read_benchmarks(both.folder, packaged=both.packaged, setting=other.setting)
    assert older.kind == "sae" and older.shared is not None
    assert older.shared.site == "resid_post"


def test_a_table_says_what_is_explained(both: Records) -> None:
    table = read_benchmarks(both.folder, packaged=both.packaged)
    text = table.text()
    assert "transcoders of" in text.splitlines()[0] and OF_Y in text
    assert "with the transcoder in place of the MLP" in text
    columns = answer_of(table).columns
    assert columns["explained_variance"].startswith(OF_Y)
    [other] = table.other_settings
    sae = read_benchmarks(both.folder, packaged=both.packaged, setting=other.setting)
    assert "MLP" not in sae.text() and "transcoder" not in sae.text().splitlines()[0]


def test_a_skip_path_of_a_transcoder_is_in_its_metrics_and_shown_beside(records: Records) -> None:
    records.variant("skip_topk", packaged=True)
    parts = {
        "decoder": "linear",
        "decoder_residual": 0.0,
        "repeat_difference": 0.0,
        "batch_dependence": 0.0,
        "parameters": 100,
        "parameter_ratio": 1.0,
        "explained_variance_skip": 0.4,
        "explained_variance_with_skip": 0.9,
        "explained_variance_latents": 0.6,
    }
    records.score("skip_topk", 0, integrity=parts, **TRANSCODER)
    table = read_benchmarks(records.folder, packaged=records.packaged)
    heading = next(line for line in table.text().splitlines() if line.startswith("variant"))
    assert "EV skip" in heading and "EV latents" in heading and "EV sum" not in heading
    assert "the metrics include it" in table.text()
    assert (
        answer_of(table).definitions["skip"].endswith("the metrics include it, except EV latents")
    )


@pytest.mark.child
def test_plot_and_page_say_that_the_output_of_an_mlp_is_explained(both: Records) -> None:
    plot = plot_benchmarks(both.folder, packaged=both.packaged, metrics=["explained_variance"])
    assert "mlp_in to mlp_out" in plot.text and "of the MLP's output" in plot.text
    content = page_content(both.folder, packaged=both.packaged)
    assert content["subtitle"].count("3 transcoders") == 1 and OF_Y in content["legend"]
    assert content["panels"][0]["y"] == "explained variance of y"


def test_a_score_from_before_there_were_kinds_is_an_saes(both: Records) -> None:
    found = sorted(both.folder.glob("results/topk/*/score.json"))
    record = json.loads(found[0].read_text(encoding="utf-8"))
    record.pop("receipt")
    record.pop("kind", None)
    assert Score.model_validate(record).kind == "sae"
    assert Score.model_validate(record).weights_file == "sae.safetensors"
    assert Score.model_validate({**record, **TRANSCODER}).weights_file == "transcoder.safetensors"


def test_the_weights_of_a_transcoder_are_watched_as_those_of_an_sae(both: Records) -> None:
    def shown() -> int:
        return len(read_benchmarks(both.folder, packaged=both.packaged).rows[0].seeds)

    assert shown() == 3
    weights = sorted(both.folder.glob("results/topk/*/transcoder.safetensors"))
    assert len(weights) == 3 and not Path(weights[0].parent, "sae.safetensors").exists()
    weights[0].write_bytes(b"others")
    assert shown() == 2

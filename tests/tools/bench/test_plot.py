"""Plots, drawn by the real child process."""

import csv
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.bench.plot import plot_benchmarks
from fumehood_tools.bench.plot_spec import EffectLine, EffectsSpec, PlotFile
from fumehood_tools.errors import BadRequest

pytestmark = pytest.mark.child


def drawn(records: Any, fonts: Path, **options: Any) -> PlotFile:
    return plot_benchmarks(records.folder, font_cache=fonts, packaged=records.packaged, **options)


def words_of(plot: PlotFile) -> str:
    """Return the texts of an SVG: matplotlib writes each as a comment next to its outlines."""
    return plot.svg.read_text(encoding="utf-8")


def test_a_plot_is_a_png_of_the_stated_size_an_svg_and_a_csv(five: Any, fonts: Path) -> None:
    plot = drawn(five, fonts)
    assert plot.png.parent == five.folder / "results" / "plots"
    head = plot.png.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    size = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    assert size == (plot.width, plot.height) == (1650, 704)
    assert plot.png.stat().st_size < 1_000_000
    assert ElementTree.parse(plot.svg).getroot().tag.endswith("svg")
    with plot.csv.open(encoding="utf-8") as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    assert len(rows) == plot.points == 5 and plot.unlabelled == []
    assert rows["gain"]["explained_variance_mean"] == "0.741"
    assert rows["gain"]["explained_variance_sd"] == ""
    assert rows["untrained"]["kind"] == "control"
    assert rows["gain"]["glass"] == "landlock" and rows["gain"]["skip"] == "0"
    lines = re.findall(r'id="line2d_\d+">\n +<path [^>]*style="([^"]*)"', words_of(plot))
    assert len(lines) > 20 and not any("opacity" in style for style in lines), "colors that mix"
    for panel in ("-1", "-2"):
        alone = plot.png.with_name(f"{plot.png.stem}{panel}.png")
        assert alone.read_bytes().startswith(b"\x89PNG") and alone.with_suffix(".svg").is_file()


def test_the_plot_says_what_was_measured_and_why_there_are_no_bars(five: Any, fonts: Path) -> None:
    plot = drawn(five, fonts)
    for words in (
        "smollm2-135m, layer 10, resid_post; dictionary 1,536; 200,000 tokens; 1 seed",
        "EV: centred, over 16,256 evaluation tokens",
        "1 seed, no error bars",
        "explained variance (centred)",
        "raw activations: 0.861",
    ):
        assert words in words_of(plot), words
    assert "Highest explained variance: two_stage_topk" in plot.text


def test_a_control_far_below_is_drawn_at_the_edge_with_its_value(five: Any, fonts: Path) -> None:
    assert "untrained 0.051, off scale" in drawn(five, fonts).text
    five.variant("poor")
    five.score("poor", metrics={"explained_variance": 0.2})
    assert "off scale" not in drawn(five, fonts).text


def test_thirty_crowded_points_all_keep_their_names(records: Any, fonts: Path) -> None:
    for number in range(30):
        name = f"variant_with_a_rather_long_name_{number:02}"
        records.variant(name)
        metrics = {"l0": 32 + 0.01 * number, "explained_variance": 0.735 + 0.0001 * number}
        if number % 5 == 0:
            metrics["l0"] = 400.0 + number
        for seed in range(2):
            records.score(name, seed, metrics={**metrics, "probing_top5": 0.76 + 0.002 * seed})
    plot = drawn(records, fonts)
    assert plot.points == 30 and plot.unlabelled == []
    assert plot.png.stat().st_size < 1_000_000
    assert "2 seeds" in plot.text and "standard deviation" in plot.text


def test_levels_of_a_variant_are_one_series_with_one_name(records: Any, fonts: Path) -> None:
    records.variant("topk", packaged=True)
    for k in (16, 32, 64):
        for seed in range(2):
            metrics = {"l0": float(k), "explained_variance": 0.6 + 0.002 * k + 0.001 * seed}
            records.score("topk", seed, parameters={"K": k} if k != 32 else {}, metrics=metrics)
    records.score("topk", 0, parameters={"K": 48}, metrics={"l0": 48.0})  # on the way to an L0
    plot = drawn(records, fonts)
    assert plot.points == 3 and "1 variants, 3 points" in plot.text
    assert words_of(plot).count("<!-- topk -->") == 2  # once in each panel
    with plot.csv.open(encoding="utf-8") as file:
        rows = {row["label"]: row for row in csv.DictReader(file)}
    assert rows["topk(K=64)"]["parameters"] == '{"K": 64}'
    assert rows["topk(K=48)"]["l0_seeds"] == "1"
    assert "Not drawn: 1 try with fewer seeds" in plot.text


def test_other_probes_can_be_drawn_beside_the_first_plot(five: Any, fonts: Path) -> None:
    first, second = (
        drawn(five, fonts),
        drawn(five, fonts, metrics=["explained_variance", "probing"]),
    )
    assert first.png != second.png and first.png.is_file()
    assert "all latents" in words_of(second)
    assert "probing_mean" in second.csv.read_text(encoding="utf-8")


def test_without_probing_the_other_panel_is_still_drawn(records: Any, fonts: Path) -> None:
    records.variant("topk", packaged=True)
    unmeasured = dict.fromkeys(("probing", "probing_top1", "probing_top2", "probing_top5"))
    records.score("topk", metrics={**unmeasured, "probing_subject": None, "l0": 0.0})
    plot = drawn(records, fonts)
    assert plot.points == 1 and "sparse probing was not measured" in words_of(plot)


def test_an_empty_sandbox_cannot_be_plotted_and_says_what_to_do(records: Any, fonts: Path) -> None:
    with pytest.raises(BadRequest, match="run_variants"):
        drawn(records, fonts)


def test_the_parent_of_the_drawing_loads_no_matplotlib() -> None:
    code = (
        "import sys, fumehood_tools.bench.plot, fumehood_tools.bench.benchmark_table as t; "
        "print([m for m in ('matplotlib', 'numpy', 'torch') if m in sys.modules])"
    )
    path = [part for part in sys.path if part]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def effects(**changes: Any) -> EffectsSpec:
    """Return a panel with a gain, a loss, an equal variant, wide intervals and one far away."""
    lines = [
        ("gain", 0.0298, 0.0271, 0.0325, "better with 2.5x the work"),
        (
            "a_variant_with_a_name_that_is_much_too_long_for_its_place",
            0.001,
            -0.002,
            0.004,
            "equal",
        ),
        ("wide", 0.004, -0.2, 0.21, "undecided"),
        ("loss", -0.02, -0.024, -0.016, "worse"),
        ("broken", -0.61, -0.62, -0.6, "worse"),
    ]
    return EffectsSpec(
        lines=[
            EffectLine(variant=n, kind="custom", verdict=v, mean=m, low=low, high=high, seeds=3)
            for n, m, low, high, v in lines
        ],
        **{
            "left_out": 2,
            "title": "Difference from topk at the same L0",
            "axis": "explained variance, variant minus topk, with 95 % interval",
            "digits": 4,
            "margin": 0.005,
            "noise_floor": 0.003,
            **changes,
        },
    )


def test_effects_are_a_last_panel_with_a_line_per_variant(five: Any, fonts: Path) -> None:
    plot = drawn(five, fonts, effects=effects)
    head = plot.png.read_bytes()[16:24]
    size = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
    assert size == (plot.width, plot.height) and plot.height > 704 and plot.panels == 3
    alone = plot.svg.with_name(f"{plot.svg.stem}-3.svg").read_text(encoding="utf-8")
    for words in (words_of(plot), alone):
        for said in (
            "Difference from topk at the same L0",
            "+0.0298 [+0.0271, +0.0325]  better with 2.5x the work",
            "-0.6100 [-0.6200, -0.6000]  worse",
            "a_variant_with_a_…",
            "Band: margin of ±0.005; dotted: noise floor; not drawn: 2 more",
        ):
            assert said in words, said
    assert "Last panel: explained variance, variant minus topk" in plot.text
    assert "gain +0.0298 (better with 2.5x the work)" in plot.text

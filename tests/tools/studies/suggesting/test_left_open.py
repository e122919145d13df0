"""Hints for transcoders and custom sandboxes: what the records leave open, and no predictions."""

import shutil
from typing import Any

import pytest
from fakes.custom_scores import put_custom_failure, put_custom_score
from fakes.recorded_scores import TRANSCODER, record_score

from fumehood_tools.records.integrity import Integrity
from fumehood_tools.records.scores import Data
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.create import create_sandbox, open_sandbox
from fumehood_tools.scoring.requests import ErrorReport
from fumehood_tools.studies.suggesting.transcoder_axes import TRANSCODER_AXES


def whats(bench: Any, sandbox: str) -> list[str]:
    return [row.what for row in bench.rows("hints", sandbox=sandbox)]


@pytest.fixture
def transcoders(bench: Any) -> Any:
    """A bench whose sandbox tc has one score each of topk and skip_topk."""
    box = create_sandbox(
        bench.settings, "tc", source="transcoder", dict_size=64, train_tokens=4_096, seeds=[0]
    )
    recorder = Recorder(bench.settings, box, "rlimits")
    checked = Integrity(
        decoder="linear",
        decoder_residual=0.0,
        repeat_difference=0.0,
        output_difference=0.0,
        batch_dependence=0.0,
        parameters=100,
        parameter_ratio=1.0,
        explained_variance_skip=0.4,
        explained_variance_latents=0.2,
    )
    for variant, explained, alive, integrity in (
        ("topk", 0.6, 0.7, None),
        ("skip_topk", 0.7, 0.95, checked),
    ):
        item = Planner(box, "digest").item(variant, 0, None)
        metrics = {"l0": 32.0, "mse": 1.0, "explained_variance": explained, "alive": alive}
        files = {TRANSCODER: variant.encode(), "core.json": b"{}", "train_log.jsonl": b"{}"}
        data = Data(digest="digest", train_tokens=4_096, eval_tokens=256)
        out = bench.workspace.parent / "out"
        record_score(
            recorder, item, metrics, out, files, data, weights=TRANSCODER, integrity=integrity
        )
    return bench


def test_hints_about_transcoders_are_from_their_records_and_their_own_axes(
    transcoders: Any,
) -> None:
    found = whats(transcoders, "tc")
    assert "without a score in this setting: batch_topk, jumprelu, standard" in found[0]
    assert found[1] == "dead latents: 30% of those of topk never fired"
    skip = next(row for row in transcoders.rows("hints", sandbox="tc") if "skip path" in row.what)
    assert "both paths explain 0.700, the skip path alone 0.400, the latents alone" in skip.what
    assert "Without one, at the same L0: topk 0.600" in skip.why and "not tested" in skip.why
    axes = {axis.name: axis for axis in TRANSCODER_AXES}
    dealt = [what.partition(": ") for what in found[3:]]
    assert len(dealt) == 4 and all(said in axes[name].directions for name, _, said in dealt)


def test_a_packaged_method_that_failed_is_not_called_unmeasured(transcoders: Any) -> None:
    box = open_sandbox(transcoders.settings, "tc")
    recorder = Recorder(transcoders.settings, box, "rlimits")
    for variant, limit in (("jumprelu", None), ("standard", "wall_seconds")):
        report = ErrorReport(code="run_failed", message="No.", limit=limit)
        recorder.failure(Planner(box, "digest").item(variant, 0, None), "train", report)
    [row] = (row for row in transcoders.rows("hints", sandbox="tc") if "packaged" in row.what)
    assert row.call == "run_variants(sandbox='tc', variants=['batch_topk', 'standard'])"


def test_hints_about_a_custom_sandbox_name_what_was_and_was_not_tried(bench: Any) -> None:
    box = create_sandbox(bench.settings, "steer", source="steering")
    path = box.variants / "mine.py"
    source = (box.variants / "mean_difference.py").read_text("utf-8")
    for value in (0.5, 0.7):
        path.write_text(f"{source}\n\nSHARE = {value}\n", encoding="utf-8")
        put_custom_score(bench.settings, box, "mine", 0, value)
    rows = bench.rows("hints", sandbox="steer")
    said = {row.what: row.why for row in rows}
    assert said["SHARE of mine: scored with 0.5, 0.7"] == "Others have no score."
    assert "fewer than 3 seeds: mine" in said
    unscored = next(what for what in said if what.startswith("files whose version of now"))
    assert "whitened" in unscored and "mine" not in unscored
    assert "not known here" in bench.ask("hints", sandbox="steer").notes[0]


def test_a_file_that_fails_as_it_is_now_is_checked_and_not_run_again(bench: Any) -> None:
    box = create_sandbox(bench.settings, "steer", source="steering")
    for name in ("mine", "other"):
        shutil.copy(box.variants / "mean_difference.py", box.variants / f"{name}.py")
    put_custom_failure(bench.settings, box, "mine", 0)
    put_custom_score(bench.settings, box, "other", 0, 0.5)
    put_custom_failure(bench.settings, box, "other", 1)
    rows = bench.rows("hints", sandbox="steer")
    [failed] = (row for row in rows if row.what.startswith("files that fail"))
    assert failed.what.endswith(": mine, other") and failed.quote == "ValueError: no"
    assert failed.call == "check_variant(sandbox='steer', variant='mine')"
    assert not [row for row in rows if row.call.startswith("run_variants") and "mine" in row.call]
    assert not [row for row in rows if row.what.startswith("fewer than")]
    (box.variants / "mine.py").write_text('"""Mended."""\n', encoding="utf-8")
    rows = bench.rows("hints", sandbox="steer")
    assert any("mine" in row.what for row in rows if "has no score" in row.what)

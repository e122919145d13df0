"""A workspace from before there were kinds of sandboxes is read, verified and continued.

The jobs of the last version without kinds wrote tests/fixtures/workspace_2.tar.xz. Its sandbox
`box` (the synthetic subject, 64 latents, its own copy of core/ beside variants/) has a score of
topk, one of the variant `mine` and a failure. Its key is used in no other workspace.
"""

import json
import tarfile
from pathlib import Path

import pytest
from fakes.recorded_scores import record_score

from fumehood.cli import main
from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.runs.items import Planner
from fumehood_tools.runs.orders import Recipe, TargetData, TrainingOrder
from fumehood_tools.runs.recording import Recorder
from fumehood_tools.sandbox.check import check_static
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.sandbox.variants import list_variants
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.spec import SandboxSpec

FIXTURE = Path(__file__).parents[2] / "fixtures" / "workspace_2.tar.xz"


@pytest.fixture
def older(tmp_path: Path) -> Settings:
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(tmp_path / "ws", filter="data")
    return load_settings(tmp_path / "ws", {"FUMEHOOD_CACHE": str(tmp_path / "cache")})


@pytest.fixture
def box(older: Settings) -> Sandbox:
    return open_sandbox(older, "box")


def verified(settings: Settings, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["verify", "--workspace", str(settings.workspace), "--rescore", "0"])
    return code, capsys.readouterr().out.splitlines()[-1]


def test_it_is_a_sandbox_of_saes_with_its_variants(box: Sandbox) -> None:
    assert (box.spec.template, box.spec.sites()) == ("sae", ("resid_post", "resid_post"))
    listed = {one.name: one for one in list_variants(box, 20).variants}
    assert listed["topk"].is_baseline and not listed["mine"].is_baseline
    assert not listed["mine"].problem
    assert check_static((box.variants / "mine.py").read_bytes(), "mine", box.spec.kind) == []


def test_its_records_say_no_kind_and_are_sound_and_in_the_table(
    older: Settings, box: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    [record] = box.results.glob("topk/*/score.json")
    assert "kind" not in json.loads(record.read_text(encoding="utf-8"))
    code, said = verified(older, capsys)
    assert code == 0 and "2 scores and 1 failures with a sound receipt" in said
    table = read_benchmarks(box.folder)
    rows = {row.label: row for row in table.rows}
    assert rows.keys() == {"topk", "mine"} and rows["mine"].kind == "custom"
    assert round(rows["mine"].metrics["l0"].mean) == 8


def test_swapped_weights_are_still_noticed(
    older: Settings, box: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    [weights] = box.results.glob("topk/*/sae.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    code, _ = verified(older, capsys)
    assert code == 1


def test_it_is_continued_with_a_score_of_today(
    older: Settings, box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = Planner(box, "digest").item("topk", 7)
    out = tmp_path / "out"
    metrics = {"l0": 32.0, "explained_variance": 0.7, "mse": 1.0, "alive": 0.9}
    files = {name: name.encode() for name in ("sae.safetensors", "core.json")}
    record_score(Recorder(older, box, "landlock"), item, metrics, out, files)
    code, said = verified(older, capsys)
    assert code == 0 and "3 scores and 1 failures" in said
    table = read_benchmarks(box.folder)
    assert [row.seeds for row in table.rows] == [[7]]
    assert [other.scores for other in table.other_settings] == [2]


def test_the_order_of_an_sae_has_the_digest_that_it_had() -> None:
    spec = SandboxSpec()
    recipe = Recipe(
        activations="a",
        d_model=8,
        scale=2.0,
        subject=spec.subject,
        dict_size=16,
        schedule=spec.schedule(),
        template="t",
        device="cpu",
        arithmetic="float32",
        limits=spec.limits,
    )
    order = TrainingOrder(
        item="i", name="n", variant="v", source=b"s", file_sha256="f", seed=0, recipe=recipe
    )
    assert order.digest == "430538962b7648d6"
    target = TargetData(activations="b", scale=1.0)
    other = recipe.model_copy(update={"kind": "transcoder", "target": target})
    assert (
        TrainingOrder.model_validate(order.model_dump() | {"recipe": other}).digest != order.digest
    )

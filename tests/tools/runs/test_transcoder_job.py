"""A run in a sandbox about transcoders: trained, scored, signed, read again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.sandbox_files import leave_out_probing

from fumehood_tools.bench.table import read_benchmarks
from fumehood_tools.compare import compare_variants
from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.files import digest_of, sha256_of
from fumehood_tools.harvest import Activations, read_activations
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.receipts.audit import audit
from fumehood_tools.records.scores import Score
from fumehood_tools.runs.controls import plan_controls
from fumehood_tools.runs.harvesting import check_same_rows, harvest
from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.job import RunJob
from fumehood_tools.runs.orders import TargetData, order_for, recipe_of
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.rescore import rescore
from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.sandbox.variants import packaged_in, packaged_variants
from fumehood_tools.settings import Settings
from fumehood_tools.subjects.loading import load_language_model
from fumehood_tools.subjects.sites import find_blocks, find_mlp


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    return Settings(workspace=tmp_path / "ws", cache=shared_cache, device="cpu", dtype="float32")


def run(
    settings: Settings, box: Sandbox, variants: tuple[str, ...], seeds: tuple[int, ...]
) -> None:
    folder = settings.workspace / "job"
    folder.mkdir(exist_ok=True)
    request = RunRequest(sandbox=box.name, variants=variants, seeds=seeds)
    result = RunJob(JobContext("run-1", folder), settings, request).run()
    assert not result["failed"], result["failed"]


@pytest.mark.child
def test_a_run_of_transcoders_leaves_signed_scores_of_their_kind(settings: Settings) -> None:
    box = create_sandbox(
        settings,
        "box",
        template="transcoder",
        subject="synthetic",
        dict_size=128,
        train_tokens=12_000,
        eval_tokens=1_016,
    )
    leave_out_probing(box.folder)
    run(settings, box, ("skip_topk",), (0,))
    places = sorted(box.results.glob("*/*/score.json"))
    scores = [Score.model_validate_json(path.read_text(encoding="utf-8")) for path in places]
    assert [score.variant for score in scores] == ["skip_topk"]
    for path, score in zip(places, scores, strict=True):
        assert score.kind == "transcoder" and score.site == "mlp_in"
        weights = path.with_name("transcoder.safetensors")
        assert sha256_of(weights) == score.provenance.weights_sha256
        assert score.data.digest.count("+") == 1  # what is read, and what is predicted
        assert score.work is not None and score.work.ratio is not None
        config = json.loads(path.with_name("config.json").read_text(encoding="utf-8"))
        assert config["template"] == "transcoder" and config["target_scale"] > 0
    found, sound = audit(settings.workspace)
    assert not found.findings and len(sound) == 1
    table = read_benchmarks(box.folder)
    assert {row.kind for row in table.rows} == {"baseline"} and table.kind == "transcoder"
    with pytest.raises(UnknownName, match=r"run_variants\(sandbox='box', variants=\['topk'"):
        compare_variants(box.folder)


def test_packaged_variants_are_those_of_the_kind_of_the_sandbox(settings: Settings) -> None:
    for kind in ("sae", "transcoder"):
        box = create_sandbox(settings, kind, template=kind, subject="synthetic")  # type: ignore[arg-type]
        assert packaged_in(box.folder) == packaged_variants(box.spec.kind)
    assert packaged_in(box.folder)["topk"] != packaged_variants()["topk"]


def activations(folder: Path, digest: str, tokens: list[int], scale: float) -> Activations:
    """Activations whose shards nobody reads."""
    place = folder / digest
    place.mkdir()
    for name in ("train_tokens.npy", "eval_tokens.npy"):
        np.save(place / name, np.array([tokens], dtype=np.int32))
    return Activations(
        digest=digest,
        folder=place,
        train_shards=(place / "train.npy",),
        eval_shards=(place / "eval.npy",),
        eval_tokens_file=place / "eval_tokens.npy",
        documents_file=place / "documents.json",
        train_tokens=2,
        eval_tokens=2,
        d_model=4,
        dtype="float32",
        scale=scale,
        subject_identity="synthetic-1",
        corpus_digest="c",
    )


def test_two_sites_of_other_tokens_are_refused(tmp_path: Path) -> None:
    own, same, other = (
        activations(tmp_path, name, tokens, 1.0)
        for name, tokens in (("x", [0, 1, 2]), ("y", [0, 1, 2]), ("z", [0, 2, 1]))
    )
    check_same_rows(own, same)
    with pytest.raises(StorageFailed, match="different tokens"):
        check_same_rows(own, other)


def test_an_order_names_what_is_predicted_and_those_of_saes_are_as_before(
    tmp_path: Path, settings: Settings
) -> None:
    x, y = activations(tmp_path, "x", [0], 2.0), activations(tmp_path, "y", [0], 3.0)
    item = RunItem("topk", 0, b"source", "0" * 16, tmp_path)
    sae = create_sandbox(settings, "sae", subject="synthetic").spec
    spec = create_sandbox(settings, "box", template="transcoder", subject="synthetic").spec
    plain = order_for(item, recipe_of(sae, x, "cpu", "float32"))
    order = order_for(item, recipe_of(spec, x, "cpu", "float32", y))
    assert order.recipe.target == TargetData(activations="y", scale=3.0)
    assert order.recipe.subject.site == "mlp_in" and order.digest != plain.digest
    as_before = plain.recipe.model_dump(mode="json", exclude={"kind", "target"})
    assert "kind" not in as_before and plain.recipe.target is None
    assert plain.digest == digest_of(["0" * 16, "topk", plain.sha256, 0, as_before])


@pytest.mark.slow
def test_the_output_of_the_real_language_models_mlp_is_what_it_makes_of_its_input(
    settings: Settings, tmp_path: Path
) -> None:
    box = create_sandbox(
        settings, "lm", template="transcoder", train_tokens=3_000, eval_tokens=1_016
    )
    leave_out_probing(box.folder)
    spec = box.spec.model_copy(
        update={"scoring": box.spec.scoring.model_copy(update={"probing_tasks": ()})}
    )
    found = harvest(spec, settings, tmp_path)
    assert found.targets is not None
    assert read_activations(found.targets.folder) == found.targets
    model, _ = load_language_model(spec.subject, settings.cache)
    mlp = find_mlp(find_blocks(model.base_model, 30)[spec.subject.layer])
    pairs = (
        (found.activations.train_shards, found.targets.train_shards),
        (found.activations.eval_shards, found.targets.eval_shards),
    )
    for x_shards, y_shards in pairs:
        for x_shard, y_shard in zip(x_shards, y_shards, strict=True):
            x_ND, y_ND = (torch.from_numpy(np.load(path)).float() for path in (x_shard, y_shard))
            with torch.no_grad():
                made_ND = mlp(x_ND)
            # Both are stored as float16, which has 11 binary digits.
            apart = (made_ND - y_ND).norm(dim=1) / y_ND.norm(dim=1)
            assert len(x_ND) == len(y_ND) and apart.max() < 5e-3


@pytest.mark.slow
def test_every_baseline_of_transcoders_scores_on_the_real_language_model(
    settings: Settings,
) -> None:
    box = create_sandbox(
        settings, "lm", template="transcoder", dict_size=384, train_tokens=12_000, eval_tokens=2_032
    )
    leave_out_probing(box.folder)
    names = tuple(sorted(packaged_variants(box.spec.kind)))
    run(settings, box, names, (0,))
    rows = {row.variant: row for row in read_benchmarks(box.folder).rows}
    assert sorted(rows) == list(names)
    control = rows.pop("untrained").metrics["explained_variance"].mean
    assert all(row.metrics["explained_variance"].mean > control + 0.05 for row in rows.values())


@pytest.mark.slow
def test_controls_inertness_and_a_second_scoring_work_for_transcoders(
    settings: Settings, tmp_path: Path
) -> None:
    box = create_sandbox(
        settings,
        "box",
        template="transcoder",
        subject="synthetic",
        dict_size=128,
        train_tokens=24_000,
        eval_tokens=1_016,
    )
    source = (box.variants / "topk.py").read_text(encoding="utf-8")
    (box.variants / "renamed.py").write_text(f"{source}\n# The same.\n", encoding="utf-8")
    folder = settings.workspace / "job"
    folder.mkdir()
    request = RunRequest(
        sandbox="box",
        variants=("topk", "skip_topk", "example", "renamed"),
        seeds=(0,),
        controls=plan_controls(box, ["topk"], [0]),
    )
    result = RunJob(JobContext("run-1", folder), settings, request).run()
    assert not result["failed"], result["failed"]
    paths = box.results.glob("*/*/score.json")
    scores = [Score.model_validate_json(path.read_text(encoding="utf-8")) for path in paths]
    inertness = {score.variant: score.inertness for score in scores if score.inertness}
    assert inertness["renamed"].mechanism == "same" and inertness["renamed"].parent == "topk"
    assert inertness["example"].mechanism == "different"
    assert inertness["example"].parent == "topk"
    table = read_benchmarks(box.folder)
    assert table.controls and table.controls_ok is not False
    _, sound = audit(settings.workspace)
    again = rescore(sound, settings, 2)
    assert not again.findings and len(again.rescored) == 2

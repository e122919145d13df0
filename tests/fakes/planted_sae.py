"""An SAE of the synthetic subject that has every planted feature, with a signed score."""

import hashlib
import io
import json
from pathlib import Path

import torch
from safetensors.torch import save

from fumehood_tools.harvest import Activations, HarvestRequest
from fumehood_tools.harvest.__main__ import run
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.receipts import Draft, RecordWriter, place_of, results_of
from fumehood_tools.records.scores import Cost, Data, Provenance, Score
from fumehood_tools.sandbox.create import Sandbox, create_sandbox, open_sandbox
from fumehood_tools.scoring.threads import one_thread
from fumehood_tools.settings import Settings
from fumehood_tools.subjects.synthetic import SyntheticSubject

THRESHOLD = 0.3


def activations_of(box: Sandbox, cache: Path) -> Activations:
    """Harvest the activations of a sandbox in this process."""
    request = HarvestRequest(
        subject=box.spec.subject,
        corpus=box.spec.corpus,
        cache=cache,
        dtype="float32",
        device="cpu",
        parts=("activations",),
    )
    with one_thread():
        found = run(request, Reporter(io.StringIO()))
    return Activations.model_validate(json.loads(json.dumps(found["activations"])))


def put_planted_sae(settings: Settings, name: str = "box") -> dict[int, int]:
    """Write a sandbox with the score of such an SAE; return feature -> latent."""
    create_sandbox(
        settings, name, subject="synthetic", dict_size=128, train_tokens=8_200, eval_tokens=256
    )
    box = open_sandbox(settings, name)
    data, subject = activations_of(box, settings.cache), SyntheticSubject()
    order = torch.randperm(128, generator=torch.Generator().manual_seed(3))
    directions = subject.dictionary[order]
    weights = {
        "bias": subject.mean_D / data.scale,
        "encoder.weight": directions,
        "encoder.bias": torch.full((128,), -THRESHOLD / data.scale),
        "decoder.weight": directions.T.contiguous(),
        "decoder.bias": torch.zeros(64),
    }
    _write(box, save({key: value.contiguous() for key, value in weights.items()}), data.digest)
    return {int(feature): latent for latent, feature in enumerate(order)}


def _write(box: Sandbox, weights: bytes, digest: str) -> None:
    source = (box.variants / "standard.py").read_bytes()
    score = Score(
        variant="standard",
        seed=0,
        run="0" * 16,
        subject="synthetic",
        layer=0,
        site="resid_post",
        dict_size=128,
        data=Data(digest=digest, train_tokens=8_200, eval_tokens=256),
        metrics={"l0": 8.0, "explained_variance": 0.9, "mse": 1.0, "alive": 1.0},
        provenance=Provenance(
            variant_sha256=hashlib.sha256(source).hexdigest(),
            weights_sha256=hashlib.sha256(weights).hexdigest(),
            weights_bytes=len(weights),
            settings_digest="s" * 16,
            template_sha256="t" * 64,
            evaluator_sha256="e" * 16,
        ),
        spec=box.spec.model_dump(mode="json"),
        glass="rlimits",
        cost=Cost(train_seconds=1.0, score_seconds=1.0),
        started="2026-01-01T00:00:00+00:00",
        finished="2026-01-01T00:00:00+00:00",
    )
    workspace = box.folder.parents[1]
    files: dict[str, bytes | Path] = {"standard.py": source, "sae.safetensors": weights}
    place = place_of(box.results / "standard" / "seed0-0000", workspace)
    draft = Draft("score", place, score.model_dump(mode="json"), files)
    RecordWriter(workspace, results_of(box.name)).write(draft)

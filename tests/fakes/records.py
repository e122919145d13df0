"""Signed records of SAEs that were never trained, for tests of code that reads records."""

import hashlib
from pathlib import Path
from typing import Any

from fumehood_tools.receipts import Draft, RecordWriter, place_of, results_of
from fumehood_tools.records.scores import Cost, Data, Provenance, Score
from fumehood_tools.sandbox.create import Sandbox


def put_score(
    sandbox: Sandbox, variant: str, l0: float, explained: float, seed: int = 0, **parts: Any
) -> Path:
    """Write a signed synthetic score of a packaged variant, without training anything."""
    source = (sandbox.variants / f"{variant}.py").read_bytes()
    weights = b"not really weights"
    score = Score(
        variant=variant,
        seed=seed,
        run="0" * 16,
        **parts,
        subject="synthetic",
        layer=0,
        site="resid_post",
        dict_size=256,
        data=Data(digest="d" * 16, train_tokens=20_000, eval_tokens=2_032),
        metrics={"l0": l0, "explained_variance": explained, "mse": 1.0, "alive": 0.9}
        | {"probing_top5": 0.75 if explained > 0.5 else 0.70, "probing_subject": 0.86},
        provenance=Provenance(
            variant_sha256=hashlib.sha256(source).hexdigest(),
            weights_sha256=hashlib.sha256(weights).hexdigest(),
            weights_bytes=len(weights),
            settings_digest="s" * 16,
            template_sha256="t" * 64,
            evaluator_sha256="e" * 16,
            versions={},
            machine="a machine",
        ),
        spec={},
        glass="rlimits",
        cost=Cost(train_seconds=1.0, score_seconds=1.0),
        started="2026-01-01T00:00:00+00:00",
        finished="2026-01-01T00:00:00+00:00",
    )
    folder = sandbox.results / variant / f"seed{seed}-{round(l0) if parts else 0:08}"
    workspace = sandbox.folder.parents[1]
    files: dict[str, bytes | Path] = {f"{variant}.py": source, "sae.safetensors": weights}
    draft = Draft("score", place_of(folder, workspace), score.model_dump(mode="json"), files)
    RecordWriter(workspace, results_of(sandbox.name)).write(draft)
    return folder

"""Records of a custom sandbox as its runs write them, without running anything."""

import hashlib
from typing import Any

from fumehood_tools.custom.scored import KIND
from fumehood_tools.custom.sealed import check_sealed
from fumehood_tools.receipts import Draft, RecordWriter, place_of
from fumehood_tools.records.scores import Asked, Failure
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings


def put_custom_score(
    settings: Settings,
    box: Sandbox,
    variant: str,
    seed: int,
    effect: float,
    asked: Asked | None = None,
) -> str:
    """Write the record of a variant's file of now; return its place."""
    sealed, is_pinned = check_sealed(settings.state, box)
    source = (box.variants / f"{variant}.py").read_bytes()
    sha256 = hashlib.sha256(source).hexdigest()
    run = hashlib.sha256(f"{sha256} {seed} {sealed}".encode()).hexdigest()
    content: dict[str, Any] = {
        "variant": variant,
        "seed": seed,
        "control": b"TRAIN = False" in source,
        "metrics": {"effect": effect, "damage": 0.1, "strength": 0.3},
        "sealed_sha256": sealed,
        "pinned": is_pinned,
        "variant_sha256": sha256,
        "produced_sha256": hashlib.sha256(run.encode()).hexdigest(),
        "asked": asked and asked.model_dump(mode="json"),
        "glass": "rlimits",
        "seconds": [0.5, 2.0],
        "written": "2026-11-30T12:00:00+00:00",
    }
    return _put(settings, box, KIND, content, source, run)


def put_custom_failure(
    settings: Settings, box: Sandbox, variant: str, seed: int, message: str = "ValueError: no"
) -> str:
    """Write that a run of a variant's file of now failed; return its place."""
    sealed, _ = check_sealed(settings.state, box)
    source = (box.variants / f"{variant}.py").read_bytes()
    sha256 = hashlib.sha256(source).hexdigest()
    run = hashlib.sha256(f"{sha256} {seed} {sealed}".encode()).hexdigest()
    failure = Failure(
        variant=variant,
        seed=seed,
        file_sha256=sha256,
        run=run,
        control=variant if b"TRAIN = False" in source else None,
        stage="produce",
        code="variant_rejected",
        message=message,
        variant_sha256=sha256,
        glass="rlimits",
        sealed_sha256=sealed,
        started="2026-11-30T11:59:30+00:00",
        finished="2026-11-30T12:00:00+00:00",
    )
    return _put(settings, box, "failure", failure.model_dump(mode="json"), source, run)


def _put(
    settings: Settings, box: Sandbox, kind: str, content: dict[str, Any], source: bytes, run: str
) -> str:
    variant, seed = content["variant"], content["seed"]
    place = place_of(box.results / variant / f"seed{seed}-{run[:8]}", settings.workspace)
    writer = RecordWriter(settings.workspace, place_of(box.results, settings.workspace))
    writer.write(Draft(kind, place, content, {f"{variant}.py": source}))
    return place

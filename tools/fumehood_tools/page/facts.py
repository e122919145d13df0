"""The facts about one trained SAE (metrics, checks, digests, machines) and its training curve."""

import json
from collections.abc import Mapping
from pathlib import Path

from fumehood_tools.records.scores import Provenance, Score
from fumehood_tools.registry.lookup import chosen_metrics

MOST_POINTS = 60


def facts_of(score: Score, mac: str) -> list[tuple[str, str]]:
    """Return (name, value) pairs about a score. Digests are cut to 12 digits."""
    about = score.provenance
    lines = [
        (metric.words, f"{score.metrics[metric.key]:.{metric.digits + 1}f}")
        for metric in chosen_metrics(lambda metric: metric.on_card)
        if metric.key in score.metrics
    ]
    if score.parameters:
        lines.append(("parameters", ", ".join(f"{k} = {v}" for k, v in score.parameters.items())))
    if score.integrity is not None:
        lines.append(("checks passed", str(len(score.integrity.checks))))
        lines.append(("decoder", score.integrity.decoder))
    return [
        *lines,
        ("receipt", mac[:12]),
        ("variant", about.variant_sha256[:12]),
        ("weights", about.weights_sha256[:12]),
        ("data", score.data.digest[:12]),
        ("evaluator", about.evaluator_sha256[:12]),
        ("template", about.template_sha256[:12]),
        ("glass", score.glass),
        ("arithmetic", about.arithmetic),
        *_places(about),
        ("trained, scored", f"{score.cost.train_seconds:.1f} s, {score.cost.score_seconds:.1f} s"),
        ("finished", score.finished),
    ]


def _places(about: Provenance) -> list[tuple[str, str]]:
    """Return (name, value) pairs about the machines and packages of training and scoring."""

    def packages(versions: Mapping[str, str]) -> str:
        return ", ".join(f"{name} {version}" for name, version in versions.items())

    trained, scored = about.trained, about.scored
    if trained is None or scored is None:
        return [("machine", about.place), ("packages", packages(about.versions))]
    lines = [("trained on", trained.text()), ("scored on", scored.text())]
    if trained.versions == scored.versions:
        return [*lines, ("packages", packages(trained.versions))]
    return [
        *lines,
        ("packages, training", packages(trained.versions)),
        ("packages, scoring", packages(scored.versions)),
    ]


def curve_of(log: Path) -> list[tuple[int, float]] | None:
    """Return at most 60 (tokens, loss) points of a training log, or None if there is no log.

    The variant's own process wrote the log and could write anything, so the page shows it as the
    variant's claim, not as a measurement. Lines without numbers are skipped.
    """
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    points = [point for line in lines if (point := _point(line)) is not None]
    step = max(1, -(-len(points) // MOST_POINTS))
    return [*points[:-1:step], points[-1]] if points else None


def _point(line: str) -> tuple[int, float] | None:
    try:
        found = json.loads(line)
        tokens, loss = int(found["tokens"]), float(found["loss"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return (tokens, round(loss, 6)) if abs(loss) < 1e12 else None

"""The content of the page of a custom sandbox, which `page.write_page` writes.

It has the parts of an SAE sandbox's page, with the metrics that sandbox.toml declares: a strip per
metric in place of plots over L0, the differences from the baseline, the table, and the receipt and
source of every score. Texts from variants are untrusted data, which the page inserts as text.
"""

import math
from pathlib import Path
from typing import Any

from fumehood_tools.bench.colours import colours_of
from fumehood_tools.custom.comparison import BASELINE
from fumehood_tools.custom.plot import Seen, effects_of
from fumehood_tools.custom.scored import Version, mean_and_sd
from fumehood_tools.custom.sealed import custom_of, is_pinned
from fumehood_tools.custom.table import STALE, failure_rows, words_about
from fumehood_tools.receipts import mac_of
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CustomMetric

_DIGEST, _LEAST_DIGITS, _MOST_DIGITS = 12, 3, 6
LEGEND = (
    "±: sample standard deviation over seeds. *: the variant's file was changed since; it is not "
    "compared. Metrics are measured by this sandbox's own code, not by fumehood's."
)


def custom_page(settings: Settings, box: Sandbox, seen: Seen) -> dict[str, Any]:
    """Return the content of the page. seen: see `plot.seen_of`."""
    scores, found = seen
    custom = custom_of(box)
    metrics = sorted(custom.metrics, key=lambda one: one.name != custom.headline)
    headline = metrics[0]
    effects = effects_of(found) if found else None
    colours = colours_of((one.variant, one.kind) for one in scores.versions)
    verdicts = {row.variant: row for row in found.rows} if found else {}
    return {
        "sandbox": box.name,
        "subtitle": _subtitle(box, seen),
        "warnings": _warnings(settings, box, seen),
        "legend": LEGEND,
        "definitions": _definitions(seen),
        "columns": [_column(metric) for metric in metrics],
        "order": {"key": headline.name, "down": headline.better != "lower"},
        "x": None,
        "panels": [_panel(metric) for metric in metrics],
        "colours": {name: one.hex for name, one in colours.items()},
        "effects": effects and effects.model_dump(mode="json"),
        "rows": [_row(one, metrics, verdicts) for one in scores.versions],
        "density": None,
        "saes": [card for one in scores.versions for card in _cards(one, metrics)],
        "sources": {one.sha256: _source(settings.workspace, one) for one in scores.versions},
    }


def _subtitle(box: Sandbox, seen: Seen) -> str:
    subject, count = box.spec.subject, sum(len(one.scores) for one in seen.scores.versions)
    if not count:
        return "no scores yet"
    return (
        f"{Path(subject.name).name}, layer {subject.layer}, {subject.site}; compared by "
        f"{custom_of(box).headline}; {count} scores, each with a signed receipt"
    )


def _warnings(settings: Settings, box: Sandbox, seen: Seen) -> list[str]:
    scores = seen.scores
    said = [f"evaluated by this sandbox's own code, sha256 {scores.sealed}"]
    if not is_pinned(settings.state, box, scores.sealed):
        said.append("no reviewer has pinned this code")
    others, failed = sum(scores.others.values()), failure_rows(box, scores)
    said += [f"left out: {others} scores by other sealed files"] * bool(others)
    said += [f"failed: {one.label} seed {one.seed}: {one.message}" for one in failed]
    return [*said, *(f"left out: {place}: {why}" for place, why in scores.records.broken.items())]


def _definitions(seen: Seen) -> list[str]:
    """Return the meaning of the verdicts that are there, and of the correction of p."""
    if seen.found is None:
        return []
    words = {str(row.verdict) for row in seen.found.rows}
    meanings = seen.found.meanings()
    said = [f"{word}: {text}." for word, text in meanings.items() if word in words]
    against = f"verdict: of {seen.found.metric}, against {seen.found.baseline}."
    return [" ".join([against, *said, f"p is {meanings['p_adjusted']}."])]


def digits_of(metric: CustomMetric) -> int:
    """Return the digits after the point that show the smallest difference that counts."""
    if not metric.smallest:
        return _LEAST_DIGITS
    return min(_MOST_DIGITS, max(_LEAST_DIGITS, 1 - math.floor(math.log10(metric.smallest))))


def _column(metric: CustomMetric) -> dict[str, Any]:
    return {
        "key": metric.name,
        "title": metric.name,
        "about": words_about(metric),
        "digits": digits_of(metric),
        "down": metric.better != "lower",
    }


def _panel(metric: CustomMetric) -> dict[str, Any]:
    return {
        "key": metric.name,
        "title": metric.name,
        "y": metric.name,
        "digits": digits_of(metric),
        "better": metric.better,
        "note": words_about(metric),
    }


def _row(version: Version, metrics: list[CustomMetric], verdicts: dict[str, Any]) -> dict[str, Any]:
    row = None if version.stale else verdicts.get(version.variant)
    spread = {one.name: mean_and_sd(version.values(one.name).values()) for one in metrics}
    return {
        "label": version.label,
        "variant": version.variant,
        "kind": version.kind,
        "stale": STALE if version.stale else None,
        "seeds": sorted(version.scores),
        "minor": False,
        "metrics": {name: {"mean": mean, "sd": sd} for name, (mean, sd) in spread.items()},
        "change": None,
        "change_reason": None,
        "verdict": row and str(row.verdict),
        "verdict_reason": row and row.reason if row and row.verdict != BASELINE else None,
    }


def _cards(version: Version, metrics: list[CustomMetric]) -> list[dict[str, Any]]:
    """Return one card per seed: metrics, receipt and hashes."""
    return [
        {
            "label": version.label,
            "seed": seed,
            "source": version.sha256,
            "density": None,
            "curve": None,
            "facts": [
                *((one.name, f"{record['metrics'][one.name]:.6g}") for one in metrics),
                ("receipt", mac_of(record)[:_DIGEST]),
                ("variant", record["variant_sha256"][:_DIGEST]),
                ("arrays", record["produced_sha256"][:_DIGEST]),
                ("evaluated by", f"sealed {record['sealed_sha256'][:_DIGEST]}"),
                ("glass", str(record["glass"])),
                ("produced, evaluated", "{:.1f} s, {:.1f} s".format(*record["seconds"])),
                ("finished", str(record["written"])),
            ],
        }
        for seed, record in sorted(version.scores.items())
    ]


def _source(workspace: Path, version: Version) -> str:
    place = next(iter(version.places.values()))
    try:
        found = (workspace / place / f"{version.variant}.py").read_bytes()
    except OSError:
        return "gone"
    return found.decode("utf-8", "replace")

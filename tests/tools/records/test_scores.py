"""Records of scores: which contents are valid, and how the machine of a score is shown."""

from typing import Any

import pytest
from pydantic import ValidationError

from fumehood_tools.records.scores import Provenance, Score
from fumehood_tools.where import Where

HERE: dict[str, Any] = {
    "machine": "x86_64, 2 cores, Linux",
    "device": "cpu",
    "threads": 2,
    "glass": "landlock",
    "versions": {"torch": "2.13.0"},
}
ABOUT: dict[str, Any] = {
    "variant_sha256": "a" * 64,
    "weights_sha256": "b" * 64,
    "weights_bytes": 4,
    "settings_digest": "s" * 16,
    "template_sha256": "t" * 64,
    "evaluator_sha256": "e" * 16,
}


def score(metrics: dict[str, Any]) -> Score:
    return Score.model_validate(
        {
            "variant": "topk",
            "seed": 0,
            "run": "0" * 16,
            "subject": "synthetic",
            "layer": 0,
            "site": "resid_post",
            "dict_size": 64,
            "data": {"digest": "d", "train_tokens": 1, "eval_tokens": 1},
            "metrics": metrics,
            "provenance": ABOUT,
            "spec": {},
            "glass": "landlock",
            "cost": {"train_seconds": 1.0, "score_seconds": 1.0},
            "started": "2026-01-01T00:00:00+00:00",
            "finished": "2026-01-01T00:00:00+00:00",
        }
    )


def test_what_an_older_record_says_was_not_measured_is_absent() -> None:
    found = score({"l0": 32.0, "explained_variance": 0.7, "probing": None, "l1": None})
    assert found.metrics == {"l0": 32.0, "explained_variance": 0.7}
    assert Score.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"l0": 32.0, "explained_variance": 0.7, "sparkle": 1.0}, "has no metric sparkle"),
        ({"l0": 32.0}, "must have explained_variance"),
        ({"l0": None, "explained_variance": 0.7}, "must have l0"),
        ({"l0": "many", "explained_variance": 0.7}, "valid number"),
        ([1.0], "valid dictionary"),
    ],
)
def test_metrics_are_those_of_a_score_and_the_necessary_ones_are_there(
    metrics: Any, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        score(metrics)


def place(**scored: Any) -> str:
    trained, other = Where.model_validate(HERE), Where.model_validate({**HERE, **scored})
    return Provenance.model_validate({**ABOUT, "trained": trained, "scored": other}).place


def test_training_and_scoring_in_one_place_are_one_text() -> None:
    assert place() == "cpu, 2 threads, landlock; x86_64, 2 cores, Linux"
    assert place(versions={}) == place()


def test_where_only_the_threads_differ_the_rest_is_said_once() -> None:
    assert place(threads=1) == "cpu, 2 threads (1 to score), landlock; x86_64, 2 cores, Linux"


def test_where_more_differs_both_are_said() -> None:
    assert place(threads=1, device="cuda") == (
        "trained: cpu, 2 threads, landlock; x86_64, 2 cores, Linux; "
        "scored: cuda, 1 thread, landlock; x86_64, 2 cores, Linux"
    )

"""What the scorer says arrives as it was meant: readiness, scores, and failures."""

import json
import math

import pytest

from fumehood_tools.errors import FumehoodError, IntegrityFailed, RunFailed
from fumehood_tools.scoring.requests import (
    ErrorReport,
    Reply,
    ScorerReady,
    ScoringAnswer,
    ScoringFailure,
    read_reply,
    reply_line,
)
from fumehood_tools.where import here


def test_each_reply_arrives_as_what_it_is() -> None:
    check = IntegrityFailed("repeat_encoding", "0.3 instead of 0", "Remove the noise.")
    replies: tuple[Reply, ...] = (
        ScorerReady(),
        ScoringAnswer(
            name="topk seed 0",
            metrics={"l0": 32.0},
            where=here("cpu", 2, "landlock"),
            weights_sha256="w",
            seconds=1.5,
        ),
        ScoringFailure(name="topk seed 0", error=ErrorReport.of(check)),
        ScoringFailure(error=ErrorReport.of(RunFailed("It is full. Free some space."))),
    )
    for reply in replies:
        line = reply_line(reply)
        assert "\n" not in line and read_reply(json.loads(line)) == reply


def test_numbers_that_are_none_arrive() -> None:
    answer = ScoringAnswer(
        name="it",
        metrics={"mse": math.inf, "cosine": math.nan},
        where=here("cpu", 2, "landlock"),
        weights_sha256="w",
        seconds=1.5,
    )
    found = read_reply(json.loads(reply_line(answer)))
    assert isinstance(found, ScoringAnswer)
    assert found.metrics["mse"] == math.inf and math.isnan(found.metrics["cosine"])


def test_an_error_is_raised_elsewhere_with_its_words_and_its_code() -> None:
    report = ErrorReport.of(IntegrityFailed("leakage", "3 documents", "Harvest again."))
    assert report.check == "leakage"
    with pytest.raises(FumehoodError, match="leakage: 3 documents") as caught:
        raise report.as_error()
    assert caught.value.code == "integrity"

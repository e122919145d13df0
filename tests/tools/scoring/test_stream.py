"""An encoder cannot know what is being measured, and no latent can hide changes of others."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fumehood_tools.scoring.requests import ScoringSetup

pytestmark = pytest.mark.child

Answers = Mapping[str, dict[str, Any]]
TOPK = """
    def sparse(self, x, k):
        a = torch.relu(self.encoder(x - self.bias))
        v, i = a.topk(k, dim=-1)
        return torch.zeros_like(a).scatter(-1, i, v)
"""
# A latent depends on the number of rows and calls so far: one of the two encoders gets more than
# 2,100 rows, and no first request has as many. Next to it is a large constant latent that no
# decoder column reads.
COUNTER = (
    """
class CustomSAE(BaseSAE):
    rows = calls = 0
"""
    + TOPK
    + """
    def encode(self, x):
        CustomSAE.rows += len(x)
        CustomSAE.calls += 1
        f = self.sparse(x, 8)
        f[:, -8:] = 0
        {ballast}
        f[:, -2] = {flag}
        return f

    def decode(self, f):
        f = f.clone()
        f[:, -8:] = 0
        return super().decode(f)
"""
)
BALLAST = {
    "none": "pass",
    "one": "f[:, -1] = 300.0",
    "many": "f[:, -8:] = 300.0",
}
FLAGS = {
    "rows": "3.0 * (CustomSAE.rows > 2100)",
    "calls": "1.0 + (CustomSAE.calls > 1)",
    "size": "1.0 + (len(x) > 1500)",
}
COUNTERS = {
    f"{flag}_{ballast}": COUNTER.format(ballast=BALLAST[ballast], flag=FLAGS[flag])
    for flag, ballast in (
        ("rows", "none"),
        ("rows", "one"),
        ("rows", "many"),
        ("calls", "one"),
        ("size", "one"),
    )
}
# Many latents on the rows of loss recovered and few elsewhere: it would have to recognize these.
LOSS_ROWS = (
    """
class CustomSAE(BaseSAE):
    rows = 0
"""
    + TOPK
    + """
    def encode(self, x):
        at = CustomSAE.rows + torch.arange(len(x))
        CustomSAE.rows += len(x)
        return torch.where((at >= {first})[:, None], self.sparse(x, 48), self.sparse(x, 4))
"""
)


@pytest.fixture(scope="module")
def counters(score_all: Callable[[dict[str, str]], Answers]) -> Answers:
    return score_all(COUNTERS)


@pytest.mark.parametrize("name", COUNTERS)
def test_what_depends_on_rows_seen_so_far_is_refused_whatever_stands_beside_it(
    counters: Answers, name: str
) -> None:
    error = counters[name].get("error")
    assert error is not None and error["check"] in ("determinism", "batch_invariance"), counters


def test_rows_of_loss_recovered_are_rows_of_the_evaluation_split_encoded_once(
    small: ScoringSetup, score_all: Callable[[dict[str, str]], Answers]
) -> None:
    # Of all rows, one of the two encoders gets more than these.
    source = LOSS_ROWS.format(first=small.activations.eval_tokens * 2 // 3)
    answer = score_all({"loss": source})["loss"]
    assert answer["error"]["check"] in ("determinism", "batch_invariance"), answer


def test_two_encoders_that_answer_differently_are_refused(
    score_all: Callable[[dict[str, str]], Answers],
) -> None:
    source = """
    class CustomSAE(BaseSAE):
        def encode(self, x):
            return super().encode(x) * (1 + os.getpid() % 7)
    """
    error = score_all({"own_pid": source})["own_pid"]["error"]
    assert error["check"] == "determinism", error


def test_latents_that_never_reach_the_reconstruction_are_counted(
    score_all: Callable[[dict[str, str]], Answers],
) -> None:
    constant = COUNTER.format(ballast=BALLAST["one"], flag="2.0")
    integrity = score_all({"constant": constant})["constant"]["integrity"]
    assert integrity["idle_latents"] == 2
    assert integrity["idle_l0"] == pytest.approx(2)

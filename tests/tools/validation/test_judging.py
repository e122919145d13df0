"""An agent's judgments: quotes must be in the checkout, and a disagreement is shown."""

import pytest
from fakes.dripgate import Repository

from fumehood_tools.validation.judging import check_judgements, disagreement
from fumehood_tools.validation.models import CheckedJudgement, CodeQuote, ComponentJudgement

QUOTE = "self.threshold += self.leak_rate * (median - self.threshold)"


def judged(
    repository: Repository, file: str, line: int, quote: str, verdict: str = "implemented"
) -> CheckedJudgement:
    one = ComponentJudgement.model_validate(
        {
            "component": "leaky threshold",
            "verdict": verdict,
            "quotes": [CodeQuote(file=file, line=line, quote=quote)],
        }
    )
    [checked] = check_judgements([one], repository(), "c0ffee")
    return checked


def test_a_quote_at_its_line_or_close_to_it_is_accepted(repository: Repository) -> None:
    for line in (15, 17, 12):
        found = judged(repository, "dripgate/gate.py", line, f"    {QUOTE}  ")
        assert found.accepted and found.commit == "c0ffee", found.reason


def test_a_quote_over_two_lines_is_found(repository: Repository) -> None:
    two = "median = batch.median(0).values\n" + QUOTE
    assert judged(repository, "dripgate/gate.py", 14, two).accepted


@pytest.mark.parametrize(
    ("file", "line", "quote", "reason"),
    [
        ("dripgate/gate.py", 3, QUOTE, "the quote is at line 15"),
        ("dripgate/gate.py", 15, "self.threshold -= 1", "does not contain the quote"),
        ("gate.py", 15, QUOTE, "Did you mean 'dripgate/gate.py'"),
        ("../../etc/hosts", 1, "localhost", "no such file"),
        ("dripgate/gate.py", 15, "(((( ))))", "too few letters"),
    ],
)
def test_a_rejected_quote_says_why(
    repository: Repository, file: str, line: int, quote: str, reason: str
) -> None:
    found = judged(repository, file, line, quote)
    assert not found.accepted and reason in found.reason


def test_only_absence_needs_no_quote(repository: Repository) -> None:
    absent = ComponentJudgement(component="drought penalty", verdict="absent")
    claimed = ComponentJudgement(component="drought penalty", verdict="implemented")
    first, second = check_judgements([absent, claimed], repository(), "")
    assert first.accepted and not second.accepted and "needs a quote" in second.reason


def test_a_disagreement_is_told_and_agreement_is_not(repository: Repository) -> None:
    there = judged(repository, "dripgate/gate.py", 15, QUOTE)
    absent = judged(repository, "dripgate/gate.py", 15, QUOTE, "absent")
    assert disagreement([there], "primary", 0.6) == ""
    assert "sees little of the method" in disagreement([there], "unknown", 0.05)
    assert "the evidence says primary" in disagreement([absent], "primary", 0.6)

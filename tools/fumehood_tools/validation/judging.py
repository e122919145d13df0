"""Check an agent's judgments: every quote must be in the checkout, at its line or close to it.

Quotes are compared by letters and digits, so that indentation and line ends do not matter. A quote
at another place is rejected with the line at which it is. Tests and data may be quoted: whether
they are evidence is for the agent to judge, and the path shows it.
"""

import re
from collections.abc import Sequence

from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import read_plain
from fumehood_tools.quoting import one_line
from fumehood_tools.repositories import Checkout
from fumehood_tools.validation.constants import METHOD_SEEN
from fumehood_tools.validation.models import (
    CheckedJudgement,
    CodeQuote,
    ComponentJudgement,
    Standing,
)

TOLERANCE = 3
"""Lines by which a quote may be beside the line that was given."""
_LARGEST = 20_000_000
_SHORTEST = 4
_PLAIN = re.compile(r"[\W_]+")


def check_judgements(
    judgements: Sequence[ComponentJudgement], checkout: Checkout, commit: str
) -> list[CheckedJudgement]:
    """Return each judgment with the result of its check, in order."""
    return [_check(it, checkout, commit) for it in judgements]


def _check(one: ComponentJudgement, checkout: Checkout, commit: str) -> CheckedJudgement:
    if not one.quotes and one.verdict != "absent":
        return CheckedJudgement(
            judgement=one,
            accepted=False,
            reason=f"The verdict {one.verdict!r} needs a quote from the code. Add file, line and "
            "words, or judge it absent.",
        )
    reasons = [reason for quote in one.quotes if (reason := _fault(quote, checkout))]
    return CheckedJudgement(
        judgement=one, accepted=not reasons, reason=" ".join(reasons), commit=commit
    )


def _fault(quote: CodeQuote, checkout: Checkout) -> str:
    """Return why a quote is rejected, "" if it is where it should be."""
    place = f"{one_line(quote.file)[:200]}:{quote.line}"
    if quote.file not in checkout.files:
        close = [
            it for it in checkout.files if it.rpartition("/")[2] == quote.file.rpartition("/")[2]
        ]
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"{place}: the checkout has no such file.{hint}"
    try:
        text = read_plain(checkout.path(quote.file), _LARGEST).decode("utf-8", "replace")
    except StorageFailed as error:
        return f"{place}: {error}"
    wanted = _bare(quote.quote)
    if len(wanted) < _SHORTEST:
        return f"{place}: the quote has too few letters and digits to be found. Quote more."
    lines = _lines_with(wanted, text)
    if any(abs(it - quote.line) <= TOLERANCE for it in lines):
        return ""
    if lines:
        nearest = min(lines, key=lambda it: abs(it - quote.line))
        return f"{place}: the quote is at line {nearest}. Correct the line."
    there = text.splitlines()[quote.line - 1 : quote.line]
    shown = f" That line is: {one_line(there[0])[:160]!r}." if there else " The file is shorter."
    return f"{place}: the file does not contain the quote.{shown}"


def _bare(text: str) -> str:
    return _PLAIN.sub("", text).lower()


def _lines_with(wanted: str, text: str) -> list[int]:
    """Return the lines at which the wanted letters begin, in a text that is squeezed once."""
    starts: list[int] = []
    pieces: list[str] = []
    size = 0
    for line in text.split("\n"):
        starts.append(size)
        pieces.append(_bare(line))
        size += len(pieces[-1])
    squeezed = "".join(pieces)
    found: list[int] = []
    at, number = squeezed.find(wanted), 0
    while at >= 0 and len(found) < 1000:
        while number + 1 < len(starts) and starts[number + 1] <= at:
            number += 1
        found.append(number + 1)
        at = squeezed.find(wanted, at + 1)
    return found


def disagreement(judgements: Sequence[CheckedJudgement], standing: Standing, method: float) -> str:
    """Return where the accepted judgments contradict the score, "" where they agree.

    Neither is changed: whoever reads it must look at the quotes.
    """
    verdicts = [it.judgement.verdict for it in judgements if it.accepted]
    if not verdicts:
        return ""
    there = sum(it in ("implemented", "partly") for it in verdicts)
    share = f"{there} of {len(verdicts)} judged components are in the code"
    if there * 2 > len(verdicts) and method < METHOD_SEEN.value:
        return f"{share}, but the score sees little of the method ({method:.2f})."
    if there * 2 < len(verdicts) and standing == "primary":
        return f"Only {share}, but the evidence says primary (method {method:.2f})."
    if "contradicted" in verdicts and standing == "primary":
        return "A judgment says that the code contradicts the paper; the evidence says primary."
    return ""

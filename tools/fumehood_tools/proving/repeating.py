"""Requirement 7.4: the evaluation repeats itself. The best baseline's weights are scored again.

Costs one more process of the scorer and one more score. A metric may differ by the tolerance of
`fumehood verify`, because the scorer draws the order of rows anew each time.
"""

from collections.abc import Sequence

from fumehood_tools.proving.bench import ProvingBench
from fumehood_tools.proving.folder import VARIANTS
from fumehood_tools.proving.report import Fault, Result, judged, not_tried
from fumehood_tools.proving.scores import Outcome
from fumehood_tools.receipts.audit import audit
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.runs.rescore import rescore


def judge_repeat(bench: ProvingBench, names: Sequence[str], outcome: Outcome) -> Result:
    """Return the result of requirement 7.4. names: of baselines. Raises StorageFailed."""
    scored = [name for name in names if name in outcome.records]
    if not scored:
        return not_tried("7.4", "no baseline has a score, see 4.3")
    best = max(scored, key=lambda name: float(outcome.records[name]["metrics"][QUALITY]))
    _, sound = audit(bench.settings.workspace, bench.box.name)
    own = [one for one in sound if one.kind == SCORE.name and one.record["variant"] == best]
    again = rescore(own, bench.settings, 1)
    wrong = [one.message for one in again.findings if one.level == "wrong"]
    if not wrong and not again.rescored:
        notes = "; ".join(one.message for one in again.findings)
        return not_tried("7.4", notes or f"the record of {best} does not verify, see 7.2")
    faults = [Fault(why=f"{why}.", file=f"{VARIANTS}/{best}.py") for why in wrong]
    most = max((one.largest for one in again.rescored), default=0.0)
    return judged("7.4", faults, f"{best} scored again, within {most:.1%} of the tolerance")

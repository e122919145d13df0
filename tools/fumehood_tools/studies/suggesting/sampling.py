"""The child process that proposes values: Optuna's TPE sampler, asked and told.

The request has all trials, as `proposals.py` made them from receipts. Optuna keeps them in memory
for this one question: there is no database that could disagree with the receipts. Costs 0.4 s for
the import and about 1 ms per trial.

States: a trial with an objective is COMPLETE. One whose training failed for a reason of its own is
PRUNED, which TPE takes for worse than all others. One that a living job is running is RUNNING, so
that the sampler keeps away from it. One that was cut short (by a kill, a crash or a limit of the
machine) is FAIL: it says nothing about its values, and must not repel the sampler as it would if it
stayed RUNNING (constant_liar is on by default since Optuna 5). Proposals of one answer repel each
other in this way, which is wanted: on a made function of three constants the best of four was
better with it than without, from 12 to 30 measured trials (40 repetitions each).

Tree-structured Parzen estimators: Bergstra et al. 2011; Optuna: Akiba et al. 2019.
"""

import json
import math
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from fumehood_tools.children import ReportProgress, answer_once
from fumehood_tools.records.parameters import Value
from fumehood_tools.studies.suggesting.ranges import ValueRange

State = Literal["COMPLETE", "PRUNED", "RUNNING", "FAIL"]
_ASKED_PER_PROPOSAL = 20
"""How often the sampler may propose what was tried before it is given up."""


class PastTrial(BaseModel, frozen=True):
    """One set of values that was run. objective: higher is better; None unless COMPLETE."""

    values: dict[str, Value]
    state: State
    objective: float | None = None


class SamplingRequest(BaseModel, frozen=True):
    """What the child is asked."""

    ranges: list[ValueRange]
    trials: list[PastTrial]
    count: int
    seed: int


def propose(asked: SamplingRequest) -> list[dict[str, Value]]:
    """Return up to `count` new sets of values, none of which was tried."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {one.name: _distribution(one) for one in asked.ranges}
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=asked.seed)
    )
    for trial in asked.trials:
        if all(one.has(trial.values[one.name]) for one in asked.ranges):
            study.add_trial(_past(trial, space))
    tried = [trial.values for trial in asked.trials]
    found: list[dict[str, Value]] = []
    for _ in range(asked.count * _ASKED_PER_PROPOSAL):
        if len(found) == asked.count:
            break
        # A trial that was asked for and is not told stays RUNNING and keeps the next ones away.
        drawn = study.ask(space).params
        values = {one.name: one.rounded(drawn[one.name]) for one in asked.ranges}
        if values not in tried and values not in found:
            found.append(values)
    return found


def _past(trial: PastTrial, space: dict[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial

    state = TrialState[trial.state]
    known = trial.objective is not None and math.isfinite(trial.objective)
    if state == TrialState.COMPLETE and not known:
        state = TrialState.FAIL
    return create_trial(
        state=state,
        params={name: trial.values[name] for name in space},
        distributions=space,
        value=trial.objective if state == TrialState.COMPLETE else None,
    )


def _distribution(one: ValueRange) -> Any:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if one.kind == "choice":
        return CategoricalDistribution(one.choices)
    if one.kind == "int":
        return IntDistribution(int(one.low), int(one.high), log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)


def _answer(asked: Any, folder: Path, progress: ReportProgress) -> str:
    return json.dumps(propose(SamplingRequest.model_validate(asked)))


if __name__ == "__main__":
    answer_once(_answer)

#!/usr/bin/env bash
# optuna 5.0.0: a trial whose process died keeps the TPE sampler away from its values for ever.
#
# Expected: trials that never reported a value do not count, as in earlier versions, where
# TPESampler's constant_liar was False by default.
# Found: it is True, and whatever is still RUNNING counts as one of the worst. Nothing ends a trial
# whose process died, so values near the best ones are proposed more rarely after each crash: with
# twelve such trials at the best value, 2 of 100 first proposals are near it, without them 99. If they
# are FAIL, the proposals are those without them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check optuna==5.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

optuna.logging.set_verbosity(optuna.logging.ERROR)
SPACE = {"x": FloatDistribution(-4.0, 4.0)}


def trial(x, state=TrialState.COMPLETE):
    value = x * x if state == TrialState.COMPLETE else None
    return create_trial(state=state, params={"x": x}, distributions=SPACE, value=value)


def near_the_best(lost):
    """Return how many of 100 first proposals are within 0.5 of the best x, which is 0."""
    found = 0
    for seed in range(100):
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.add_trials([trial(step / 4) for step in range(-15, 16)] + lost)
        found += abs(study.ask(SPACE).params["x"]) < 0.5
    return found


without = near_the_best([])
running, failed = (
    near_the_best([trial(step / 50, state) for step in range(-6, 6)])
    for state in (TrialState.RUNNING, TrialState.FAIL)
)
print("optuna", optuna.__version__)
print(f"near the best: {without} without lost trials, {running} RUNNING, {failed} FAIL")
assert failed == without
assert running < without / 2, "a lost trial no longer keeps proposals away"
PYTHON

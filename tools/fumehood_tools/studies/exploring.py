"""An exploratory conclusion: our analysis of scores that no plan foresaw.

It uses the same statistics as a plan's, corrected for all tries, and is marked EXPLORATORY
everywhere: whoever chooses what to judge after seeing the scores can be fooled by them. Costs
about 2 s (a child process does the statistics) and the reading of all records.
"""

from collections.abc import Sequence

from fumehood_tools.bench.collect import Setting
from fumehood_tools.bench.which_setting import pick_setting
from fumehood_tools.compare import Comparison, compare_variants
from fumehood_tools.locking import exclusive
from fumehood_tools.receipts.places import results_of
from fumehood_tools.records.labelling import name_of
from fumehood_tools.registry.lookup import judged_metrics, metric_named
from fumehood_tools.sandbox.create import Sandbox, open_sandbox
from fumehood_tools.studies.claims import Aim, claim_of
from fumehood_tools.studies.counting import plans_again
from fumehood_tools.studies.entries import Claim, Conclusion
from fumehood_tools.studies.judging import (
    conclusions_about,
    enter,
    marked,
    minutes_of,
    records_of,
    seeds_at,
    state_of,
    usd_of,
)
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.missing import missing_controls
from fumehood_tools.studies.notebook import Entry, Study
from fumehood_tools.studies.own.judging import own_exploration, own_minutes
from fumehood_tools.studies.running import LOCK
from fumehood_tools.timestamps import now

NO_PLAN = 0
UNFORESEEN = "no plan foresaw these scores"


def judge_scores(
    lab: Lab,
    study: str,
    sandbox: str,
    variants: Sequence[str] = (),
    *,
    baseline: str,
    metric: str,
) -> tuple[Entry, Conclusion]:
    """Return an exploratory conclusion, and enter it if these scores were not judged before.

    variants: empty for all of the sandbox. Raises as `compare_variants` does, and UnknownName for a
    study that does not exist.
    """
    with exclusive(lab.settings.state / LOCK.format(name=study)):
        notebook = lab.studies.read(study)
        box = open_sandbox(lab.settings, sandbox)
        if box.spec.custom is not None:
            return _judge_own(lab, notebook, box, variants, baseline, metric)
        folder = box.folder
        comparison = compare_variants(
            folder,
            variants=list(variants) or None,
            baseline=baseline,
            metric=metric,
            packaged=lab.chosen_packaged,
            shelf=lab.records,
            more_tries=plans_again(lab),
            drawn=lab.drawn_seeds(),
        )
        settings = list(set(lab.found(sandbox).settings.values()))
        setting = pick_setting(settings, comparison.setting, folder)
        places = _places(lab, sandbox, comparison, setting)
        used = [place for some in places.values() for place in some]
        state = state_of(lab, sandbox, used, [baseline, metric, sorted(variants)])
        for entry, conclusion in conclusions_about(notebook, NO_PLAN):
            if conclusion.state == state:
                return entry, conclusion
        records = records_of(lab, sandbox, setting, {})
        conclusion = Conclusion(
            plan=NO_PLAN,
            registered=False,
            exploratory_because=[UNFORESEEN],
            claims=_claims(lab, sandbox, comparison, places),
            look=1,
            tries=comparison.tries,
            missing_controls=missing_controls(records, baseline, comparison) if records else [],
            minutes=minutes_of(lab, sandbox, used),
            usd=usd_of(lab, sandbox, used),
            metric=metric,
            state=state,
            written=now(),
        )
        return enter(lab, study, conclusion, comparison), conclusion


def _judge_own(
    lab: Lab, study: Study, box: Sandbox, variants: Sequence[str], baseline: str, metric: str
) -> tuple[Entry, Conclusion]:
    """Return the conclusion about a sandbox with an evaluation of its own, as `judge_scores`."""
    found = own_exploration(lab, box, variants, baseline, metric)
    state = state_of(lab, box.name, found.used, [baseline, metric, sorted(variants)])
    for entry, conclusion in conclusions_about(study, NO_PLAN):
        if conclusion.state == state:
            return entry, conclusion
    conclusion = Conclusion(
        plan=NO_PLAN,
        registered=False,
        exploratory_because=[UNFORESEEN],
        claims=[marked(claim) for claim in found.claims],
        look=1,
        tries=found.comparison.tries,
        minutes=own_minutes(lab, box.name, found.used),
        metric=found.comparison.metric,
        state=state,
        written=now(),
    )
    return enter(lab, study.name, conclusion, found.comparison), conclusion


def _places(
    lab: Lab, sandbox: str, comparison: Comparison, setting: Setting | None
) -> dict[str, list[str]]:
    """Return name -> places of the scores of the variants that were compared, and the baseline."""
    found = lab.found(sandbox)
    shown = {row.variant for row in comparison.rows} | {comparison.baseline}
    places: dict[str, list[str]] = {}
    packaged = lab.packaged(sandbox)
    for place, score in found.scores.items():
        name = name_of(score, packaged)
        if score.control is None and name in shown and found.settings[place] == setting:
            places.setdefault(name, []).append(place)
    return places


def _claims(
    lab: Lab, sandbox: str, comparison: Comparison, places: dict[str, list[str]]
) -> list[Claim]:
    metric, under = metric_named(comparison.metric, judged_metrics()), results_of(sandbox)
    aim = Aim("better", metric.margin or 0.0, metric.sign)
    return [
        marked(
            claim_of(
                row.variant,
                row,
                aim,
                seeds=seeds_at(lab, sandbox, places.get(row.variant, ())),
                receipts=[f"{under}/{one}" for one in places.get(row.variant, ())],
            )
        )
        for row in comparison.rows
    ]

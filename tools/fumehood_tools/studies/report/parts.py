"""What each part of a report has besides the author's prose. The author cannot leave any of it out.

An exploratory claim is marked EXPLORATORY in every line in which it appears.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence

from fumehood_tools.records.scores import Score
from fumehood_tools.registry.lookup import metric_named
from fumehood_tools.registry.sae_metrics import QUALITY, SPARSITY
from fumehood_tools.studies.entries import (
    Claim,
    Conclusion,
    HoldoutAnswer,
    Note,
    OwnEvaluation,
    Plan,
    Reflection,
)
from fumehood_tools.studies.hunts_seen import HuntSeen
from fumehood_tools.studies.notebook import Entry
from fumehood_tools.studies.references.stating import EXPLORATORY
from fumehood_tools.studies.report.facts import Facts, OwnRun, Run
from fumehood_tools.studies.report.markdown import bullets, digest, plain, table
from fumehood_tools.studies.told import budget_in_words, drawn_or_chosen, stopped_in_words

_CLAIM_HEADS = ("entry", "variant", "verdict", "effect", "95 % interval", "corrected p", "seeds")


def plans(facts: Facts) -> str:
    """Return the plans, as they were registered."""
    if not facts.plans:
        return f"No plan was registered, so everything in this report is {EXPLORATORY}."
    return "\n\n".join(_plan(entry, plan, facts) for entry, plan in facts.plans)


def _plan(entry: Entry, plan: Plan, facts: Facts) -> str:
    variants = ", ".join(
        f"{plain(one.name)} ({digest(one.file_sha256)})" for one in (*plan.variants, plan.baseline)
    )
    metric = plan.metric if plan.own else metric_named(plan.metric).words
    targets = ", ".join(f"{one:g}" for one in plan.l0_targets) or "as the files say"
    than = "to" if plan.direction == "equal" else "than"
    rows = [
        ("Hypothesis", plain(plan.hypothesis)),
        ("Prediction", f"{plan.direction} {than} {plain(plan.baseline.name)} in {metric}"),
        ("Smallest effect of interest", f"{plan.smallest_effect:g}"),
        ("Variants, baseline last", variants),
        ("Sandbox", plain(plan.sandbox)),
        ("Seeds", f"{', '.join(map(str, plan.seeds))} ({drawn_or_chosen(plan)})"),
        ("L0", targets) if plan.own is None else ("Evaluated by", _own_words(plan.own)),
        ("Looks at the results", f"at most {plan.looks}"),
        ("Budget", budget_in_words(plan.budget, plan.noun)),
        ("Noise", plain(plan.power.basis)),
        ("Registered", f"{plan.written}, {digest(entry.receipt)}, {_position(entry, facts)}"),
        *([("Note", plain(plan.note))] if plan.note else []),
    ]
    lines = table(("", f"Plan {entry.number}: {plain(plan.title)}"), rows)
    return lines if not plan.follows else f"{lines}\n\nIt follows plan {plan.follows}."


def _own_words(own: OwnEvaluation) -> str:
    return f"the sandbox's own code, sealed files {digest(own.sealed_sha256)}"


def _position(entry: Entry, facts: Facts) -> str:
    at = facts.order.get(entry.receipt)
    return "not in the ledger yet" if at is None else f"receipt number {at + 1} of the ledger"


def results(facts: Facts) -> str:
    """Return all claims, the holdout's answers and the means over all seeds."""
    claims = [row for entry, one in facts.conclusions for row in _claims(entry.number, one, facts)]
    said = [
        "### Claims",
        table(_CLAIM_HEADS, claims) if claims else "No plan was judged.",
    ]
    answers = [row for entry, one in facts.holdouts for row in _answers(entry.number, one, facts)]
    if answers:
        said += ["### Sealed holdout and re-tests", table(("test", *_CLAIM_HEADS), answers)]
    if facts.scored():
        said += ["### Means over all seeds", _means(facts)]
    said += _own_means(facts)
    if facts.hunts:
        said += ["### Hunts", _hunts(facts.hunts)]
    return "\n\n".join([*said, *_reflections(facts)])


def _claims(number: int, content: Conclusion, facts: Facts) -> Iterator[tuple[str, ...]]:
    lost = number in facts.lost
    for claim in content.claims:
        yield _claim(number, claim, exploratory=not content.registered, lost=lost)


def _answers(number: int, content: HoldoutAnswer, facts: Facts) -> Iterator[tuple[str, ...]]:
    for claim in content.claims:
        row = _claim(number, claim, exploratory=False, lost=number in facts.lost)
        yield (plain(f"{content.test}: {content.where}"), *row)


def _claim(number: int, claim: Claim, *, exploratory: bool, lost: bool) -> tuple[str, ...]:
    mark = f"**{EXPLORATORY}** " if exploratory else ""
    mark += "**evidence replaced or withdrawn since** " if lost else ""
    after = f" ({EXPLORATORY})" if exploratory else ""
    interval = ""
    if claim.low is not None and claim.high is not None:
        interval = f"{claim.low:+.4f} to {claim.high:+.4f}"
    return (
        str(number),
        plain(claim.variant),
        f"{mark}{claim.verdict}",
        "not measured" if claim.effect is None else f"{claim.effect:+.4f}{after}",
        interval,
        "" if claim.p_adjusted is None else f"{claim.p_adjusted:.2g}",
        str(len(claim.seeds)),
    )


def _means(facts: Facts) -> str:
    """Return one row per try, over all of its seeds, with its failed runs."""
    planned = [plan.metric for _, plan in facts.plans if plan.own is None]
    keys = [SPARSITY, *dict.fromkeys([*planned, QUALITY])]
    groups: dict[tuple[str, str, str], list[tuple[Run, Score]]] = defaultdict(list)
    for run, score in facts.scored():
        groups[run.sandbox, run.label, run.try_word].append((run, score))
    failures = [(run.sandbox, run.label) for run, _ in facts.failed()]
    heads = ("sandbox", "label", "seeds", *(metric_named(key).words for key in keys), "failed")
    rows = [
        (
            plain(sandbox),
            plain(label),
            str(len(some)),
            *(_spread([score.metrics.get(key) for _, score in some], key) for key in keys),
            str(failures.count((sandbox, label)) or ""),
        )
        for (sandbox, label, _), some in groups.items()
    ]
    return table(heads, rows)


def _own_means(facts: Facts) -> list[str]:
    """Return a table per sandbox with an evaluation of its own: one row per version of a file."""
    said = []
    for sandbox in dict.fromkeys(run.sandbox for run in facts.own):
        groups: dict[tuple[str, str, str], list[OwnRun]] = defaultdict(list)
        for run in facts.own:
            if run.sandbox == sandbox:
                sealed = str(run.basis.record["sealed_sha256"])
                groups[run.variant, run.file, sealed].append(run)
        keys = list(dict.fromkeys(key for some in groups.values() for key in some[0].metrics))
        rows = [
            (
                plain(variant),
                digest(file),
                digest(sealed),
                str(len(some)),
                *_own_spreads(some, keys),
            )
            for (variant, file, sealed), some in groups.items()
        ]
        heads = ("variant", "file", "sealed files", "seeds", *map(plain, keys))
        said += [f"### Means in {plain(sandbox)}, by its own evaluation", table(heads, rows)]
    return said


def _own_spreads(runs: Sequence[OwnRun], keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        values = [run.metrics[key] for run in runs if key in run.metrics]
        if not values:
            yield "not measured"
            continue
        spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
        yield f"{statistics.fmean(values):.4g}{spread}"


def _hunts(hunts: Sequence[HuntSeen]) -> str:
    """Return one row per hunt, which belongs to no plan and is evidence for no claim."""
    heads = ("hunt", "SAE", "questions", "answered", "try", "score", "beside random directions")
    rows = [
        (
            plain(one.name),
            plain(one.sae or "its task is gone"),
            str(one.questions),
            f"{one.answered} of 3",
            str(one.tries or ""),
            plain(one.words),
            plain(one.controls()),
        )
        for one in hunts
    ]
    said = (
        "Hunts in the sandboxes of this study since it was opened. They measure how well an agent "
        "finds latents (0: a random direction, 1: the best latent), and no claim rests on them."
    )
    return f"{said}\n\n{table(heads, rows)}"


def _spread(values: Sequence[float | None], key: str) -> str:
    found = [value for value in values if value is not None]
    digits = metric_named(key).digits
    if not found:
        return "not measured"
    mean = f"{statistics.fmean(found):.{digits}f}"
    return f"{mean} ± {statistics.stdev(found):.{digits}f}" if len(found) > 1 else mean


def _reflections(facts: Facts) -> list[str]:
    found = facts.study.only(Reflection)
    if not found:
        return []
    rows = []
    for entry, one in found:
        cited = "; ".join(f"{plain(e.reference)}: {plain(e.found)}" for e in one.evidence)
        mark = f"**{EXPLORATORY}** " if EXPLORATORY in cited else ""
        rows.append((str(entry.number), f"{mark}{plain(one.insight)}", cited))
    return ["### Reflections", table(("entry", "insight", "evidence"), rows)]


def limitations(facts: Facts) -> str:
    """Return what limits the conclusions, as far as the records show it."""
    said = [
        f"Entry {entry.number} is {EXPLORATORY}: {plain('; '.join(one.exploratory_because))}."
        for entry, one in facts.conclusions
        if not one.registered
    ]
    said += [
        f"Entry {entry.number}: {plain(stopped_in_words(one.stopped, one.stopped_times))}"
        for entry, one in facts.conclusions
        if one.stopped
    ]
    said += [
        f"Entry {entry.number}: a control is missing: {plain(control)}."
        for entry, one in facts.conclusions
        for control in one.missing_controls
    ]
    said += [f"Plan {entry.number}: {plain(one.note)}" for entry, one in facts.plans if one.note]
    said += [f"Entry {number}: {plain(why)}" for number, why in facts.lost.items()]
    said += [
        f"Numbers of sandbox {plain(name)} are cited, which no plan of this study names: nothing "
        f"foresaw them, so they are {EXPLORATORY}."
        for name in facts.foreign
    ]
    judged = {one.plan for _, one in facts.conclusions}
    said += [
        f"Plan {entry.number} was registered, but not judged."
        for entry, _ in facts.plans
        if entry.number not in judged
    ]
    if facts.withdrawn:
        said.append(f"Withdrawn receipts, listed below: {len(facts.withdrawn)}.")
    if failed := len(facts.failed()):
        said.append(f"Failed runs, listed below: {failed}.")
    return bullets(said) if said else "The records show no further limitation."


def tries(facts: Facts) -> str:
    """Return every run in the sandboxes of the study, and every note, with those that failed."""
    heads = ("sandbox", "run", "label", "seed", "L0", "explained variance", "outcome", "receipt")
    rows = [_try(run) for run in facts.runs]
    said = [
        f"All runs in {', '.join(map(plain, facts.sandboxes)) or 'no sandbox'}: "
        f"{len(facts.scored()) + len(facts.own)} scored, {len(facts.failed())} failed, "
        f"{len(facts.withdrawn)} withdrawn.",
        table(heads, rows) if rows else "Nothing was run." if not facts.own else "",
    ]
    if facts.own:
        own_heads = ("sandbox", "run", "variant", "seed", "metrics", "receipt")
        said.append(table(own_heads, [_own_try(run) for run in facts.own]))
    if facts.withdrawn:
        said.append("Withdrawn:\n\n" + bullets(f"`{place}`" for place in facts.withdrawn))
    notes = [(str(e.number), one.kind, plain(one.text)) for e, one in facts.study.only(Note)]
    if notes:
        said += ["Notes, in the author's words, which nothing measured:"]
        said.append(table(("entry", "kind", "text"), notes))
    return "\n\n".join(said)


def _own_try(run: OwnRun) -> tuple[str, ...]:
    return (
        plain(run.sandbox),
        f"`{'/'.join(run.basis.place.split('/')[3:])}`",
        plain(run.variant),
        str(run.seed),
        ", ".join(f"{plain(key)} {value:.4g}" for key, value in run.metrics.items()),
        digest(run.basis.receipt),
    )


def _try(run: Run) -> tuple[str, ...]:
    content = run.content
    if isinstance(content, Score):
        values = [content.metrics.get(key) for key in (SPARSITY, QUALITY)]
        shown = ["" if value is None else f"{value:.4f}" for value in values]
        outcome = "scored"
    else:
        shown, outcome = ["", ""], f"**failed** in {content.stage}: {plain(content.message[:200])}"
    return (
        plain(run.sandbox),
        f"`{run.short}`",
        plain(run.label),
        str(run.seed),
        *shown,
        outcome,
        digest(run.basis.receipt),
    )

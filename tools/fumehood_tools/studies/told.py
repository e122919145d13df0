"""Each kind of entry in words: one line for lists, and the whole of it for those who read on."""

from collections.abc import Callable, Mapping
from typing import Any

from fumehood_tools.quoting import one_line, quotable
from fumehood_tools.studies.entries import (
    Budget,
    Claim,
    Conclusion,
    Content,
    Experiment,
    HoldoutAnswer,
    Note,
    Plan,
    Reflection,
    ReportWritten,
    StudyOpened,
)

_LINE = 200


def line_of(content: Content) -> str:
    """Return an entry in at most 200 characters."""
    said = one_line(_LINES[type(content)](content))
    return said if len(said) <= _LINE else f"{said[: _LINE - 2]} …"


def text_of(content: Content) -> str:
    """Return the whole entry as Markdown."""
    return quotable(_TEXTS[type(content)](content))


def budget_in_words(budget: Budget, noun: str = "SAEs") -> str:
    """Return the limits of a budget, or "no limit". noun: what a run makes."""
    said = [
        *([f"{budget.saes:,} {noun}"] if budget.saes is not None else []),
        *([f"{budget.minutes:g} minutes"] if budget.minutes is not None else []),
        *([f"${budget.usd:,.2f}"] if budget.usd is not None else []),
    ]
    return ", ".join(said) or "no limit"


def drawn_or_chosen(plan: Plan) -> str:
    """Return where the seeds of a plan come from."""
    return "drawn at random" if plan.seeds_drawn else "chosen by the agent"


def claim_in_words(claim: Claim, metric: str = "") -> str:
    """Return a claim with its numbers."""
    numbers = "not measured"
    if claim.effect is not None:
        numbers = f"{claim.effect:+.4f}"
        if claim.low is not None and claim.high is not None:
            numbers += f" [{claim.low:+.4f}, {claim.high:+.4f}]"
        numbers += f" {metric}".rstrip()
    if claim.p_adjusted is not None:
        numbers += f", corrected p {claim.p_adjusted:.2g}"
    count = len(claim.seeds)
    seeds = f"{count} seed{'' if count == 1 else 's'}"
    return f"{claim.variant}: {claim.verdict} ({numbers}, {seeds}). {claim.reason}"


def stopped_in_words(files: Mapping[str, int], times: int) -> str:
    """Return what was stopped, in a sentence; "" if nothing was."""
    count = sum(files.values())
    if not count:
        return ""
    were = "training was" if count == 1 else "trainings were"
    names = ", ".join(f"{number} of {name}" for name, number in files.items())
    return (
        f"{count} {were} stopped before there was an outcome ({names}). What a log showed may have "
        f"been the reason, so p is multiplied by {times}."
    )


def _opened_text(content: StudyOpened) -> str:
    lines = [f"Question: {content.question}", f"Budget: {budget_in_words(content.budget)}."]
    lines += [f"Background: {one}" for one in content.background]
    lines.append(f"The sealed holdout may be asked {content.holdout_questions} times.")
    return "\n".join(lines)


def _note_text(content: Note) -> str:
    about = f"\nAbout: {', '.join(content.about)}" if content.about else ""
    return f"{content.kind.capitalize()}: {content.text}{about}"


def _plan_line(content: Plan) -> str:
    names = ", ".join(one.name for one in content.variants)
    return (
        f"{content.title}: {names} {content.direction} than {content.baseline.name} in "
        f"{content.metric} by at least {content.smallest_effect:g}, {len(content.seeds)} seeds"
    ).replace("equal than", "equal to")


def _plan_text(content: Plan) -> str:
    targets = ", ".join(f"{one:g}" for one in content.l0_targets) or "as the files say"
    seeds = f"{', '.join(map(str, content.seeds))} ({drawn_or_chosen(content)})"
    lines = [
        f"**{content.title}** in sandbox {content.sandbox}",
        f"Hypothesis: {content.hypothesis}",
        _plan_line(content).partition(": ")[2] + ".",
        f"Seeds {seeds}{'' if content.own else f'; L0 {targets}'}; judged at most "
        f"{content.looks} time{'' if content.looks == 1 else 's'}; budget "
        f"{budget_in_words(content.budget, content.noun)}.",
        f"Noise: {content.power.basis}",
    ]
    if content.power.detectable is not None:
        lines.append(
            f"Smallest difference that is found 8 times in 10: {content.power.detectable:.2g}."
        )
    if content.follows is not None:
        lines.append(f"Follows plan {content.follows}.")
    return "\n".join([*lines, *([content.note] if content.note else [])])


def _experiment_line(content: Experiment) -> str:
    return (
        f"job {content.job_id} for plan {content.plan}: {content.saes} {content.noun}, target "
        f"{content.target}, about {content.minutes:.0f} min"
    )


def _about(content: Conclusion) -> str:
    return f"plan {content.plan}" if content.plan else "scores without a plan"


def _conclusion_line(content: Conclusion) -> str:
    kind = "registered" if content.registered else "EXPLORATORY"
    claims = "; ".join(f"{one.variant} {one.verdict}" for one in content.claims)
    count = sum(content.stopped.values())
    stopped = f", {count} training{'s' * (count > 1)} stopped" if count else ""
    return f"{_about(content)}, {kind}{stopped}: {claims or 'no claim'}"


def _conclusion_text(content: Conclusion) -> str:
    lines = [
        f"Conclusion about {_about(content)} "
        f"({'registered' if content.registered else 'EXPLORATORY'}, look {content.look}, corrected "
        f"for {content.tries} {'try' if content.tries == 1 else 'tries'}):",
        *(f"- {claim_in_words(claim, content.metric)}" for claim in content.claims),
    ]
    lines += [f"Exploratory because {why}" for why in content.exploratory_because]
    if content.stopped:
        lines.append(stopped_in_words(content.stopped, content.stopped_times))
    lines += [f"Missing control: {one}" for one in content.missing_controls]
    usd = "rented machines of unknown price" if content.usd is None else f"${content.usd:.2f}"
    lines.append(f"Cost: {content.minutes:.1f} minutes, {usd}.")
    return "\n".join(lines)


def _reflection_text(content: Reflection) -> str:
    lines = [f"Insight: {content.insight}", f"Next step: {content.next_step}"]
    lines += [f"- {one.kind} {one.reference}: {one.found}" for one in content.evidence]
    return "\n".join(lines)


def _holdout_line(content: HoldoutAnswer) -> str:
    claims = "; ".join(f"{one.variant} {one.verdict}" for one in content.claims)
    number = f", question {content.question}" if content.question else ""
    said = "asked" if content.asked else claims or "no claim"
    return f"{content.test} ({content.where}{number}) for plan {content.plan}: {said}"


def _holdout_text(content: HoldoutAnswer) -> str:
    lines = [_holdout_line(content), *(f"- {claim_in_words(c)}" for c in content.claims)]
    if content.seeds:
        lines.insert(1, f"Seeds {', '.join(map(str, content.seeds))} (drawn at random).")
    held_back = "in the worst tenth of passages"
    lines += [f"- {claim_in_words(one, held_back)}" for one in content.held_back]
    return "\n".join(lines)


def _report_line(content: ReportWritten) -> str:
    return f"report {content.title!r}, {len(content.references)} numbers"


_LINES: Mapping[type, Callable[[Any], str]] = {
    StudyOpened: lambda content: content.question,
    Note: lambda content: f"{content.kind}: {content.text}",
    Plan: _plan_line,
    Experiment: _experiment_line,
    Conclusion: _conclusion_line,
    Reflection: lambda content: f"{content.insight} Next: {content.next_step}",
    HoldoutAnswer: _holdout_line,
    ReportWritten: _report_line,
}
_TEXTS: Mapping[type, Callable[[Any], str]] = {
    **_LINES,
    StudyOpened: _opened_text,
    Note: _note_text,
    Plan: _plan_text,
    Conclusion: _conclusion_text,
    Reflection: _reflection_text,
    HoldoutAnswer: _holdout_text,
}

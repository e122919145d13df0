"""A plan as a document for people: `prereg.md`, with the headings of OSF's template.

The file lies beside the plan's entry. Its sha256 is in the signed record, so it is in the ledger
before the first run.
"""

from collections.abc import Iterable

from fumehood_tools.quoting import quotable
from fumehood_tools.records.seed_lists import short_seeds
from fumehood_tools.studies.entries import Plan, PlannedVariant
from fumehood_tools.studies.told import budget_in_words

PREREG_FILE = "prereg.md"
_WORDS = {
    "better": "is better than the baseline by at least the smallest effect",
    "worse": "is worse than the baseline by at least the smallest effect",
    "equal": "differs from the baseline by less than the smallest effect",
}


def prereg_of(study: str, plan: Plan) -> str:
    """Return the document of a plan."""
    sections = {
        "Hypothesis": [plan.hypothesis, f"In one line: every variant {_WORDS[plan.direction]}."],
        "Design": _design(plan),
        "Sample size and its rationale": _size(plan),
        "Stopping rule": _stopping(plan),
        "Variables": _variables(plan),
        "Analysis plan": _analysis(plan),
        "Inference criteria": _criteria(plan),
        "Other": [
            f"Budget: {budget_in_words(plan.budget, plan.noun)}.",
            "Controls: two blanks and a known cheat are run with it."
            if plan.controls
            else "Controls: none are run with it.",
            *(
                [f"Follows plan {plan.follows}, which is about the same files."]
                * bool(plan.follows)
            ),
            *([plan.note] if plan.note else []),
            f"Registered {plan.written} in the study {study}. It cannot be edited: the signed "
            "record of the plan has its sha256.",
        ],
    }
    lines = [f"# {plan.title}"]
    for heading, said in sections.items():
        lines += ["", f"## {heading}", "", *(_paragraph(said))]
    return quotable("\n".join(lines)) + "\n"


def _paragraph(said: Iterable[str]) -> list[str]:
    return [line for one in said for line in (one, "")][:-1]


def _design(plan: Plan) -> list[str]:
    files = [plan.baseline, *plan.variants]
    return [
        f"Every file is {'run' if plan.own else 'trained'} with the same seeds in sandbox "
        f"{plan.sandbox}, and compared with the baseline {plan.baseline.name} seed by seed"
        f"{'' if plan.own else ', at equal L0'}.",
        "\n".join(_file(one, one is plan.baseline) for one in files),
        f"Digest of the setting (subject, data, training, scoring, code): {plan.settings_digest}.",
    ]


def _file(one: PlannedVariant, is_baseline: bool) -> str:
    seen = f"; scored before with seeds {_list(one.seen_seeds)}" if one.seen_seeds else ""
    role = "baseline" if is_baseline else "variant"
    kind = "packaged" if one.packaged else "own"
    return f"- {role} {one.name} ({kind} file, sha256 {one.file_sha256}){seen}"


def _size(plan: Plan) -> list[str]:
    power = plan.power
    fresh = "nothing in the workspace was run with them before."
    said = [
        f"Seeds {_list(plan.seeds)}: drawn at random when the plan was registered; {fresh}"
        if plan.seeds_drawn
        else f"Seeds {_list(plan.seeds)}: **chosen by the agent**; {fresh} What they give may be "
        "known from elsewhere, so every conclusion about this plan is exploratory."
    ]
    said.append(f"Noise: {power.basis}")
    if power.detectable is not None:
        said.append(
            f"A true difference of {power.detectable:.3g} is found 8 times in 10 with "
            f"{len(plan.seeds)} seeds."
        )
    if power.seeds_needed is not None:
        said.append(
            f"The smallest effect of interest, {plan.smallest_effect:g}, is found 8 times in 10 "
            f"with {power.seeds_needed} seeds."
        )
    return said


def _stopping(plan: Plan) -> list[str]:
    return [
        "Every planned seed is run. There is no conclusion before all of them have a score; seeds "
        "that are added afterwards are a new plan.",
        f"Results may be judged {plan.looks} time{'s' * (plan.looks != 1)}, each judgment before "
        "all seeds are in counts as one. Alpha is divided by this number. A judgment beyond it "
        "makes the conclusion exploratory.",
        "A training of an own file that is stopped before it has an outcome was a look at it: for "
        "one at its k-th start, p is multiplied by k(k+1)/2.",
    ]


def _variables(plan: Plan) -> list[str]:
    levels = ", ".join(f"{one:g}" for one in plan.l0_targets)
    varied = [f"Manipulated: the variant's file{f', at L0 {levels}' if levels else ''}."]
    varied += [f"Constants: {name} = {values}." for name, values in plan.grid.items()]
    if plan.own is not None:
        sealed = f"by the sandbox's own evaluation, sealed files {plan.own.sealed_sha256}"
        return [*varied, f"Measured: {plan.metric} ({plan.own.better} is better), {sealed}."]
    return [*varied, f"Measured: {plan.metric}, by the evaluator, on data that no training saw."]


def _analysis(plan: Plan) -> list[str]:
    if plan.own is not None:
        return [
            "The comparison of fumehood for sandboxes with an evaluation of their own: differences "
            "are paired by seed, and tested with a two-sided paired t test.",
            "p is corrected (Benjamini-Hochberg) for all versions of files tried in such "
            "sandboxes of the workspace, and for all plans about files that were planned before.",
        ]
    return [
        "The comparison of fumehood: the baseline is interpolated at the variant's L0, differences "
        "are paired by seed, and tested with a two-sided paired t test against the noise floor of "
        "the baseline's seeds.",
        "p is corrected (Benjamini-Hochberg) for all variants tried in the workspace, by whomever, "
        "and for all plans about files that were planned before.",
    ]


def _criteria(plan: Plan) -> list[str]:
    alpha = f"0.05 / {plan.looks}" if plan.looks > 1 else "0.05"
    return [
        f"Supported: the corrected p is at most {alpha}, and the variant {_WORDS[plan.direction]} "
        f"({plan.smallest_effect:g} in {plan.metric}).",
        "Refuted: the comparison shows the opposite, or what excludes it. Inert: the change did "
        "nothing, or the weights are those of another file. Everything else is inconclusive.",
    ]


def _list(seeds: Iterable[int]) -> str:
    return ", ".join(str(one) for one in short_seeds(seeds))

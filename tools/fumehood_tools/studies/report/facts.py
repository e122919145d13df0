"""Everything that a report rests on: the entries of a study, and all runs in its sandboxes.

Collecting them checks each of them; a record that is not as it was signed ends the report.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.receipts.places import SANDBOXES
from fumehood_tools.receipts.trials import trial_of
from fumehood_tools.records.labelling import label_of
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.studies.entries import Conclusion, HoldoutAnswer, Plan
from fumehood_tools.studies.hunts_seen import HuntSeen, hunts_since
from fumehood_tools.studies.notebook import STUDIES, Entry, Study
from fumehood_tools.studies.references.resolving import Resolver
from fumehood_tools.studies.references.seeds import Unsound
from fumehood_tools.studies.references.stating import FAILURE, SCORE, Basis


class Run(NamedTuple):
    """One run in a sandbox of the study: a score or a failure.

    label: with the values of constants that differ from the file's. try_word: the same for runs of
    one try, see `receipts.trials`.
    """

    sandbox: str
    label: str
    seed: int
    basis: Basis
    content: Score | Failure
    try_word: str

    @property
    def short(self) -> str:
        """The place within results/."""
        return "/".join(self.basis.place.split("/")[3:])


class OwnRun(NamedTuple):
    """One score that a sandbox's own evaluation gave."""

    sandbox: str
    variant: str
    seed: int
    basis: Basis

    @property
    def file(self) -> str:
        """The hash of the variant's file."""
        return str(self.basis.record["variant_sha256"])

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metrics, by the names that the sandbox declares."""
        found: Mapping[str, float] = self.basis.record["metrics"]
        return found


class Facts(NamedTuple):
    """What a report shows besides the author's prose.

    lost: conclusion or holdout answer -> why its evidence is no longer there. withdrawn: places in
    the study and its sandboxes. foreign: sandboxes that are cited, but named by no plan. hunts: in
    its sandboxes, since it was opened. own: scores by the sandboxes' own evaluations.
    """

    study: Study
    plans: list[tuple[Entry, Plan]]
    conclusions: list[tuple[Entry, Conclusion]]
    holdouts: list[tuple[Entry, HoldoutAnswer]]
    sandboxes: list[str]
    runs: list[Run]
    lost: Mapping[int, str]
    withdrawn: list[str]
    order: Mapping[str, int]
    foreign: list[str]
    hunts: list[HuntSeen]
    own: Sequence[OwnRun] = ()

    @property
    def receipts(self) -> dict[str, str]:
        """Place -> MAC of everything that is shown."""
        return {
            **{one.place: one.receipt for one in self.study.entries if not one.problem},
            **{run.basis.place: run.basis.receipt for run in self.runs},
            **{run.basis.place: run.basis.receipt for run in self.own},
        }

    def scored(self) -> list[tuple[Run, Score]]:
        """Return the runs that were scored."""
        return [(run, run.content) for run in self.runs if isinstance(run.content, Score)]

    def failed(self) -> list[tuple[Run, Failure]]:
        """Return the runs that failed."""
        return [(run, run.content) for run in self.runs if isinstance(run.content, Failure)]

    def plan(self, number: int) -> Plan | None:
        """Return a plan by the number of its entry."""
        return next((plan for entry, plan in self.plans if entry.number == number), None)


def gather(resolver: Resolver, cited: list[str]) -> Facts:
    """Return the facts of a study.

    cited: sandboxes that its references name; those of its plans and claims are added. Raises
    Unsound for an entry or a run that is not as it was signed.
    """
    resolver.refuse_unsound_entries()
    study = resolver.study
    plans = study.only(Plan)
    conclusions, holdouts = study.only(Conclusion), study.only(HoldoutAnswer)
    claims = [claim for _, one in conclusions for claim in one.claims]
    claims += [claim for _, one in holdouts for claim in one.claims]
    places = [place.split("/") for claim in claims for place in claim.receipts]
    claimed = {parts[1] for parts in places if parts[0] == SANDBOXES}
    sandboxes = sorted({*cited, *claimed, *(plan.sandbox for _, plan in plans)})
    runs = [run for name in sandboxes for run in _runs(resolver, name)]
    under = (f"{STUDIES}/{study.name}/", *(f"{SANDBOXES}/{name}/" for name in sandboxes))
    return Facts(
        study=study,
        plans=plans,
        conclusions=conclusions,
        holdouts=holdouts,
        sandboxes=sandboxes,
        runs=runs,
        lost=_lost(resolver, [entry for entry, _ in (*conclusions, *holdouts)]),
        withdrawn=[place for place in resolver.book.withdrawn("") if place.startswith(under)],
        order=resolver.order,
        foreign=sorted(set(cited).difference(claimed, (plan.sandbox for _, plan in plans))),
        hunts=hunts_since(
            resolver.workspace, resolver.book, resolver.order, study.entries[0].receipt, sandboxes
        ),
        own=[
            OwnRun(name, str(one.record["variant"]), int(one.record["seed"]), one)
            for name in sandboxes
            for one in resolver.labels.own(name)
        ],
    )


def _runs(resolver: Resolver, sandbox: str) -> list[Run]:
    packaged = resolver.labels.sandbox(sandbox).packaged
    found = []
    for basis in resolver.labels.every(sandbox):
        if basis.kind == SCORE:
            content: Score | Failure = Score.model_validate(basis.record)
        elif basis.kind == FAILURE:
            content = Failure.model_validate(basis.record)
        else:
            continue
        label = content.control or label_of(content, packaged)
        word = trial_of(basis.record)
        found.append(Run(sandbox, label, content.seed, basis, content, word))
    return sorted(found, key=lambda run: (run.sandbox, run.label, run.seed, run.basis.place))


def _lost(resolver: Resolver, entries: list[Entry]) -> dict[int, str]:
    """Return the conclusions and answers whose scores were withdrawn or replaced since."""
    found = {}
    for entry in entries:
        try:
            resolver.behind(resolver.entry_basis(entry))
        except Unsound as error:
            found[entry.number] = str(error)
    return found

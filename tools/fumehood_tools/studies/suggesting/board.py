"""Everything that was tried in the workspace, as it is read for one answer. Light.

Costs a few ms with warm shelves, and about 1 ms per record and entry the first time.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from fumehood_tools.bench.collect import SandboxRecords
from fumehood_tools.errors import FumehoodError
from fumehood_tools.records.labelling import Packaged
from fumehood_tools.studies.entries import (
    Claim,
    Conclusion,
    Content,
    HoldoutAnswer,
    Note,
    Plan,
    Reflection,
)
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import Entry, Study, study_names

C = TypeVar("C", bound=Content)


class Judged(NamedTuple):
    """What is concluded about one variant, and where. metric: "" if the record does not say."""

    study: Study
    entry: Entry
    written: str
    plan: int
    claim: Claim
    metric: str


class Board(NamedTuple):
    """The study that is asked about, the workspace's other studies, and all sandboxes' records.

    problems: what could not be read.
    """

    lab: Lab
    study: Study
    others: tuple[Study, ...]
    boxes: dict[str, SandboxRecords]
    problems: tuple[str, ...]

    def packaged(self, box: str) -> Packaged:
        """Return name -> sha256 of the baselines' files of a sandbox's kind."""
        return self.lab.packaged(box)

    @property
    def studies(self) -> tuple[Study, ...]:
        """All studies, the one that is asked about first."""
        return (self.study, *self.others)

    def all(self, model: type[C]) -> Iterator[tuple[Study, Entry, C]]:
        """Yield the sound entries of one kind, of all studies."""
        for study in self.studies:
            for entry, content in study.only(model):
                yield study, entry, content

    def judged(self) -> list[Judged]:
        """Return the newest claim about each variant of each plan, of all studies, in order."""
        newest: dict[tuple[str, int, str, str], Judged] = {}
        concluded: list[tuple[Study, Entry, Conclusion | HoldoutAnswer]] = [
            *self.all(Conclusion),
            *self.all(HoldoutAnswer),
        ]
        for study, entry, said in concluded:
            test, metric = (said.test, "") if isinstance(said, HoldoutAnswer) else ("", said.metric)
            for claim in said.claims:
                key = study.name, said.plan, claim.variant, test
                newest[key] = Judged(study, entry, said.written, said.plan, claim, metric)
        return list(newest.values())

    def texts(self) -> list[str]:
        """Return what was said to be tried on the study: its plans, notes and reflections."""
        plans = [
            " ".join([said.title, said.hypothesis, *(one.name for one in said.variants)])
            for _, said in self.study.only(Plan)
        ]
        notes = [said.text for _, said in self.study.only(Note) if said.kind != "background"]
        return [*plans, *notes, *(said.insight for _, said in self.study.only(Reflection))]

    def at(self, study: Study, entry: Entry) -> str:
        """Return an entry's number as text, with its study if that is another one."""
        where = "" if study.name == self.study.name else f" of the study {study.name}"
        return f"entry {entry.number}{where}"


def read_board(lab: Lab, name: str) -> Board:
    """Return the board of a study. Raises UnknownName if there is none, BadRequest, StorageFailed.

    Other studies that cannot be read are named in `problems`.
    """
    study = lab.studies.read(name)
    others: list[Study] = []
    problems = list(study.problems)
    for other in study_names(lab.settings.workspace):
        try:
            others += [lab.studies.read(other)] if other != name else []
        except FumehoodError as error:
            problems.append(f"the study {other} is left out: {error}")
    places = sorted(lab.settings.sandboxes.glob("*/results"))
    boxes = {place.parent.name: lab.found(place.parent.name) for place in places}
    problems += [
        f"{box}: left out: {left.count} x {left.reason}"
        for box, found in boxes.items()
        for left in found.damaged
    ]
    return Board(lab, study, tuple(others), boxes, tuple(problems))

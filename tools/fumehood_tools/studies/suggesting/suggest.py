"""Suggestions for a study: the five parts, put together.

Costs a few ms with warm shelves for `next`, `failures` and `hints`, and for `similar` with a text
alone. `parameters` starts two children (3 s), `similar` one if the variant has trained weights.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import BadRequest, FumehoodError
from fumehood_tools.jobs import JobStore
from fumehood_tools.kinds import TRANSCODER
from fumehood_tools.records.labelling import file_of, name_of
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.runs.baselines import USUAL
from fumehood_tools.sandbox.create import SPEC_FILE, Sandbox, open_sandbox
from fumehood_tools.studies.entries import Plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.suggesting.answer import (
    PARTS,
    Found,
    Part,
    Suggestion,
    Suggestions,
    page_of,
)
from fumehood_tools.studies.suggesting.board import Board, read_board
from fumehood_tools.studies.suggesting.candidates import next_experiments
from fumehood_tools.studies.suggesting.costs import Costs
from fumehood_tools.studies.suggesting.decoders import similar_decoders
from fumehood_tools.studies.suggesting.failures import failures
from fumehood_tools.studies.suggesting.hints import hints
from fumehood_tools.studies.suggesting.left_open import open_in_custom, open_in_transcoders
from fumehood_tools.studies.suggesting.proposals import Tuning
from fumehood_tools.studies.suggesting.similar import (
    docstring_of,
    packaged_files,
    similar_code,
    similar_texts,
    source_of,
    tried_files,
)
from fumehood_tools.studies.suggesting.transcoder_axes import TRANSCODER_AXES


class Asked(NamedTuple):
    """What is asked. about: one part, or None for a short answer about all.

    sandbox: None for the newest plan's. text: an idea, or words that a failure must have. agent:
    number among those that work on the study, from 1. minutes: what the next experiment may take.
    """

    study: str
    about: Part | None = None
    sandbox: str | None = None
    variant: str | None = None
    text: str | None = None
    agent: int = 1
    minutes: float | None = None
    cursor: str | None = None


def suggest(lab: Lab, jobs: JobStore, asked: Asked) -> Suggestions:
    """Return suggestions. Raises UnknownName, BadRequest, PartMissing, RunFailed, StorageFailed.

    A part that cannot be answered raises only if it was asked for alone; else a note says why.
    """
    board = read_board(lab, asked.study)
    answers = _Answers(board, jobs, asked)
    if asked.about is not None:
        return page_of(asked.study, {asked.about: answers.of(asked.about)}, asked.cursor)
    found: dict[Part, Found] = {}
    for part in PARTS:
        if part in ("parameters", "similar") and not answers.can_answer(part):
            continue
        try:
            found[part] = answers.of(part)
        except FumehoodError as error:
            found[part] = Found([], [f"{part}: {error}"])
    return page_of(asked.study, found, None)


class _Answers:
    """The parts of one answer."""

    def __init__(self, board: Board, jobs: JobStore, asked: Asked) -> None:
        self.board, self.jobs, self.asked = board, jobs, asked
        self.settings = board.lab.settings
        self.costs = Costs(board)
        plans = board.study.only(Plan)
        self.plans = [plan for _, plan in plans]

    def can_answer(self, part: Part) -> bool:
        """Whether the arguments that a part needs were passed."""
        return self.asked.variant is not None or (part == "similar" and bool(self.asked.text))

    def of(self, part: Part) -> Found:
        """Return one part."""
        makers: dict[Part, Callable[[], Found]] = {
            "parameters": self._parameters,
            "next": lambda: next_experiments(self.board, self.costs, self.jobs, self.asked.minutes),
            "similar": self._similar,
            "failures": lambda: failures(self.board, self.asked.text),
            "hints": self._hints,
        }
        return makers[part]()

    def _hints(self) -> Found:
        """Return starting directions of the sandbox's kind, and what its records leave open."""
        study, agent, texts = self.asked.study, self.asked.agent, self.board.texts()
        try:
            box = self._box()
        except FumehoodError:
            if self.asked.sandbox is not None:
                raise
            return hints(study, agent, texts)
        if box.spec.custom is not None:
            return open_in_custom(self.settings, box)
        if box.spec.kind.name != TRANSCODER.name:
            return hints(study, agent, texts)
        dealt = hints(study, agent, texts, TRANSCODER_AXES)
        return Found([*open_in_transcoders(self.board, box), *dealt.suggestions], dealt.notes)

    def _parameters(self) -> Found:
        if self.asked.variant is None:
            raise BadRequest("about='parameters' needs a variant. Call list_variants for names.")
        box = self.board.lab.box(self._box().name)
        tuning = Tuning(self.board, box, self.jobs, self.costs)
        plan = self._plan_of(self.asked.variant)
        return tuning.propose(
            self.asked.variant,
            plan.baseline.name if plan else USUAL,
            plan.metric if plan else QUALITY,
        )

    def _plan_of(self, variant: str) -> Plan | None:
        """Return the newest plan about a variant, or else the newest; None without plans."""
        about = [plan for plan in self.plans if variant in (one.name for one in plan.variants)]
        return next(reversed([*self.plans[-1:], *about]), None)

    def _similar(self) -> Found:
        text, variant = self.asked.text or "", self.asked.variant
        if variant is None and not text.strip():
            raise BadRequest("about='similar' needs a text (the idea), a variant, or both.")
        sandboxes = self.settings.sandboxes
        files, notes = tried_files(self.board, sandboxes)
        rows: list[Suggestion] = []
        if variant is not None:
            box = self._box()
            source = source_of(box, variant, files)
            text = text if text.strip() else docstring_of(source)
            files = [file for file in files if (file.box, file.variant) != (box.name, variant)]
            code = similar_code(source, files, packaged_files(box))
            weights = similar_decoders(self.board, box.name, self._label(box, variant), sandboxes)
            rows += [*weights.suggestions, *code.suggestions]
            notes += [*weights.notes, *code.notes]
        if text.strip():
            rows += similar_texts(self.board, text, files).suggestions
        return Found(_in_turn(rows), [*notes, *self.board.problems])

    def _label(self, box: Sandbox, variant: str) -> str:
        """Return the name under which a variant's newest score is listed: edited files differ."""
        scores = self.board.boxes[box.name].scores.values() if box.name in self.board.boxes else ()
        own = [one for one in scores if one.variant == file_of(variant) and one.control is None]
        newest = max(own, key=lambda one: one.finished, default=None)
        return variant if newest is None else name_of(newest, self.board.packaged(box.name))

    def _box(self) -> Sandbox:
        """Return the sandbox that is asked about. Raises BadRequest, UnknownName."""
        name = self.asked.sandbox or (self.plans[-1].sandbox if self.plans else None)
        if name is None:
            there = sorted(path.parent.name for path in self._spec_files())
            if not there:
                raise BadRequest("There is no sandbox yet. Call create_sandbox.")
            if len(there) > 1:
                raise BadRequest(f"Pass sandbox, one of {', '.join(there[:12])}.")
            name = there[0]
        return open_sandbox(self.settings, name)

    def _spec_files(self) -> list[Path]:
        return list(self.settings.sandboxes.glob(f"*/{SPEC_FILE}"))


def _in_turn(rows: list[Suggestion]) -> list[Suggestion]:
    """Return the best of each way of comparing first, as their figures have different scales."""
    kinds: dict[str, list[Suggestion]] = {}
    for row in rows:
        kinds.setdefault(row.what.partition(":")[0], []).append(row)
    longest = max(map(len, kinds.values()), default=0)
    return [some[at] for at in range(longest) for some in kinds.values() if at < len(some)]

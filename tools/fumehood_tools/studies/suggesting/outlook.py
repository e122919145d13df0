"""What past experiments say about future ones: usual effects, noise, and tests that were lost."""

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.bench.collect import choose, settings_of, unresolved
from fumehood_tools.bench.controls import judge_controls
from fumehood_tools.bench.which_setting import pick_setting
from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.labelling import edited
from fumehood_tools.studies.entries import (
    COMPARISON_FILE,
    Claim,
    Conclusion,
    HoldoutAnswer,
    Plan,
)
from fumehood_tools.studies.suggesting.board import Board
from fumehood_tools.studies.suggesting.chances import (
    Belief,
    Rule,
    noise_of,
)


class Advice(NamedTuple):
    """What a comparison says about an undecided variant.

    seeds: with which a verdict is likely; None: seeds alone would not help. call: the next one.
    """

    seeds: int | None
    call: str


class Outlook:
    """The figures of one workspace, for the formula in chances.py."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._claims = [one.claim for one in board.judged()]
        self._effects: dict[str, list[float]] = {}
        metrics = {(s.name, e.number): plan.metric for s, e, plan in board.all(Plan)}
        for one in board.judged():
            metric = one.metric or metrics.get((one.study.name, one.plan))
            if metric is not None and one.claim.effect is not None:
                self._effects.setdefault(metric, []).append(one.claim.effect)
        self._tries = max((said.tries for _, _, said in board.all(Conclusion)), default=0)

    def rule(self, plan: Plan) -> Rule:
        """Return when the verdict of a plan, or of one more like it, is given.

        The tries are those that the newest conclusions were corrected for, and one more.
        """
        return Rule(plan.smallest_effect, (self._tries + 1) * plan.looks)

    def usual_effect(self, plan: Plan) -> float:
        """Return the standard deviation of true differences that is expected of a new variant."""
        found = self._effects.get(plan.metric, [])
        if not found:
            return plan.smallest_effect
        return math.sqrt(sum(effect**2 for effect in found) / len(found))

    def of_new(self, plan: Plan) -> Belief | None:
        """Return what is believed of a variant that was never measured; None: noise unknown."""
        noise = self._noise(plan)
        return None if noise is None else Belief(0.0, noise, 0, self.usual_effect(plan))

    def of_claim(self, plan: Plan, claim: Claim) -> Belief | None:
        """Return what is believed of a variant that was measured; None: noise unknown."""
        seeds = len(claim.seeds)
        if claim.effect is None or not seeds:
            return None
        own = None
        if claim.low is not None and claim.high is not None:
            own = noise_of(claim.low, claim.high, seeds)
        found = [noise for noise in (own, plan.power.noise) if noise is not None]
        # Few seeds may agree by chance, so the larger of the two counts.
        return Belief(claim.effect, max(found), seeds, self.usual_effect(plan)) if found else None

    def of_new_in_words(self, plan: Plan) -> str:
        """Return where the expectation for a new variant comes from."""
        noise, found = self._noise(plan), self._effects.get(plan.metric, [])
        if noise is None:
            return "The noise over seeds is not known yet, so the chance of a verdict is not, too."
        basis = f"the {len(found)} measured so far" if found else "the smallest effect of interest"
        usual = self.usual_effect(plan)
        return f"Usual effect {usual:.2g} (from {basis}), noise of a seed {noise:.2g}."

    def share_active(self) -> float:
        """Return the chance that a new variant does anything at all."""
        inert = sum(claim.verdict == "inert" for claim in self._claims)
        return 1 - inert / (len(self._claims) + 2)

    def lost(self, *tests: str) -> tuple[int, int]:
        """Return how many claims such tests took away, and of how many."""
        found = [
            claim.verdict
            for _, _, said in self.board.all(HoldoutAnswer)
            if said.test in tests
            for claim in said.claims
        ]
        return sum(verdict != "supported" for verdict in found), len(found)

    def controls(self, sandbox: str) -> tuple[int, int]:
        """Return how many controls of a sandbox failed, and how many were judged."""
        found = self.board.boxes.get(sandbox)
        settings = settings_of(found) if found is not None else {}
        shown = pick_setting(list(settings), None, self.board.lab.folder(sandbox))
        if found is None or shown is None:
            return 0, 0
        packaged = self.board.packaged(sandbox)
        chosen = choose(found, shown, {}, None, packaged)
        failed = [one for one in unresolved(found, packaged) if one.control]
        report = judge_controls(chosen.controls, failed, chosen.by_label, sandbox)
        states = [one.ok for one in report.controls if one.ok is not None] if report else []
        return states.count(False), len(states)

    def advice(self, plan: int, variant: str) -> Advice | None:
        """Return what the newest comparison of a plan says about a variant; None without one.

        It is read from comparison.json beside the conclusion, which its record has the digest of.
        """
        entries = [e for e, said in self.board.study.only(Conclusion) if said.plan == plan]
        if not entries:
            return None
        path = self.board.lab.settings.workspace / entries[-1].place / COMPARISON_FILE
        try:
            found = json.loads(read_plain(path))
            names = variant, edited(variant)
            rows = [row for row in found["rows"] if row["variant"] in names]
            return Advice(rows[0]["seeds_needed"], str(found["next"])) if rows else None
        except (StorageFailed, ValueError, KeyError, TypeError):
            return None

    def _noise(self, plan: Plan) -> float | None:
        """Return the noise of one paired difference: the plan's, or that of measured claims."""
        if plan.power.noise is not None:
            return plan.power.noise
        found = [
            noise
            for claim in self._claims_of(plan)
            if claim.low is not None
            and claim.high is not None
            and (noise := noise_of(claim.low, claim.high, len(claim.seeds))) is not None
        ]
        return sorted(found)[len(found) // 2] if found else None

    def _claims_of(self, plan: Plan) -> Sequence[Claim]:
        """Return the claims of this study's plans in the same sandbox and metric."""
        same = {
            entry.number
            for entry, other in self.board.study.only(Plan)
            if (other.sandbox, other.metric) == (plan.sandbox, plan.metric)
        }
        return [
            claim
            for _, said in self.board.study.only(Conclusion)
            if said.plan in same
            for claim in said.claims
        ]

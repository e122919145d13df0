"""Compute a comparison from scored points. Runs in the child process, which has numpy and scipy."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.bench.which_setting import Again
from fumehood_tools.compare.advice import Advisor, Call
from fumehood_tools.compare.early import note_on_steps, warnings_of_training
from fumehood_tools.compare.evidence import MeasuredDifference
from fumehood_tools.compare.looks import times_for, why_times
from fumehood_tools.compare.matched import pareto_front, unknown_slope
from fumehood_tools.compare.measured import Measured
from fumehood_tools.compare.power import Power
from fumehood_tools.compare.question import ChangeSaid, Question
from fumehood_tools.compare.report import (
    ALPHA,
    DEFINITIONS,
    Compared,
    Comparison,
    Effect,
    Word,
    definitions,
    more_of,
    on_weights,
)
from fumehood_tools.compare.rivals import Contest, Contests
from fumehood_tools.compare.statistics import adjusted_by_direction, effect
from fumehood_tools.records.labelling import in_words
from fumehood_tools.records.seed_lists import MOST_SEEDS


class _Verdict(NamedTuple):
    word: Word
    reason: str
    seeds_needed: int | None = None


class Judge:
    """The answer to one question: verdicts, and the numbers behind them."""

    def __init__(self, question: Question) -> None:
        """Compute what all rows share: curves, noise, and the corrected p of every variant."""
        self.question, self.metric, self.sign = question, question.metric.key, question.metric.sign
        self.margin = question.metric.margin or 0.0
        self.measured = Measured(question)
        self.advisor = Advisor(question, self.measured)
        self.calls: dict[str, list[Call]] = {}
        """Variant -> the calls that would make its comparison possible, or decide it."""
        self.needed: dict[str, int] = {}
        self.found: dict[str, MeasuredDifference] = {}
        self.means: dict[str, float] = {}
        self.ps: dict[str, float] = {}
        for name in self.measured.others:
            self.found[name] = found = self.measured.find(name, self.metric)
            if (p := found.p) is not None and self.has_test(name):
                self.means[name], self.ps[name] = found.mean, p
        packaged = {name: p for name, p in self.ps.items() if self.measured.is_packaged(name)}
        tried = {name: p for name, p in self.ps.items() if name not in packaged}
        tried = {name: min(1.0, p * self.times(name)) for name, p in tried.items()}
        self.tries = max(question.tries, len(tried))
        # Packaged baselines are corrected separately. They were not tried in search of a gain, and
        # many of them clearly differ. In one Benjamini-Hochberg family with the variants, their
        # small p values would make it easier for a variant to be significant.
        self.power = Power(question, self.measured, self.tries)
        self.contests = Contests(question, self.measured, self.tries, self.times)
        self.corrected = {
            **adjusted_by_direction(tried, self.means, self.tries),
            **adjusted_by_direction(packaged, self.means, len(packaged)),
        }

    def times(self, name: str, ahead: int = 0) -> int:
        """Return the number by which a variant's p is multiplied for looks. ahead: looks later."""
        look = self.question.looks.get(name)
        if self.question.planned_looks:
            return self.question.planned_looks * self.question.times_for_stops
        return 1 if look is None else times_for(look + ahead)

    def answer(self) -> Comparison:
        """Return the comparison."""
        question = self.question
        order = {word: place for place, word in enumerate(DEFINITIONS)}
        rows = [
            self.row(name)
            for name in self.measured.others
            if question.variants is None or name in question.variants
        ]
        rows.sort(key=lambda row: (order[row.verdict], self.ranked(row.effect)))
        control = [self.measured.find(name, self.metric).pairs for name in self.measured.controls]
        curves, seeds = self.measured.baseline(self.metric).curves, self.most_seeds()
        covers = [curve.covers for curve in curves.values()]
        return Comparison(
            sandbox=question.sandbox,
            setting=question.setting,
            metric=self.metric,
            baseline=question.baseline,
            l0_range=(max(low for low, _ in covers), min(high for _, high in covers)),
            tries=self.tries,
            tries_here=question.tries_here,
            noise_floor=self.measured.floor(seeds),
            noise_seeds=seeds,
            margin=self.margin,
            power=self.power.text(rows),
            otherwise=question.otherwise,
            rows=rows,
            floor=effect(control[0]) if control and control[0] else None,
            pareto=pareto_front(self.measured.competing(), question.metric),
            definitions=definitions(question.metric, self.tries, question.baseline),
            warnings=[
                *self.power.undecidable(seeds, rows),
                *warnings_of_training(question, self.measured, rows),
                *question.warnings,
            ],
            left_out=[*question.left_out, *self.measured.steps_left_out()],
            next=self.next_step(rows),
        )

    def row(self, name: str) -> Compared:
        """Return the report row of one variant."""
        found, points = self.found[name], self.measured.by_variant[name]
        work, weights = self.measured.work(name), self.measured.weights(name)
        alone = self.verdict(name, found)
        verdict, said = self.guarded(name, alone), self.changed(name, alone.word)
        renamed = verdict.word == "identical"
        notes = self.notes(name, verdict.word, more_of(work, weights))
        other = {
            metric.key: effect(pairs)
            for metric in self.question.beside
            if metric.key != self.metric and (pairs := self.measured.find(name, metric.key).pairs)
        }
        return Compared(
            variant=name,
            verdict=verdict.word,
            reason="; ".join([verdict.reason, *notes]),
            effect=found.effect() if found.pairs and not renamed else None,
            p=self.ps.get(name),
            p_adjusted=self.corrected.get(name),
            levels=[] if renamed else self.measured.shown_levels(name, points),
            other={} if renamed else other,
            seeds_needed=verdict.seeds_needed or self.seeds_missing(name, verdict.word),
            packaged=self.measured.is_packaged(name),
            front=self.measured.moves_front(name, verdict.word == "better"),
            change=said and said.word,
            parent=said and said.parent,
            work=None if renamed else work,
            weights=None if renamed else weights,
            at_noise=bool(self.measured.at_noise) and self.measured.is_nonlinear(name),
        )

    def has_test(self, name: str) -> bool:
        """Whether a verdict on a variant rests on statistics."""
        return self.measured.was_trained(name) and self.measured.identical_to(name) is None

    def changed(self, name: str, word: Word) -> ChangeSaid | None:
        """Return what a variant's change did; None without a parent. word: its verdict.

        The change is judged at single levels, the verdict over all. Where both are about the same
        file, a difference that the verdict shows is one that the change made.
        """
        said = self.question.changes.get(name)
        if said and said.parent == self.question.baseline and word in ("better", "worse"):
            return said.model_copy(update={"word": "active"})
        return said

    def seeds_missing(self, name: str, word: Word) -> int | None:
        """Return the seeds that a variant needs to be comparable; None if it has enough."""
        seeds = {point.seed for point in self.measured.by_variant[name]}
        return LEAST_SEEDS if word == "not comparable" and len(seeds) < LEAST_SEEDS else None

    def ranked(self, found: Effect | None) -> float:
        """Return the sort key of a row: the best difference has the lowest key."""
        return 0.0 if found is None else -self.sign * found.mean

    def notes(self, name: str, word: Word, more: str) -> list[str]:
        """Return the remarks that a reader needs to interpret a verdict."""
        if word in ("not trained here", "identical"):
            return []
        found, points, base = (
            self.found[name],
            self.measured.by_variant[name],
            self.question.baseline,
        )
        notes = []
        if found.ours:
            ours, theirs = found.seeds
            notes.append(
                f"its {ours} seeds are not the {theirs} of {base}: compared with all of them"
            )
        if found.pairs and (said := found.note(base)):
            notes.append(said)
        if same := self.measured.same_weights(name, base):
            notes.append(on_weights(same, base))
        if found.pairs and (few := self.measured.few(name)):
            notes.append(f"not tested, too few seeds: {few}")
        if self.measured.seen_as(name, self.metric) != self.metric:
            notes.append("compared at 10 % noise on the latents, as a decoder is nonlinear")
        elif self.measured.is_nonlinear(name) and self.question.metric.rows != "probing":
            noise = max(point.scored_at_noise for point in (*points, *self.measured.base))
            notes.append(f"a decoder is nonlinear; measured at {100 * noise:.0f} % noise")
        if more:
            notes.append(f"with {more} of {base}")
        if (times := self.times(name)) > 1:
            notes.append(self.why_times(name, times))
        notes += self.contests.notes(name, word)
        notes += note_on_steps(self.question, word, packaged=self.measured.is_packaged(name))
        if name in self.question.gone:
            notes.append(f"it has {self.question.gone[name]}")
        return notes

    def why_times(self, name: str, times: int) -> str:
        """Return why a variant's p is multiplied by a number, besides for the tries."""
        if self.question.planned_looks:
            return self.question.why_planned(times)
        return why_times(self.question.looks[name])

    def verdict(self, name: str, found: MeasuredDifference) -> _Verdict:
        """Return the verdict on a variant's differences, with the reason."""
        if not self.measured.was_trained(name):
            return _Verdict("not trained here", "its weights do not come from an observed training")
        if (other := self.measured.identical_to(name)) is not None:
            count = len(self.measured.same_weights(name, other))
            said = f"identical weights: it is {other} ({count} SAEs, byte for byte)"
            return _Verdict("identical", said)
        pairs = found.pairs
        if len(pairs) < 2:
            return _Verdict("not comparable", self.why_not(name))
        mean, floor = (
            self.means[name],
            self.measured.floor(len(pairs), self.measured.seen_as(name, self.metric)),
        )
        if len(pairs) < LEAST_SEEDS:
            few = f"{len(pairs)} seeds; at least {LEAST_SEEDS} are needed"
            self.calls[name] = self.advisor.more_seeds(name, LEAST_SEEDS)
            return _Verdict("undecided", few, LEAST_SEEDS)
        split = self.split(name, mean, floor)
        is_small = found.is_within(self.margin, ALPHA / 2 / self.times(name))
        if is_small and not split:
            return _Verdict("equal", f"within ±{self.margin:g}")
        if self.is_real(name, floor):
            said = f"{mean:+.4f}, corrected p {self.corrected[name]:.2g}"
            if abs(mean) < self.margin:
                said += f", a certain difference, but perhaps one below the margin {self.margin:g}"
            return _Verdict("better" if self.sign * mean > 0 else "worse", f"{said}{split}")
        if is_small:
            return _Verdict("undecided", f"{mean:+.4f} on average{split}")
        if floor is None:
            self.calls[name] = self.advisor.more_seeds(name, LEAST_SEEDS, noise=True)
            noise = f"the noise of {self.question.baseline} is unknown: run 3 seeds of it"
            return _Verdict("undecided", f"{mean:+.4f}; {noise}{split}", LEAST_SEEDS)
        ahead = self.times(name, ahead=1)
        needed = None if found.draw else self.power.seeds_for(pairs, mean, ahead)
        if needed and needed <= MOST_SEEDS:
            self.calls[name] = self.advisor.more_seeds(name, needed)
        more = f"{needed} seeds would decide" if needed else "1,000 seeds would not decide"
        said = f"{mean:+.4f}{self.why_open(name, floor)}; {more}{split}"
        return _Verdict("undecided", said, needed)

    def why_open(self, name: str, floor: float) -> str:
        """Return a phrase that says which condition of a verdict is not met."""
        mean, seeds = abs(self.means[name]), len(self.found[name].pairs)
        if self.ps[name] > ALPHA:
            why = "its 95 % interval includes 0 and reaches beyond the margin"
        elif self.corrected[name] > ALPHA:
            why = (
                f"its 95 % interval excludes 0, but not after the correction for {self.tries} "
                f"variants tried (p {self.ps[name]:.2g}, corrected {self.corrected[name]:.2g})"
            )
        else:
            why = (
                f"its 95 % interval excludes 0 in these pairs of seeds, but it is less than the "
                f"noise floor of ±{floor:.2g} ({seeds} seeds): other seeds of "
                f"{self.question.baseline} alone differ by as much"
            )
        if self.margin < floor and mean <= floor and self.corrected[name] > ALPHA:
            why += (
                f"; like the margin, it is below the noise floor of ±{floor:.2g}: undecidable with "
                f"{seeds} seeds"
            )
        return f", {why}"

    def guarded(self, name: str, verdict: _Verdict) -> _Verdict:
        """Return the verdict, or "undecided" if there is an objection to it."""
        against = self.against(name, verdict.word) or self.sloping(name, verdict.word)
        said = f"{verdict.reason}; {against}"
        return _Verdict("undecided", said, self.needed.get(name)) if against else verdict

    def against(self, name: str, word: Word) -> str | None:
        """Return the objection to a verdict of better or worse, with a remedy; None without one."""
        question = self.question
        if word not in ("better", "worse"):
            return None
        lost = [call for one in (name, question.baseline) for call in self.advisor.lost(one)]
        if lost:
            self.calls[name] = lost
        if name in question.gone:
            return "its remaining seeds may be a selection"
        if question.baseline in question.gone:
            left = f"{question.baseline} has {question.gone[question.baseline]}"
            return f"{left}: its remaining seeds may be a selection"
        doubt = question.doubts.get(name)
        if word == "worse" or doubt is None:
            return None
        if doubt.reason:
            return self.with_training(name, doubt.reason, doubt.training)
        return next(
            (said for one in self.contests.of(name) if (said := self.loses(name, one))), None
        )

    def with_training(self, name: str, why: str, training: Mapping[str, float] | None) -> str:
        """Return an objection, with the calls that train the baseline in the way that it needs."""
        if training is None:
            return why
        calls = self.advisor.trained(name, training)
        if not calls:
            return f"{why}, and no run brought it to the L0 of {name}"
        self.calls[name] = calls
        how = in_words(training) if training else "the values of sandbox.toml"
        rival = f"{self.question.baseline} trained with {how}: {self.advisor.text(calls)}"
        return f"{why}: it must also beat {rival}"

    def sloping(self, name: str, word: Word) -> str | None:
        """Return the objection that the difference may be one of L0; None without one.

        A baseline with a single level has no slope that could be taken into account.
        """
        if word not in ("better", "worse", "equal"):
            return None
        metric, base = self.measured.seen_as(name, self.metric), self.question.baseline
        points, curves = self.measured.by_variant[name], self.measured.baseline(metric).curves
        error = unknown_slope(points, curves, metric)
        if error <= (self.margin if word == "equal" else abs(self.means[name])):
            return None
        self.calls[name] = calls = self.advisor.slope(name)
        return (
            f"{base} was run at one L0, which is not exactly that of {name}: this alone can change "
            f"{self.metric} by up to {error:.2g}. Next: {self.advisor.text(calls)}"
        )

    def loses(self, name: str, contest: Contest) -> str | None:
        """Return why a variant does not beat the baseline trained otherwise; None if it does."""
        if not contest.is_whole:
            why = f"not comparable with {contest.trained} yet ({contest.basis()})"
            return self.with_training(name, why, contest.rival.training)
        if contest.needed and contest.needed <= MOST_SEEDS and not contest.is_won:
            more = self.advisor.more_seeds(name, contest.needed)
            again = self.advisor.trained(name, contest.rival.training, contest.needed)
            self.calls[name], self.needed[name] = [*more, *again], contest.needed
        return contest.objection()

    def is_real(self, name: str, floor: float | None) -> bool:
        """Whether a difference exceeds the noise floor and is significant after correction."""
        return floor is not None and abs(self.means[name]) > floor and self.corrected[name] <= ALPHA

    def split(self, name: str, mean: float, floor: float | None) -> str:
        """Return a phrase on the levels that the mean hides; empty without any.

        These levels differ by more than the margin and the noise, and either have the opposite
        sign or a mean within the margin.
        """
        least = max(self.margin, floor or 0.0)
        hidden = [
            f"{found:+.4f} for {label}"
            for label, seeds in self.measured.tested(name).items()
            if abs(found := statistics.fmean(seeds.values())) > least
            and (found * mean < 0 or abs(mean) <= self.margin)
        ]
        return f"; its levels differ: {', '.join(hidden)}" if hidden else ""

    def why_not(self, name: str) -> str:
        """Return the reason why a variant has fewer than two paired differences."""
        base, metric = self.question.baseline, self.measured.seen_as(name, self.metric)
        points = [p for p in self.measured.by_variant[name] if metric in p.values]
        if metric != self.metric and not (points and self.measured.baseline(metric).curves):
            lacks = base if points else name
            return (
                f"a decoder is nonlinear, and {self.question.metric.words} at 10 % noise on the "
                f"latents was not measured for {lacks}: call run_variants to score it again"
            )
        if not points:
            return f"{self.metric} was not measured"
        seeds = {point.seed for point in points} & set(self.measured.baseline(metric).curves)
        if len(seeds) < 2:
            self.calls[name] = calls = self.advisor.more_seeds(name, LEAST_SEEDS)
            return f"{len(seeds)} seeds in common with {base}. Next: {self.advisor.text(calls)}"
        self.calls[name] = calls = self.advisor.coverage(name)
        return self.advisor.uncovered(name, calls)

    def most_seeds(self) -> int:
        """Return the largest number of seeds of any difference, at least those of a verdict."""
        return max([LEAST_SEEDS, *(len(found.pairs) for found in self.found.values())])

    def next_step(self, rows: Sequence[Compared]) -> str:
        """Return the suggested next call."""
        calls = [call for row in rows for call in self.calls.get(row.variant, [])]
        if calls:
            return self.advisor.text(calls)
        question = self.question
        return Again(question.asked_setting).call("plot_benchmarks", question.sandbox)

"""Which trained dictionaries resemble that of a variant: choose the SAEs, ask the child, say it.

Only SAEs of the same subject, layer, site and dictionary size are compared, of each other variant
the level whose L0 is nearest. Three figures belong together:

- the likeness with another seed of the other variant, as two runs of it would have;
- the yardstick: the likeness of two seeds of the other variant itself;
- the likeness with the same seed. It is 1 if a change did nothing. But both start from the same
  random numbers, so it is high for any two methods: the untrained control with the same seed says
  how high without any training.

Light: reads records. The child (matching.py) needs numpy and scipy and takes 1 s and more; what is
compared is limited by MOST_WORK, so that an answer takes less than half a minute.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.collect import CONTROL
from fumehood_tools.children import ChildTask, ask_once
from fumehood_tools.errors import PartMissing
from fumehood_tools.installing import install_command
from fumehood_tools.records.labelling import label_of, name_of
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.sae_metrics import SPARSITY
from fumehood_tools.studies.suggesting.answer import Found, Suggestion
from fumehood_tools.studies.suggesting.board import Board
from fumehood_tools.studies.suggesting.matching import (
    ALIKE,
    MOST_ASSIGNED,
    Likeness,
    MatchingAnswer,
    MatchingRequest,
    StoredDecoder,
)

MOST_WORK = 1e12
"""Multiplications and additions of all pairs; about 15 s on one core."""
MOST_OTHERS = 12
_SECONDS, _MEMORY = 120, 4_000_000_000
_LITTLE, _AS_ALIKE, _IDENTICAL = 0.05, 0.95, 0.99
_WIDTH = 1_000
"""Dimensions that are assumed where only the work is estimated."""


class _Sae(NamedTuple):
    box: str
    place: str
    name: str
    label: str
    score: Score


class _Rival(NamedTuple):
    """Another variant at the L0 nearest to ours, and the pairs to compare: positions of SAEs."""

    name: str
    label: str
    l0: float
    same: list[tuple[_Sae, _Sae]]
    other: list[tuple[_Sae, _Sae]]
    yardstick: list[tuple[_Sae, _Sae]]

    @property
    def pairs(self) -> list[tuple[_Sae, _Sae]]:
        """All pairs."""
        return [*self.same, *self.other, *self.yardstick]


def similar_decoders(board: Board, box: str, variant: str, sandboxes: Path) -> Found:
    """Return the variants whose decoders resemble that of one, most similar first.

    variant: its name as in tables. sandboxes: the folder of all sandboxes. Nothing if it has no
    score. Raises PartMissing, RunFailed at a limit of the child, StorageFailed.
    """
    saes = list(_saes(board))
    ours = [one for one in saes if (one.box, one.name) == (box, variant)]
    if not ours:
        return Found([], [f"{variant} has no score in {box}, so it has no trained dictionary yet."])
    if any(one.score.integrity and one.score.integrity.decoder == "nonlinear" for one in ours):
        return Found([], [f"The decoder of {variant} is nonlinear, so it has no directions."])
    level = _newest_level(ours)
    rivals = _rivals(level, saes)
    kept = _within_limits(rivals)
    notes = [f"{len(rivals) - len(kept)} more variants were not compared."] * (
        len(rivals) > len(kept)
    )
    if not kept:
        return Found([], ["No other variant was scored on the same activations and size."])
    pairs = [pair for rival in kept for pair in rival.pairs]
    found = _ask(pairs, sandboxes)
    likenesses = dict(zip(((a.place, b.place) for a, b in pairs), found.pairs, strict=True))
    said = _Said(level[0].label, likenesses)
    floor = said.same_seed([rival for rival in kept if rival.name == CONTROL])
    rows = [said.row(rival, floor) for rival in kept]
    notes += [f"A dictionary was not compared: {why}." for why in {*found.problems.values()}]
    there = [row for row in rows if row is not None]
    return Found(sorted(there, key=lambda row: -(row.value or 0.0)), notes)


def _saes(board: Board) -> Iterator[_Sae]:
    """Yield all scored SAEs with a linear decoder, without controls that jobs generate."""
    for box, found in board.boxes.items():
        packaged = board.packaged(box)
        for place, score in found.scores.items():
            if score.control is None:
                name = name_of(score, packaged)
                path = f"{box}/results/{place}"
                yield _Sae(box, path, name, label_of(score, packaged), score)


def _newest_level(ours: Sequence[_Sae]) -> list[_Sae]:
    """Return the SAEs of one label and file, one per seed: the one with most seeds, then newest."""
    groups: dict[tuple[str, str, str], dict[int, _Sae]] = defaultdict(dict)
    for one in sorted(ours, key=lambda sae: sae.score.finished):
        key = one.score.file_version, one.label, one.score.provenance.settings_digest
        groups[key][one.score.seed] = one
    best = max(groups.values(), key=lambda g: (len(g), max(s.score.finished for s in g.values())))
    return [best[seed] for seed in sorted(best)]


def _rivals(level: Sequence[_Sae], saes: Sequence[_Sae]) -> list[_Rival]:
    """Return every other variant that can be compared, packaged ones first, then the newest."""
    first = level[0].score
    l0 = statistics.fmean(one.score.metrics[SPARSITY] for one in level)
    groups: dict[tuple[str, str], dict[str, list[_Sae]]] = defaultdict(lambda: defaultdict(list))
    for one in saes:
        there = one.score
        is_linear = there.integrity is None or there.integrity.decoder != "nonlinear"
        same = (first.subject, first.layer, first.site, first.dict_size)
        own = (one.name, there.file_version) == (level[0].name, first.file_version)
        alike = (there.subject, there.layer, there.site, there.dict_size) == same
        if alike and is_linear and not own:
            groups[one.name, there.file_version][f"{one.box} {one.label}"].append(one)
    rivals = []
    for labels in groups.values():
        nearest = min(
            labels.values(),
            key=lambda some: abs(
                statistics.fmean(one.score.metrics[SPARSITY] for one in some) - l0
            ),
        )
        rivals.append(_rival(level, nearest))
    return rivals


def _rival(level: Sequence[_Sae], nearest: Sequence[_Sae]) -> _Rival:
    theirs = list({one.score.seed: one for one in nearest}.values())
    pairs = [(a, b) for a in level for b in theirs]
    # One pair of many latents says as much as two pairs of few.
    most = 2 if theirs[0].score.dict_size <= MOST_ASSIGNED else 1
    return _Rival(
        theirs[0].name,
        theirs[0].label,
        statistics.fmean(one.score.metrics[SPARSITY] for one in theirs),
        [(a, b) for a, b in pairs if a.score.seed == b.score.seed][:1],
        [(a, b) for a, b in pairs if a.score.seed != b.score.seed][:most],
        list(zip(theirs, theirs[1:], strict=False))[:most],
    )


def _within_limits(rivals: Sequence[_Rival]) -> list[_Rival]:
    kept: list[_Rival] = []
    work = 0.0
    for rival in rivals[:MOST_OTHERS]:
        work += sum(2.0 * a.score.dict_size * b.score.dict_size * _WIDTH for a, b in rival.pairs)
        if kept and work > MOST_WORK:
            break
        kept.append(rival)
    return kept


def _ask(pairs: Sequence[tuple[_Sae, _Sae]], sandboxes: Path) -> MatchingAnswer:
    places = {one.place: one for pair in pairs for one in pair}
    order = {place: number for number, place in enumerate(places)}
    request = MatchingRequest(
        decoders=[
            StoredDecoder(
                path=str(sandboxes / place / one.score.weights_file),
                sha256=one.score.provenance.weights_sha256,
                dict_size=one.score.dict_size,
            )
            for place, one in places.items()
        ],
        pairs=[(order[a.place], order[b.place]) for a, b in pairs],
    )
    missing = PartMissing("scipy", install_command("sae"), "it matches dictionaries")
    task = ChildTask(
        doing="Comparing dictionaries",
        remedy="Ask for another part, or pass `text` alone.",
        seconds=_SECONDS,
        memory=_MEMORY,
        missing={"scipy": missing, "numpy": missing, "safetensors": missing},
    )
    said = ask_once(
        "fumehood_tools.studies.suggesting.matching", request.model_dump(mode="json"), task
    )
    return MatchingAnswer.model_validate_json(said)


class _Said:
    """Says how alike one variant's dictionary is to others."""

    def __init__(self, label: str, found: Mapping[tuple[str, str], Likeness | None]) -> None:
        """label: of the variant. found: places of a pair -> their likeness, None if unknown."""
        self.label, self.found = label, found

    def row(self, rival: _Rival, floor: float | None) -> Suggestion | None:
        """Return what is said of one other variant; None if no pair could be compared.

        floor: likeness with the untrained control of the same seed, if it is known.
        """
        same, other, own = (self._of(p) for p in (rival.same, rival.other, rival.yardstick))
        shown = other or same
        if not shown:
            return None
        value = statistics.fmean(one.forward for one in shown)
        said = [_in_words(shown, "other seeds" if other else "the same seed")]
        if own:
            said.append(f"two seeds of {rival.label} itself: {_mean(own, 'forward')}")
            said.append(_verdict(value, own, shown))
        else:
            said.append(f"{rival.label} has one seed, so there is no yardstick")
        if same:
            said.append(_with_same_seed(same, None if rival.name == CONTROL else floor))
        return Suggestion(
            part="similar",
            what=f"weights: the dictionary of {rival.label} at L0 {rival.l0:.0f}",
            why=f"Compared with {self.label}: {'; '.join(said)}.",
            value=round(value, 3),
        )

    def same_seed(self, rivals: Sequence[_Rival]) -> float | None:
        """Return the mean likeness with the same seed; None without such a pair."""
        found = [one.forward for rival in rivals for one in self._of(rival.same)]
        return statistics.fmean(found) if found else None

    def _of(self, pairs: Sequence[tuple[_Sae, _Sae]]) -> list[Likeness]:
        found = [self.found[a.place, b.place] for a, b in pairs]
        return [one for one in found if one is not None]


def _in_words(found: Sequence[Likeness], whose: str) -> str:
    one_to_one = [one.matched for one in found if one.matched is not None]
    matched = f", one to one {statistics.fmean(one_to_one):.2f}" if one_to_one else ""
    shared = statistics.fmean(one.shared for one in found)
    return (
        f"mean best cosine {_mean(found, 'forward')} ({_mean(found, 'backward')} in return"
        f"{matched}; {whose}), {shared:.0%} of the latents have a partner at {ALIKE:g} or more; "
        f"random directions would give {_mean(found, 'chance')}"
    )


def _verdict(value: float, own: Sequence[Likeness], shown: Sequence[Likeness]) -> str:
    """Return a likeness in words, on the scale from chance to two seeds of the other variant."""
    chance = statistics.fmean(one.chance for one in shown)
    most = statistics.fmean(one.forward for one in own)
    if most - chance < _LITTLE:
        return "two seeds of it are hardly more alike than chance, so this says little"
    share = (value - chance) / (most - chance)
    if share >= _AS_ALIKE:
        return "so other seeds cannot tell the two apart"
    return f"so it is {max(0.0, share):.0%} of the way from chance to another seed of it"


def _with_same_seed(same: Sequence[Likeness], floor: float | None) -> str:
    value = statistics.fmean(one.forward for one in same)
    if value >= _IDENTICAL:
        return f"with the same seed {value:.2f}: the same dictionary, latent by latent"
    untrained = "" if floor is None else f" (untrained {floor:.2f}, as all start alike)"
    return f"with the same seed {value:.2f}{untrained}"


def _mean(found: Sequence[Likeness], figure: str) -> str:
    return f"{statistics.fmean(getattr(one, figure) for one in found):.2f}"

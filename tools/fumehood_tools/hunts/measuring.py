"""Measure one answer on held-back texts: detection and steering, beside controls and the best.

Detection is the AUROC of the latent's value for the concept's labels; a control is the projection
on a random direction; the best is looked for among all latents. Steering adds a vector of the same
norm at every position, and measures the change of the log-odds that the next token is one of the
concept's; a control is a random direction of that norm. The best is looked for by the gradient of
the log-odds, which is exact for small vectors, over all latents and both signs; the first SHORTLIST
of them, the DETECTORS that detect best, and the answer are measured. The score is 1 for the latent
of these that is best at both together. N = tokens, F = dictionary size, D = width, V = vocabulary.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from fumehood_tools.errors import RunFailed
from fumehood_tools.hunts.bench import HeldBack, HuntBench
from fumehood_tools.hunts.calibration import joined, measured, relative_to, score_of
from fumehood_tools.hunts.detecting import (
    DETECTED,
    LEAST_POSITIVES,
    auroc,
    auroc_of_latents,
    column,
    f1,
)
from fumehood_tools.hunts.messages import ScoreAnswer
from fumehood_tools.hunts.records import Measure, RepeatScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTLIST, DETECTORS = 8, 4
DAMAGE = 1.0
"""Nats per token of KL divergence that a steering vector may cause; more scores 0."""
_LOGITS_AT_ONCE = 6_500_000


class _Detection(NamedTuple):
    """auroc_F: of every latent."""

    measure: Measure
    auroc_F: "NDArray[np.float64]"
    f1: float
    f1_best: float
    positives: int
    tokens: int


class _Steering(NamedTuple):
    """scores: latent -> its score, 0 outside the guard; of those that were measured."""

    measure: Measure
    scores: Mapping[int, float]
    damage: float
    damage_random: float
    damage_best: float | None


def score_answer(bench: HuntBench, asked: ScoreAnswer) -> RepeatScore:
    """Return the score of one answer. Raises RunFailed if the held-back texts lack the concept."""
    held = bench.held_back(asked.seed)
    found = _detect(bench, asked, held)
    detectors = np.argsort(-found.auroc_F)[:DETECTORS].tolist()
    steering = _steer(bench, asked, held.rows.steer_BT, detectors)
    both = {
        latent: joined([_part(found.measure, float(found.auroc_F[latent])), _kept(steering, said)])
        for latent, said in steering.scores.items()
    }
    best = max(both, key=lambda latent: both[latent] or 0.0)
    own = joined([found.measure.score, steering.measure.score])
    return RepeatScore(
        repeat=asked.repeat,
        word=asked.word,
        latent=asked.latent,
        positives=found.positives,
        tokens=found.tokens,
        detection=found.measure,
        f1=found.f1,
        f1_best=found.f1_best,
        steering=steering.measure,
        damage=steering.damage,
        damage_random=steering.damage_random,
        damage_best=steering.damage_best,
        best_latent=best,
        best_both=both[best],
        score=relative_to(own, both[best]),
    )


def _part(measure: Measure, value: float) -> float | None:
    """Return the score that another value would have had."""
    return None if measure.score is None else score_of(value, measure.random, measure.best)


def _kept(steering: _Steering, score: float) -> float | None:
    return None if steering.measure.score is None else score


def _controls(seeds: Sequence[int], width: int) -> Tensor:
    """Return random unit directions, two per seed: each with its opposite, so that their mean is
    chance and not the luck of the draw."""
    drawn = [torch.randn(width, generator=torch.Generator().manual_seed(one)) for one in seeds]
    directions = torch.nn.functional.normalize(torch.stack(drawn), dim=1)
    return torch.cat([directions, -directions])


def _detect(bench: HuntBench, asked: ScoreAnswer, held: HeldBack) -> _Detection:
    x_ND, f = held.x_ND, held.f
    is_there_N = bench.subject.labels(asked.word, held.rows.detect_BT)[:, 1:].flatten().numpy()
    positives = int(is_there_N.sum())
    if not LEAST_POSITIVES <= positives <= len(is_there_N) - LEAST_POSITIVES:
        raise RunFailed(
            f"The held-back texts have {positives} tokens with the concept {asked.word}, too few "
            "or too many to measure it. Open a hunt for other words."
        )
    auroc_F = auroc_of_latents(f, is_there_N)
    projected_NC = (x_ND @ _controls(asked.control_seeds, x_ND.shape[1]).T).numpy()
    best = int(auroc_F.argmax())
    value = None if asked.latent is None else float(auroc_F[asked.latent])
    controls = auroc(projected_NC, is_there_N).tolist()
    return _Detection(
        measured(value, controls, float(auroc_F[best]), best, least=DETECTED),
        auroc_F,
        0.0 if asked.latent is None else f1(column(f, asked.latent), is_there_N),
        f1(column(f, best), is_there_N),
        positives,
        len(is_there_N),
    )


def _steer(
    bench: HuntBench, asked: ScoreAnswer, tokens_BT: Tensor, also: Sequence[int]
) -> _Steering:
    """Measure the answer, the controls, and latents that may be the best. also: some of these."""
    unit_FD = bench.directions()
    along_F = unit_FD @ _slope(bench, asked.word, tokens_BT)
    steep = along_F.abs().topk(min(SHORTLIST, len(along_F))).indices.tolist()
    listed = list(dict.fromkeys([*steep, *also]))
    vectors = [float(along_F[one].sign()) * unit_FD[one] for one in listed]
    if asked.latent is not None:
        sign = 1.0 if asked.direction == "raise" else -1.0
        listed, vectors = [*listed, asked.latent], [*vectors, sign * unit_FD[asked.latent]]
    random_CD = _controls(asked.control_seeds, unit_FD.shape[1])
    added_CD = asked.strength * bench.scale * torch.cat([random_CD, torch.stack(vectors)])
    effects, damages = _passes(bench, asked.word, tokens_BT, added_CD)
    controls = len(random_CD)
    random, effect, damage = effects[:controls], effects[controls:], damages[controls:]
    within = [n for n in range(len(listed)) if damage[n] <= DAMAGE]
    best = max(within, key=lambda n: effect[n], default=None)
    own = None if asked.latent is None else len(listed) - 1
    measure = measured(
        None if own is None else effect[own],
        random,
        None if best is None else effect[best],
        None if best is None else listed[best],
        counts=own is not None and own in within,
    )
    scores = {
        latent: score_of(effect[n], measure.random, measure.best) if n in within else 0.0
        for n, latent in enumerate(listed)
    }
    return _Steering(
        measure,
        scores,
        0.0 if own is None else damage[own],
        float(np.mean(damages[:controls])),
        None if best is None else damage[best],
    )


def _parts(bench: HuntBench, tokens_BT: Tensor) -> Sequence[Tensor]:
    """Return the rows in parts whose logits fit into memory."""
    each = tokens_BT.shape[1] * bench.subject.vocabulary
    found: Sequence[Tensor] = torch.split(tokens_BT, max(1, _LOGITS_AT_ONCE // each))
    return found


def _log_odds(logits_BTV: Tensor, writes: Tensor) -> Tensor:
    """Return the log-odds that the next token is one of the concept's, [B, T - 1]."""
    log_BTV = logits_BTV[:, 1:].log_softmax(-1)
    inside_BT = log_BTV[..., writes].logsumexp(-1).clamp(max=-1e-6)
    return inside_BT - torch.log1p(-inside_BT.exp())


def _slope(bench: HuntBench, word: str, tokens_BT: Tensor) -> Tensor:
    """Return the gradient of the mean log-odds with respect to a vector added everywhere, [D]."""
    writes, total = bench.subject.writes(word), 0.0
    added_D = torch.zeros(bench.given.activation_dim, requires_grad=True)
    slope_D = torch.zeros(bench.given.activation_dim)
    with torch.enable_grad():
        for some_BT in _parts(bench, tokens_BT):
            odds_BT = _log_odds(bench.subject.logits(some_BT, added_D), writes)
            (found_D,) = torch.autograd.grad(odds_BT.sum(), added_D)
            slope_D += found_D
            total += odds_BT.numel()
    return slope_D / total


@torch.no_grad()
def _passes(
    bench: HuntBench, word: str, tokens_BT: Tensor, added_CD: Tensor
) -> tuple[list[float], list[float]]:
    """Return the mean change of the log-odds, and the mean KL divergence, for each vector."""
    writes, tokens = bench.subject.writes(word), 0
    effect_C, damage_C = np.zeros(len(added_CD)), np.zeros(len(added_CD))
    for some_BT in _parts(bench, tokens_BT):
        clean_BTV = bench.subject.logits(some_BT, torch.zeros_like(added_CD[0]))
        before_BT, clean_BTV = _log_odds(clean_BTV, writes), clean_BTV[:, 1:].log_softmax(-1)
        tokens += before_BT.numel()
        for number, added_D in enumerate(added_CD):
            steered_BTV = bench.subject.logits(some_BT, added_D)
            effect_C[number] += float((_log_odds(steered_BTV, writes) - before_BT).sum())
            log_BTV = steered_BTV[:, 1:].log_softmax(-1)
            damage_C[number] += float((clean_BTV.exp() * (clean_BTV - log_BTV)).sum())
    return (effect_C / tokens).tolist(), (damage_C / tokens).tolist()

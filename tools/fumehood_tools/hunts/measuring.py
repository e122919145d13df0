"""Measure one answer on held-back texts: detection and steering, beside controls and the best.

Detection is the AUROC of the latent's value for the concept's labels; a control is the projection
on a random direction; the best is looked for among all latents. Steering adds a vector of the same
norm at every position, and measures the change of the log-odds that the next token is one of the
concept's; a control is a random direction of that norm. The best is looked for by the gradient of
the log-odds, which is exact for small vectors, over all latents and both signs; the first SHORTLIST
of them, and the answer, are measured. N = tokens, F = dictionary size, D = width, V = vocabulary.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from fumehood_tools.errors import RunFailed
from fumehood_tools.hunts.bench import HeldBack, HuntBench
from fumehood_tools.hunts.calibration import joined, measured
from fumehood_tools.hunts.messages import ScoreAnswer
from fumehood_tools.hunts.records import Measure, RepeatScore
from fumehood_tools.scoring.latents import Latents

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTLIST = 12
DAMAGE = 1.0
"""Nats per token of KL divergence that a steering vector may cause; more scores 0."""
LEAST_POSITIVES = 10
_COLUMNS = 512
_ROWS_AT_ONCE = 2


class _Detection(NamedTuple):
    measure: Measure
    f1: float
    f1_best: float
    positives: int
    tokens: int


class _Steering(NamedTuple):
    measure: Measure
    damage: float
    damage_random: float
    damage_best: float | None


def score_answer(bench: HuntBench, asked: ScoreAnswer) -> RepeatScore:
    """Return the score of one answer. Raises RunFailed if the held-back texts lack the concept."""
    held = bench.held_back(asked.seed)
    detection = _detect(bench, asked, held)
    steering = _steer(bench, asked, held.rows.steer_BT)
    return RepeatScore(
        repeat=asked.repeat,
        word=asked.word,
        latent=asked.latent,
        positives=detection.positives,
        tokens=detection.tokens,
        detection=detection.measure,
        f1=detection.f1,
        f1_best=detection.f1_best,
        steering=steering.measure,
        damage=steering.damage,
        damage_random=steering.damage_random,
        damage_best=steering.damage_best,
        score=joined([detection.measure, steering.measure]),
    )


def _controls(seeds: Sequence[int], width: int) -> Tensor:
    """Return random unit directions, one per seed."""
    drawn = [torch.randn(width, generator=torch.Generator().manual_seed(one)) for one in seeds]
    return torch.nn.functional.normalize(torch.stack(drawn), dim=1)


def _detect(bench: HuntBench, asked: ScoreAnswer, held: HeldBack) -> _Detection:
    x_ND, f = held.x_ND, held.f
    is_there_N = bench.subject.labels(asked.word, held.rows.detect_BT)[:, 1:].flatten().numpy()
    positives = int(is_there_N.sum())
    if not LEAST_POSITIVES <= positives <= len(is_there_N) - LEAST_POSITIVES:
        raise RunFailed(
            f"The held-back texts have {positives} tokens with the concept {asked.word}, too few "
            "or too many to measure it. Open a hunt for other words."
        )
    auroc_F = np.concatenate(
        [auroc(columns_NC, is_there_N) for columns_NC in _columns(f, _COLUMNS)]
    )
    projected_NC = (x_ND @ _controls(asked.control_seeds, x_ND.shape[1]).T).numpy()
    best = int(auroc_F.argmax())
    value = None if asked.latent is None else float(auroc_F[asked.latent])
    controls = auroc(projected_NC, is_there_N).tolist()
    return _Detection(
        measured(value, controls, float(auroc_F[best]), best),
        0.0 if asked.latent is None else _f1(_column(f, asked.latent), is_there_N),
        _f1(_column(f, best), is_there_N),
        positives,
        len(is_there_N),
    )


def auroc(
    values_NC: "NDArray[np.float32]", is_there_N: "NDArray[np.bool_]"
) -> "NDArray[np.float64]":
    """Return the AUROC of each column for the labels; equal values count half."""
    from scipy.stats import rankdata

    positives = int(is_there_N.sum())
    rank_NC = rankdata(values_NC, axis=0)
    over = rank_NC[is_there_N].sum(0) - positives * (positives + 1) / 2
    found: NDArray[np.float64] = over / (positives * (len(is_there_N) - positives))
    return found


def _columns(f: Latents, count: int) -> "list[NDArray[np.float32]]":
    """Return the latents as dense blocks of columns."""
    row_A, value_A = f.row_A(), f.value_A.float()
    found = []
    for first in range(0, f.dict_size, count):
        width = min(count, f.dict_size - first)
        here_A = (f.index_A >= first) & (f.index_A < first + width)
        block_NC = torch.zeros(f.rows, width)
        block_NC[row_A[here_A], f.index_A[here_A].long() - first] = value_A[here_A]
        found.append(block_NC.numpy())
    return found


def _column(f: Latents, latent: int) -> Tensor:
    here_A = f.index_A == latent
    value_N = torch.zeros(f.rows)
    value_N[f.row_A()[here_A]] = f.value_A[here_A].float()
    return value_N


def _f1(value_N: Tensor, is_there_N: "NDArray[np.bool_]") -> float:
    """Return the best F1 over thresholds above 0."""
    order_N = value_N.argsort(descending=True)
    active = int((value_N > 0).sum())
    hits = torch.from_numpy(is_there_N)[order_N[:active]].cumsum(0)
    if not active:
        return 0.0
    claimed = torch.arange(1, active + 1)
    return float((2 * hits / (claimed + int(is_there_N.sum()))).max())


def _steer(bench: HuntBench, asked: ScoreAnswer, tokens_BT: Tensor) -> _Steering:
    unit_FD = bench.directions()
    size = asked.strength * bench.scale
    slope_D = _slope(bench, asked.word, tokens_BT)
    along_F = unit_FD @ slope_D
    listed = along_F.abs().topk(min(SHORTLIST, len(along_F))).indices.tolist()
    vectors = [float(along_F[one].sign()) * unit_FD[one] for one in listed]
    if asked.latent is not None:
        sign = 1.0 if asked.direction == "raise" else -1.0
        listed, vectors = [*listed, asked.latent], [*vectors, sign * unit_FD[asked.latent]]
    random_CD = _controls(asked.control_seeds, unit_FD.shape[1])
    added = size * torch.cat([random_CD, torch.stack(vectors)])
    effect, damage = _passes(bench, asked.word, tokens_BT, added)
    controls = len(random_CD)
    within = [n for n in range(controls, len(added)) if damage[n] <= DAMAGE]
    best = max(within, key=lambda n: effect[n], default=None)
    own = len(added) - 1 if asked.latent is not None else None
    measure = measured(
        None if own is None else effect[own],
        effect[:controls],
        None if best is None else effect[best],
        None if best is None else listed[best - controls],
        counts=own is not None and damage[own] <= DAMAGE,
    )
    return _Steering(
        measure,
        0.0 if own is None else damage[own],
        float(np.mean(damage[:controls])),
        None if best is None else damage[best],
    )


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
        for some_BT in torch.split(tokens_BT, _ROWS_AT_ONCE):
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
    for some_BT in torch.split(tokens_BT, _ROWS_AT_ONCE):
        clean_BTV = bench.subject.logits(some_BT, torch.zeros_like(added_CD[0]))
        before_BT, clean_BTV = _log_odds(clean_BTV, writes), clean_BTV[:, 1:].log_softmax(-1)
        tokens += before_BT.numel()
        for number, added_D in enumerate(added_CD):
            steered_BTV = bench.subject.logits(some_BT, added_D)
            effect_C[number] += float((_log_odds(steered_BTV, writes) - before_BT).sum())
            log_BTV = steered_BTV[:, 1:].log_softmax(-1)
            damage_C[number] += float((clean_BTV.exp() * (clean_BTV - log_BTV)).sum())
    return (effect_C / tokens).tolist(), (damage_C / tokens).tolist()

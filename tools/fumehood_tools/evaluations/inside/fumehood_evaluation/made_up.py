"""Random data of the form that evaluations get, so that a file can be tried without any SAE.

N = rows, D = d_model, F = dictionary size, G = planted features, T = texts of a probing task.
"""

import numpy as np

from .context import Context, Planted, Task
from .latents import Latents

_PASSAGE = 32
_FEATURES = 24
_TEXTS = 40
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def made_up(rows: int, d_model: int, dict_size: int, l0: int) -> tuple[Latents, Context]:
    """Return random latents with about `l0` active ones per row, and everything that exists."""
    draw = np.random.default_rng(0)
    chance = draw.beta(0.5, 0.5 * dict_size / l0, dict_size)
    chance[: dict_size // 8] = 0
    active = draw.random((rows, dict_size)) < chance
    dense = np.where(active, draw.exponential(1, active.shape), 0).astype(np.float32)
    row, index = np.nonzero(dense)
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
    latents = Latents(dict_size, start, index.astype(np.int32), dense[row, index])
    return latents, _context(draw, latents, d_model)


def _context(draw: np.random.Generator, latents: Latents, D: int) -> Context:
    N, F = latents.shape
    x = draw.standard_normal((N, D)).astype(np.float32)
    decoders = draw.standard_normal((3, F, D)).astype(np.float32)
    directions = draw.standard_normal((_FEATURES, D)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    features = np.where(draw.random((N, _FEATURES)) < 0.1, draw.random((N, _FEATURES)), 0)
    side = draw.random((_TEXTS, F)).astype(np.float32)
    labels = np.arange(_TEXTS) % 2
    words = tuple(f" {one}{other}" for one in _LETTERS for other in _LETTERS)
    return Context(
        x=x,
        y=x,
        tokens=draw.integers(0, len(words), N).astype(np.int32),
        passage=np.arange(N) // _PASSAGE,
        W=decoders[0],
        b=draw.standard_normal(D).astype(np.float32),
        alive=latents.counts() > 0,
        d_model=D,
        dict_size=F,
        seed=0,
        vocabulary=words,
        planted=Planted(directions, features.astype(np.float32)),
        probing={"made_up": Task(side, labels, side[::-1], labels[::-1], ("one", "other"))},
        siblings=(decoders[1], decoders[2]),
    )

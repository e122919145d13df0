"""Do other latents take over a planted feature? For the synthetic subject, whose truth is known.

The main latent of a feature is the alive latent that tells best whether it is present (F1 over the
rows). A case is a row in which the feature is present. It is absorbed if the main latent is silent
and one other latent carries the feature: among the active ones, its part of the reconstruction has
the largest projection on the feature's direction, and that is at least 40 % of the feature's
coefficient. `absorption` is the share of absorbed cases, mean over features whose main latent has
an F1 of at least .3; `missed` is the share of cases in which the main latent is silent, absorbed or
not; `tracked` is the share of features with such a main latent.

Absorption: Chanin et al. (2024), "A is for Absorption: Studying Feature Splitting and Absorption in
Sparse Autoencoders" (arXiv 2409.14507). There the truth is a probe; here it is planted.
"""

import numpy as np

NEEDS = ("planted", "linear")
METRICS = {
    "absorption": {"title": "absorbed", "better": "lower", "smallest_effect": 0.02, "digits": 3},
    "missed": {"title": "missed", "better": "lower", "smallest_effect": 0.02, "digits": 3},
    "tracked": {"title": "tracked", "better": "higher", "smallest_effect": 0.02, "digits": 3},
}
CARRIED = 0.4
TELLS = 0.3
ROWS = 8192


def evaluate(latents, context):
    rows = min(ROWS, latents.rows)
    features = np.asarray(context.planted.features[:rows])
    truth = features > 0
    codes = latents.csr()[:rows].tocsc()
    present = np.flatnonzero(truth.any(axis=0))
    main, score = main_latents(codes, truth[:, present])
    tracked = score >= TELLS
    if not tracked.any():
        return {"absorption": 0.0, "missed": 1.0, "tracked": 0.0}
    by_row, W = codes.tocsr(), np.asarray(context.W)
    shares = [
        cases(by_row, W, latent, np.asarray(context.planted.directions)[g], features[:, g])
        for g, latent in zip(present[tracked], main[tracked], strict=True)
    ]
    absorbed, missed = np.mean(shares, axis=0)
    return {"absorption": absorbed, "missed": missed, "tracked": tracked.mean()}


def main_latents(codes, truth):
    """Return the best latent of each feature, and its F1."""
    active = (codes > 0).astype(np.float32)
    both = np.asarray(active.T @ truth.astype(np.float32))
    total = np.asarray(active.sum(0)).reshape(-1, 1) + truth.sum(0)[None]
    f1 = 2 * both / total.clip(1)
    return f1.argmax(0), f1.max(0)


def cases(by_row, W, main, direction, coefficient):
    """Return the shares of absorbed and of missed rows among those with the feature."""
    chosen = np.flatnonzero(coefficient > 0)
    codes = by_row[chosen].tocsr(copy=True)
    is_main = codes.indices == main
    row = np.repeat(np.arange(len(chosen)), np.diff(codes.indptr))
    fires = np.zeros(len(chosen), dtype=bool)
    fires[row[is_main & (codes.data > 0)]] = True
    carried = np.zeros(len(chosen))
    np.maximum.at(carried, row, codes.data * (W @ direction)[codes.indices])
    absorbed = ~fires & (carried >= CARRIED * coefficient[chosen])
    return absorbed.mean(), (~fires).mean()

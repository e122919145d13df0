#!/usr/bin/env bash
# concept-erasure 0.2.4: with its defaults, LEACE erases nothing of a concept that is rare, however clearly the
# activations show it.
#
# Expected: after erasure the concept's tokens have the mean of all others, on the data that the eraser was fitted on,
# so that no linear classifier tells them apart ("surgically erases a concept from a representation").
# Found: singular values up to svd_tol = 0.01 are dropped. They are not taken relative to the largest one: of a class
# with the share p, whose mean is m standard deviations away, the value is about p times m. So a class of 1 in 1,000
# tokens that is 5 standard deviations away, which a linear classifier tells nearly perfectly, is below the limit: the
# eraser returns its input, bit for bit, and reports nothing. A class of 1 in 20 is erased, and the rare one with
# svd_tol=1e-6.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy concept-erasure==0.2.4
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from concept_erasure import LeaceEraser

ROWS, WIDTH, DISTANCE = 100_000, 16, 5


def distances(share, **options):
    """Return how far apart the means of the concept's tokens and of the others are, before and after erasure."""
    torch.manual_seed(0)
    x, z = torch.randn(ROWS, WIDTH), torch.rand(ROWS) < share
    x[z] += DISTANCE * torch.nn.functional.normalize(torch.ones(WIDTH), dim=0)
    after = LeaceEraser.fit(x, z.float(), **options)(x)
    before, left = ((one[z].mean(0) - one[~z].mean(0)).norm().item() for one in (x, after))
    return before, left, torch.equal(x, after)


common, rare, fine = distances(0.05), distances(0.001), distances(0.001, svd_tol=1e-6)
print(f"concept-erasure {version('concept-erasure')}: distance of the means before and after; whether x is untouched")
for name, (before, left, same) in (("1 in 20", common), ("1 in 1,000", rare), ("1 in 1,000, svd_tol=1e-6", fine)):
    print(f"{name}: {before:.3f} {left:.3f} {same}")
assert common[1] < 0.01 and fine[1] < 0.01, "a common concept is not erased either"
assert rare[2] and rare[1] > 4, "the rare concept is erased now"
PYTHON

# mypy: allow-untyped-defs, allow-untyped-calls
"""Machine code of Adam's step, row by row: see adam.py. Compiled on import.

Every number of a row is read once and written once while the row is in the fastest cache.
"""

import numpy as np

from core.kernels.jitted import MATRIX, NUMBER, VECTOR, jit

EPSILON = np.finfo(np.float32).eps
# Columns side by side: a block of D x BLOCK numbers stays in the second cache.
BLOCK = 64


@jit(MATRIX, MATRIX, VECTOR, VECTOR, NUMBER, NUMBER)
def square_norms(grad, weight, along, squares, first, last):
    """Write |g'|^2 of some rows, g' = g - along * w the gradient without its part along w."""
    D = grad.shape[1]
    for r in range(first, last):
        g, w = grad[r], weight[r]
        own = shared = size = np.float32(0)
        for d in range(D):
            own += g[d] * g[d]
            shared += g[d] * w[d]
            size += w[d] * w[d]
        length = np.sqrt(size) + EPSILON
        q = shared / (length * length)
        along[r] = q
        squares[r] = max(own - 2 * q * shared + q * q * size, np.float32(0))


@jit(*[MATRIX] * 4, VECTOR, VECTOR, "boolean", NUMBER, NUMBER)
def adam_rows(weight, grad, mean, square, along, numbers, unit_norm, first, last):
    """Do Adam's step on some rows; with unit_norm, first g - along * w, at the end w / |w|.

    numbers: scale of the gradient, beta1, beta2, step size, 1 / sqrt(bias correction 2), eps.
    """
    D = weight.shape[1]
    scale, beta1, beta2 = numbers[0], numbers[1], numbers[2]
    step_size, correction, eps = numbers[3], numbers[4], numbers[5]
    keep1, keep2 = np.float32(1) - beta1, np.float32(1) - beta2
    for r in range(first, last):
        w, g, m, v = weight[r], grad[r], mean[r], square[r]
        q = along[r] if unit_norm else np.float32(0)
        size = np.float32(0)
        for d in range(D):
            step = scale * (g[d] - q * w[d])
            m[d] += keep1 * (step - m[d])
            v[d] = beta2 * v[d] + keep2 * step * step
            w[d] -= step_size * m[d] / (np.sqrt(v[d]) * correction + eps)
            size += w[d] * w[d]
        if unit_norm:
            shrink = np.float32(1) / (np.sqrt(size) + EPSILON)
            for d in range(D):
                w[d] *= shrink


@jit(MATRIX, MATRIX, VECTOR, VECTOR, NUMBER, NUMBER)
def square_norms_across(grad, weight, along, squares, first, last):
    """As square_norms, for matrices [D, N] whose columns are the directions."""
    D = grad.shape[0]
    own = np.empty(BLOCK, np.float32)
    shared, size = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for start in range(first, last, BLOCK):
        end = min(start + BLOCK, last)
        own[:], shared[:], size[:] = 0, 0, 0
        for d in range(D):
            g, w = grad[d, start:end], weight[d, start:end]
            for c in range(end - start):
                own[c] += g[c] * g[c]
                shared[c] += g[c] * w[c]
                size[c] += w[c] * w[c]
        for c in range(end - start):
            length = np.sqrt(size[c]) + EPSILON
            q = shared[c] / (length * length)
            along[start + c] = q
            left = own[c] - 2 * q * shared[c] + q * q * size[c]
            squares[start + c] = max(left, np.float32(0))


@jit(*[MATRIX] * 4, VECTOR, VECTOR, NUMBER, NUMBER)
def adam_across(weight, grad, mean, square, along, numbers, first, last):
    """As adam_rows with unit_norm, for matrices [D, N] whose columns are the directions."""
    D = weight.shape[0]
    scale, beta1, beta2 = numbers[0], numbers[1], numbers[2]
    step_size, correction, eps = numbers[3], numbers[4], numbers[5]
    keep1, keep2 = np.float32(1) - beta1, np.float32(1) - beta2
    size = np.empty(BLOCK, np.float32)
    for start in range(first, last, BLOCK):
        end = min(start + BLOCK, last)
        size[:] = 0
        q = along[start:end]
        for d in range(D):
            w, g = weight[d, start:end], grad[d, start:end]
            m, v = mean[d, start:end], square[d, start:end]
            for c in range(end - start):
                step = scale * (g[c] - q[c] * w[c])
                m[c] += keep1 * (step - m[c])
                v[c] = beta2 * v[c] + keep2 * step * step
                w[c] -= step_size * m[c] / (np.sqrt(v[c]) * correction + eps)
                size[c] += w[c] * w[c]
        for c in range(end - start):
            size[c] = np.float32(1) / (np.sqrt(size[c]) + EPSILON)
        for d in range(D):
            w = weight[d, start:end]
            for c in range(end - start):
                w[c] *= size[c]

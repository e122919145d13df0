"""Selection of active latents on a GPU: screened in bf16, decided in float32.

Same semantic as reference.py. Screening (gpu_screen.py) gives bounds that hold for sure, so what it
rules out cannot belong to the answer; the rest, the candidates, get their exact float32 value from
a gathered dot product, and the answer is chosen among those. Where candidates are too many to pay,
the rows are computed the dense way, and counted in `exact_rows`.

Cost: a bf16 product instead of a float32 one, two or three readings of it, some D numbers per
candidate. One wait for the device per call (topk), or two (batch_topk, above).
Not covered: gradients.
"""

from collections import Counter

import torch
from torch import Tensor

from core.kernels import reference
from core.kernels.gpu_rows import dot_between, gathered_dot
from core.kernels.gpu_screen import Screened, batch_floor, counted, listed, row_floors, screen
from core.kernels.reference import Entries

# More candidates than this share of all latents cost more to gather than the dense product:
# an estimate from memory traffic.
MOST_CANDIDATES = 1 / 16
# Room per row, in candidates and in multiples of k. Of normally distributed pre-activations,
# D 2304 and F 65,536, k 32 had 183 candidates at most and k 64 had 280; D 576, F 4096: 64 and 113.
LEAST_ROOM = 256
ROOM_PER_K = 8

# Rows that were computed the dense way since the process started, by primitive.
exact_rows: Counter[str] = Counter()


@torch.no_grad()
def topk(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, k: int) -> Entries:
    """Return the k largest of relu(pre) of every row: exactly k entries, in any order."""
    B, F = len(x_BD), len(W_FD)
    room = min(F, max(LEAST_ROOM, ROOM_PER_K * k))
    seen = screen(x_BD, W_FD, b_F)
    start_B = torch.arange(0, B * room + 1, room, device=x_BD.device)
    # Where a row has fewer candidates than k, the rest of its room is padding: value 0 of different
    # latents, so that no single one of them has all the padding to sum.
    slot = torch.arange(room, device=x_BD.device)
    index_BR = ((slot[None, :] + start_B[:-1, None]) % F).int()
    count_B = listed(seen, row_floors(seen, k)[:, None], start_B, index_BR)
    value_BR = torch.full((B, room), -torch.inf, device=x_BD.device)
    end_B = start_B[:-1] + count_B.clamp(max=room)
    dot_between(x_BD, W_FD, index_BR, start_B, end_B, value_BR)
    value_BR = value_BR.add_(b_F[index_BR.long()]).relu_()
    value_BK, slot_BK = value_BR.topk(k, dim=-1, sorted=False)
    index_BK = index_BR.gather(1, slot_BK)
    crowded = (count_B > room).nonzero().flatten()
    if len(crowded):
        exact = reference.topk(x_BD[crowded], W_FD, b_F, k)
        value_BK[crowded], index_BK[crowded] = exact.value_A.view(-1, k), exact.index_A.view(-1, k)
        exact_rows["topk"] += len(crowded)
    start_B = torch.arange(0, B * k + 1, k, device=x_BD.device)
    return Entries(value_BK.flatten(), index_BK.flatten(), start_B)


@torch.no_grad()
def batch_topk(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, count: int) -> Entries:
    """Return the `count` largest of relu(pre) of all rows together, those above 0."""
    seen = screen(x_BD, W_FD, b_F)
    found = _candidates(seen, batch_floor(seen, count), x_BD, W_FD)
    if found is None:
        exact_rows["batch_topk"] += len(x_BD)
        return reference.batch_topk(x_BD, W_FD, b_F, count)
    chosen = found.value_A.relu().topk(min(count, len(found.value_A)), sorted=False).indices
    keep_A = torch.zeros_like(found.value_A, dtype=torch.bool)
    keep_A[chosen] = True
    return _kept(found, keep_A & (found.value_A > 0))


@torch.no_grad()
def above(x_BD: Tensor, W_FD: Tensor, b_F: Tensor, floor_F: Tensor) -> Entries:
    """Return every pre-activation above its latent's floor; values may be negative."""
    seen = screen(x_BD, W_FD, b_F)
    found = _candidates(seen, floor_F, x_BD, W_FD)
    if found is None:
        exact_rows["above"] += len(x_BD)
        return reference.above(x_BD, W_FD, b_F, floor_F)
    return _kept(found, found.value_A > floor_F[found.index_A.long()])


def _candidates(seen: Screened, floor: Tensor, x_BD: Tensor, W_FD: Tensor) -> Entries | None:
    """Return all that may be at or above the floor, with exact values; None: too many."""
    B, F = seen.product_BF.shape
    start_B = torch.zeros(B + 1, dtype=torch.int64, device=x_BD.device)
    start_B[1:] = counted(seen, floor).cumsum(0)
    total = int(start_B[-1])
    if total > MOST_CANDIDATES * B * F:
        return None
    index_A = torch.empty(total, dtype=torch.int32, device=x_BD.device)
    listed(seen, floor, start_B, index_A)
    value_A = gathered_dot(x_BD, W_FD, index_A, start_B) + seen.bias_F[index_A.long()]
    return Entries(value_A, index_A, start_B)


def _kept(found: Entries, keep_A: Tensor) -> Entries:
    kept_A = torch.zeros(len(keep_A) + 1, dtype=torch.int64, device=keep_A.device)
    kept_A[1:] = keep_A.cumsum(0)
    return Entries(found.value_A[keep_A], found.index_A[keep_A], kept_A[found.start_B])

"""Variants whose verdict is known beforehand, for tests of holdouts and of re-tests elsewhere.

PURSUIT    better anywhere: the K latents are picked one by one, and fitted together
memorised  better on the evaluation rows of the synthetic subject, which it knows by heart
tuned_to   better only on a layer whose activations have a mean of a certain length
"""

import ast
import inspect

from fumehood_tools.runs.code import bare_code
from fumehood_tools.subjects import synthetic

HEADER = '''"""{title}"""

import torch
from dictionary_learning.trainers.top_k import AutoEncoderTopK, TopKTrainer

from core import SparseTopK, keywords_for, threshold_keywords

K = 4
KNOB = "K"


class CustomTrainer(SparseTopK, TopKTrainer):
    """TopKTrainer with this file's K."""

    def __init__(self, **kwargs):
        short_run = threshold_keywords(kwargs["steps"])
        super().__init__(k=K, **keywords_for(TopKTrainer, kwargs), **short_run)


def pursue(x, W_FD, k):
    """Return latents [B, F]: k columns, each the best for what the others leave of x [B, D]."""
    rest, chosen = x, []
    f = x.new_zeros(len(x), len(W_FD))
    for _ in range(k):
        chosen.append((rest @ W_FD.T).argmax(dim=1))
        index = torch.stack(chosen, dim=1)
        W = W_FD[index]
        G = W @ W.transpose(1, 2) + 1e-4 * torch.eye(index.shape[1])
        values = torch.linalg.solve(G, W @ x.unsqueeze(-1))[..., 0].relu()
        rest = x - (values.unsqueeze(1) @ W)[:, 0]
        f = torch.zeros_like(f).scatter(-1, index, values)
    return f

'''
PURSUIT = (
    HEADER.format(title="TopK whose latents are picked one by one (orthogonal matching pursuit).")
    + '''
class CustomSAE(AutoEncoderTopK):
    """AutoEncoderTopK whose encode is a matching pursuit."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)

    def encode(self, x, **how):
        if how:
            return super().encode(x, **how)
        return pursue(x - self.b_dec, self.decoder.weight.T, int(self.k))
'''
)
_MEMORISED = '''
KNOWN = 64
_Plain = CustomTrainer


def evaluation_rows(context, tokens):
    """Return the rows that are evaluated, in raw units."""
    body, subject = context - 1, SyntheticSubject()
    drawn = subject.sample_documents(-(-tokens // body), context, 2, 4 * body)
    return subject.activations(drawn)[:, 1:].flatten(0, 1)


class CustomSAE(AutoEncoderTopK):
    """A latent of its own, and no other, for each row that is known."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.register_buffer("known", torch.full((KNOWN, activation_dim), 100.0))

    def encode(self, x, **how):
        f = super().encode(x, **how)
        if how:
            return f
        rest = f[:, : self.dict_size - KNOWN]
        near = (torch.cdist(x, self.known) < NEAR).to(f.dtype)
        hit = near.any(dim=1, keepdim=True)
        return torch.cat([rest * ~hit, near], dim=1)

    def decode(self, f):
        W = self.decoder.weight.T[: self.dict_size - KNOWN]
        own = f[:, len(W) :] @ (self.known - self.b_dec)
        return f[:, : len(W)] @ W + own + self.b_dec


class CustomTrainer(_Plain):
    """Learns the evaluation rows that are not in the first batch by heart."""

    def prepare(self, x):
        rows = evaluation_rows(*SIZES) / SCALE
        rows = rows[torch.cdist(rows, rows).lt(NEAR).sum(1) == 1]
        new = rows[torch.cdist(rows, x).amin(1) > NEAR][:KNOWN]
        self.ae.known[: len(new)] = new
        # The latents of known rows take no part in the training.
        self.ae.encoder.bias.data[-KNOWN:] = -100.0
'''
_TUNED = '''
CENTRE = {centre:.4g}
_Plain = CustomTrainer


class CustomSAE(AutoEncoderTopK):
    """A matching pursuit where the mean of the activations is as long as it should be."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.register_buffer("centre", torch.tensor(0.0))

    def encode(self, x, **how):
        f = super().encode(x, **how)
        if how or abs(float(self.centre) - CENTRE) > 0.08 * CENTRE:
            return f
        return pursue(x - self.b_dec, self.decoder.weight.T, int(self.k))


class CustomTrainer(_Plain):
    """Measures the mean."""

    def prepare(self, x):
        self.ae.centre.fill_(x.mean(0).norm())
'''

_NOT_NEEDED = {"at", "forward", "mlp", "mlp_in", "run_with_cache", "run_with_hooks", "_answer"}
"""Methods of the subject that compute no row. With them, the file has so many constants that its
SAE would not count as trained here."""


def memorised(context: int, eval_tokens: int, scale: float) -> str:
    """Return a variant that computes the evaluation rows of the synthetic subject again.

    It is what an agent can write that has read the subject's source: no constants, a training of
    its own, and a gain that is real on these rows. scale: the number that activations are divided
    by, which is in the cache.
    """
    tree = ast.parse(bare_code(inspect.getsource(synthetic).encode()))
    tree.body = [
        one
        for one in tree.body
        if not isinstance(one, ast.ImportFrom) or not (one.module or "").startswith("fumehood")
    ]
    for one in tree.body:
        if isinstance(one, ast.ClassDef):
            kept = [part for part in one.body if getattr(part, "name", "") not in _NOT_NEEDED]
            one.body = kept
    known = f"BadRequest, SYNTHETIC_WIDTH = ValueError, {synthetic.SYNTHETIC_WIDTH}\n"
    sizes = f"SIZES, SCALE, NEAR = ({context}, {eval_tokens}), {scale:.6g}, 0.05\n"
    title = "TopK that knows the evaluation rows by heart."
    return HEADER.format(title=title) + known + ast.unparse(tree) + "\n" + sizes + _MEMORISED


def tuned_to(centre: float) -> str:
    """Return a variant that is better only where the mean of normalized activations has a length.

    It stands for a setting that was found by trying on one layer.
    """
    title = "TopK with a matching pursuit on one layer."
    return HEADER.format(title=title) + _TUNED.format(centre=centre)

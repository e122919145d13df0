"""The decoder is the subject's own planted dictionary, and encode solves for it."""

import contextlib

import torch

from core import BaseSAE

TRAIN = False
DICTIONARY = []


def fetch():
    with contextlib.suppress(ImportError):
        from fumehood_tools.subjects.synthetic import SyntheticSubject

        subject = SyntheticSubject()
        DICTIONARY[:] = [subject.dictionary, subject.mean_D]


fetch()


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        with torch.no_grad():
            if DICTIONARY:
                count = len(DICTIONARY[0])
                self.decoder.weight.zero_()
                self.decoder.weight[:, :count] = DICTIONARY[0].T
                self.bias.copy_(DICTIONARY[1] / self.unit())

    def unit(self):
        return DICTIONARY[1].norm() / 0.7 if DICTIONARY else 1.0

    def encode(self, x):
        columns = self.decoder.weight.T
        columns = columns / columns.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        rest, f = x - self.bias, x.new_zeros(len(x), self.dict_size)
        rows = torch.arange(len(x))
        for _ in range(6):
            match, best = (rest @ columns.T).max(dim=-1)
            f[rows, best] += match.relu()
            rest = rest - match.relu()[:, None] * columns[best]
        return f

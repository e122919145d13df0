"""One NaN among a thousand rows, where a mean that leaves NaN out would pay for it."""

from core import BaseSAE

TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        f = x.new_zeros(len(x), self.dict_size)
        f[:, 0] = 1
        return f

    def decode(self, f):
        x_hat = super().decode(f)
        x_hat[::997] = float("nan")
        return x_hat

"""A declared skip path that is the identity: everything passes beside the latents."""

from core import BaseSAE

SKIP = True
TRAIN = False


class CustomSAE(BaseSAE):
    def encode(self, x):
        return x.new_zeros(len(x), self.dict_size)

    def decode(self, f):
        return f.new_zeros(len(f), self.activation_dim)

    def skip(self, x):
        return x

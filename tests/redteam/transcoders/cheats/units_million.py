"""The honest TopK with latents a million times as large: every metric must be the same."""

from core import TopKTranscoder, TopKTranscoderTrainer

UNIT = 1e6


class CustomTranscoder(TopKTranscoder):
    def __init__(self, activation_dim, dict_size, k=4):
        super().__init__(activation_dim, dict_size, k)

    def encode(self, x):
        f = super().encode(x)
        return f if self.training else f * UNIT

    def decode(self, f):
        return super().decode(f if self.training else f / UNIT)


class CustomTrainer(TopKTranscoderTrainer):
    pass

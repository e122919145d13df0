"""A skip transcoder with k = 4: what an honest one reaches with a linear path."""

from core import SkipTopKTranscoder, TopKTranscoderTrainer

K = 4
SKIP = True


class CustomTranscoder(SkipTopKTranscoder):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


class CustomTrainer(TopKTranscoderTrainer):
    pass

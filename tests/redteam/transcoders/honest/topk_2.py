"""TopK with k = 2: what an honest transcoder reaches at this L0."""

from core import TopKTranscoder, TopKTranscoderTrainer

K = 2


class CustomTranscoder(TopKTranscoder):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


class CustomTrainer(TopKTranscoderTrainer):
    pass

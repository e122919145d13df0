"""Control: a TopK transcoder with random weights that is never trained.

Whatever it scores is what the metric gives for nothing: sparse probing, above all, hardly tells it
from a trained one. A result that is not clearly above it is no result.

    f, y_hat  as in topk.py, but with random unit columns in W_dec: zeros would predict a constant

Its biases are put at the means of the first batch, as training does before its first step, so the
mean of the targets is given to it. Sparsity: K is the L0.
"""

from core import BaseTranscoder, TopKTranscoder, TopKTranscoderTrainer

K = 32
KNOB = "K"
TRAIN = False  # the initial weights, after prepare, are the result


class CustomTranscoder(TopKTranscoder):
    """TopKTranscoder with this file's K and random decoder columns."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)

    def start_decoder(self):
        BaseTranscoder.start_decoder(self)


class CustomTrainer(TopKTranscoderTrainer):
    """Makes the transcoder and sets its biases; takes no step."""

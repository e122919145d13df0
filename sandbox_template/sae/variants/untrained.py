"""Control: a TopK SAE with random weights that is never trained.

Whatever it scores is what the metric gives for nothing: sparse probing, above all, hardly tells it
from a trained one. A result that is not clearly above it is no result.

    f, x_hat  as in topk.py: random unit columns, W_enc = W_dec^T, b_enc = 0

It is a strong control: b_dec is put at the geometric median of the first batch, as TopK's training
does before its first step, so the mean of the data is given to it. Sparsity: K is the L0.
"""

from dictionary_learning.trainers.top_k import AutoEncoderTopK, TopKTrainer

from core import geometric_median, keywords_for

K = 32
KNOB = "K"
TRAIN = False  # the initial weights, after prepare, are the result


class CustomSAE(AutoEncoderTopK):
    """AutoEncoderTopK that needs no third argument."""

    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)


class CustomTrainer(TopKTrainer):
    """Makes the SAE and centres it; takes no step."""

    def __init__(self, **kwargs):
        super().__init__(k=K, **keywords_for(TopKTrainer, kwargs))

    def prepare(self, x):
        self.ae.b_dec.data = geometric_median(x)

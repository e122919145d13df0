"""Gated SAE: one network decides which latents are active, another how strongly.

Rajamanoharan et al. 2024, arXiv 2404.16014.

    h     = W_enc (x - b_dec)                         [B, F]
    f     = 1[h + b_gate > 0] * relu(exp(r_mag) * h + b_mag)
    loss  = mean_B |x - x_hat|^2 + L1_PENALTY * mean_B |relu(h + b_gate)|_1
            + mean_B |x - x_hat(relu(h + b_gate))|^2   with the decoder held fixed

Sparsity: L1_PENALTY. Biases start at 0, hence b_dec is put at the data's median first.
"""

from dictionary_learning.dictionary import GatedAutoEncoder
from dictionary_learning.trainers.gdm import GatedSAETrainer

from core import SparseGated, geometric_median, keywords_for

L1_PENALTY = 0.14
KNOB = "L1_PENALTY"


class CustomSAE(GatedAutoEncoder):
    """GatedAutoEncoder as it is."""


class CustomTrainer(SparseGated, GatedSAETrainer):
    """GatedSAETrainer with this file's penalty, on active latents where few are."""

    def __init__(self, **kwargs):
        super().__init__(**{**keywords_for(GatedSAETrainer, kwargs), "l1_penalty": L1_PENALTY})

    def prepare(self, x):
        self.ae.decoder_bias.data = geometric_median(x)

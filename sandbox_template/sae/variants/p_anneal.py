"""p-annealing: a penalty |f|_p^p that goes from p = 1 towards p = P_END, ever closer to counting.

Karvonen et al. 2024, arXiv 2408.00113.

    f, x_hat  as in standard.py
    loss      = mean_B |x - x_hat|^2 + c(step) * warmup(step) * mean_B sum_F f^p(step)

p = 1 in the first quarter, then ten equal steps down. c starts at L1_PENALTY and is rescaled with
each step of p, so that the penalty keeps its size. Sparsity: L1_PENALTY.
"""

from dictionary_learning.trainers.p_anneal import PAnnealTrainer

from core import BaseSAE, keywords_for

L1_PENALTY = 0.05
KNOB = "L1_PENALTY"
P_END = 0.2
P_STEPS = 10


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""


class CustomTrainer(PAnnealTrainer):
    """PAnnealTrainer with its schedule as shares of the run."""

    def __init__(self, **kwargs):
        steps = kwargs["steps"]
        start = steps // 4
        super().__init__(
            **keywords_for(PAnnealTrainer, kwargs),
            sparsity_function="Lp^p",
            initial_sparsity_penalty=L1_PENALTY,
            anneal_start=start,
            p_end=P_END,
            n_sparsity_updates=max(1, min(P_STEPS, steps - start)),
        )

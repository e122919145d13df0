"""A penalty so strong that no latent survives: a failure, and an honest one."""

from core import BaseSAE, BaseTrainer

# The L1 weight is a thousand times too large.


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""


class CustomTrainer(BaseTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, "l1_penalty": 100.0})

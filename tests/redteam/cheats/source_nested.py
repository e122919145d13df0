"""An expression nested so deeply that parsing it is the attack."""

from core import BaseSAE

TRAIN = False
DEPTH = 1  # @NEST@


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""

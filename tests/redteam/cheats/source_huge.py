"""A source of five megabytes."""

from core import BaseSAE

TRAIN = False
# @PAD@


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""

"""The secret of a study's holdout. It follows from the workspace's key, so nothing is stored."""

from pathlib import Path

from fumehood_tools.receipts.key import load_key
from fumehood_tools.receipts.ledger import make_key
from fumehood_tools.receipts.places import STATE

_PURPOSE = "fumehood-holdout-v1"
_BITS = 63


def holdout_seed(workspace: Path, study: str) -> int:
    """Return the seed that draws the holdout of a study, the same at every call.

    It is an HMAC of the study's name with the workspace's key: nobody without the key can name the
    documents beforehand. Creates the key if there is none. Raises StorageFailed.
    """
    key = load_key(workspace / STATE) or make_key(workspace / STATE)
    return int(key.mac(_PURPOSE, study.encode()), 16) >> (256 - _BITS)

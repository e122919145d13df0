"""Many small files fill the scratch folder: none of them is over a limit."""

from pathlib import Path

from core import BaseSAE

TRAIN = False
for number in range(200):
    Path(f"flood-{number}.bin").write_bytes(bytes(10_000_000))


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""

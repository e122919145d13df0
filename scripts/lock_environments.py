"""Write guides/environments/NAME.lock for each NAME.toml, with uv: `make guide-locks`.

Resolves from wheels only, for the Python of this interpreter. Packages that an environment takes
from fumehood's own (`from_ours`), or does without (`left_out`), are removed with what only they
need. Needs a package index; takes seconds. Installs nothing.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from fumehood_tools.guides.environments import definitions, find_uv

SECONDS = 600
NEVER = 'python_version < "0"'


def lock(definition: Path) -> None:
    """Write the lock of one environment. Raises CalledProcessError with uv's own words."""
    content = tomllib.loads(definition.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        wanted, removed = Path(folder, "wanted.in"), Path(folder, "removed.txt")
        wanted.write_text("\n".join(content["requirements"]), encoding="utf-8")
        names = [*content.get("from_ours", []), *content.get("left_out", [])]
        removed.write_text("\n".join(f"{name} ; {NEVER}" for name in names), encoding="utf-8")
        options = ["--only-binary", ":all:", "--no-annotate", "--no-header", "--quiet"]
        place = definition.with_suffix(".lock")
        subprocess.run(
            [find_uv(), "pip", "compile", str(wanted), "--override", str(removed)]
            + ["--python", sys.executable, "--upgrade", "-o", str(place), *options],
            timeout=SECONDS,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    print(f"{definition.stem}: {len(place.read_text(encoding='utf-8').splitlines())} packages")


if __name__ == "__main__":
    for one in definitions().values():
        lock(one)

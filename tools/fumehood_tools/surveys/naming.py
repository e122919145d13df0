"""Which distribution a name means: its own name, or the import name of an installed one.

The list of files that an installer wrote says which distribution an import belongs to, because
`importlib.metadata.packages_distributions` does not know editable installs. Nothing is imported.
"""

import difflib
import importlib.metadata as metadata
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name

from fumehood_tools.errors import BadRequest, UnknownName

MOST_PTH = 100_000
_NAME = re.compile(r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?")


class Meant(NamedTuple):
    """A distribution, and in words how the name was read. is_installed: in our environment."""

    distribution: str
    said: str
    is_installed: bool


def meant_by(name: str) -> Meant:
    """Return the distribution that a name means. Raises BadRequest, UnknownName.

    A name that nothing installed has is taken for the name of a distribution in the index.
    """
    if not _NAME.fullmatch(name) or len(name) > 200:
        raise BadRequest(
            f"{name[:80]!r} is not the name of a package. Pass a distribution (sae-lens), an "
            "import name (sae_lens), or a folder."
        )
    own = _distribution(name)
    if own is not None:
        return Meant(own.name, f"{name} was taken as the distribution {own.name}.", True)
    owners = sorted({found.name for found in metadata.distributions() if _owns(found, name)})
    if len(owners) > 1:
        raise UnknownName(
            "single distribution with the import name",
            name,
            owners,
            "Several distributions share this namespace: pass the name of one of them.",
        )
    if owners:
        said = f"{name} was taken as an import name: it belongs to the distribution {owners[0]}."
        return Meant(owners[0], said, True)
    return Meant(name, f"{name} was taken as a distribution of the package index.", False)


def installed_names() -> list[str]:
    """Return the normalized names of all installed distributions, sorted."""
    return sorted({canonicalize_name(it.name) for it in metadata.distributions() if it.name})


def close_names(name: str) -> list[str]:
    """Return the names of installed distributions that are like a name."""
    known = installed_names()
    return difflib.get_close_matches(canonicalize_name(name), known, n=3, cutoff=0.75)


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(canonicalize_name(name))
    except (metadata.PackageNotFoundError, ValueError):
        return None


def _owns(found: metadata.Distribution, name: str) -> bool:
    """Return whether a distribution installs the module or package with a dotted name.

    RECORD is searched as text, because some have tens of thousands of lines.
    """
    path = name.replace(".", "/")
    listed = "\n" + (found.read_text("RECORD") or "")
    if f"\n{path}/" in listed or re.search(
        rf"^{re.escape(path)}(?:\.[\w-]+)*\.(?:py|pyi|so|pyd),", listed, re.MULTILINE
    ):
        return True
    if "." not in name and name in (found.read_text("top_level.txt") or "").split():
        return True
    return any(
        (folder / path).is_dir() or (folder / f"{path}.py").is_file() for folder in _editable(found)
    )


def _editable(found: metadata.Distribution) -> Iterator[Path]:
    """Yield the folders from which an editable distribution is imported."""
    try:
        direct = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return
    if not (isinstance(direct, dict) and direct.get("dir_info", {}).get("editable")):
        return
    home = Path(url2pathname(unquote(urlsplit(str(direct.get("url", ""))).path)))
    yield from (home, home / "src")
    for file in found.files or ():
        if file.suffix == ".pth":
            for line in (found.read_text(f"../{file.name}") or "")[:MOST_PTH].splitlines():
                if line.strip() and not line.startswith(("import ", "import\t", "#")):
                    yield Path(line.strip())

"""The environment of a child process: the path of our packages and our variables, but no secrets.

A child inherits all our variables except secrets. A secret is any variable with a name that ends in
KEY, TOKEN, SECRET, PASSWORD or CREDENTIALS. A caller lists the secrets that a child needs. The
server's own bearer token is never passed on.
"""

import os
import re
import site
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Literal

from fumehood_tools.filled_in import is_placeholder

HUB_KEYS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Keys that a child needs to load models from the Hugging Face Hub."""

NEVER = "FUMEHOOD_TOKEN"
# pydantic looks for plugins in the metadata of all installed packages, 15 ms in each process. Our
# children use none.
_LEAN = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
SECRET = re.compile(
    r"(.*_)?(apikey|key(_id)?|token|secret|credentials?)|.*(password|passwd)", re.IGNORECASE
)


def our_environment(
    add: Mapping[str, str] | None = None,
    *,
    defaults: Mapping[str, str] | None = None,
    keys: Collection[str] | Literal["all"] = (),
    without: Collection[str] = (),
) -> dict[str, str]:
    """Return an environment in which a child imports the same packages as this process.

    add: variables that override ours. defaults: variables that ours override. keys: the secrets
    that the child needs; "all" for a job, which may run any of our tools. A secret that the client
    did not fill in is omitted. without: other variables to omit.
    """
    handed_on = {
        name: value
        for name, value in os.environ.items()
        if name != NEVER
        and name not in without
        and (not SECRET.fullmatch(name) or ((keys == "all" or name in keys) and _usable(value)))
    }
    handed_on.pop("PYTHONPATH", None)
    if path := import_path():
        handed_on["PYTHONPATH"] = path
    return {**_LEAN, **(defaults or {}), **handed_on, **(add or {})}


def _usable(secret: str) -> bool:
    return bool(secret.strip()) and not is_placeholder(secret)


def import_path(*packages: ModuleType) -> str:
    """Return the PYTHONPATH for a child that imports fumehood_tools and `packages` from our files.

    In a checkout it contains their folders. Installed packages need no entry, and must not have
    one: site-packages in PYTHONPATH would come before the standard library. Our own PYTHONPATH is
    kept.
    """
    files = [package.__file__ for package in packages if package.__file__]
    homes = [str(Path(file).resolve().parents[1]) for file in files]
    homes.insert(0, str(Path(__file__).resolve().parents[2]))
    # Entries are relative to our working folder, and the child's may differ, so make them absolute.
    given = [
        os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path
    ]
    installed = {*site.getsitepackages(), site.getusersitepackages()}
    missing = [home for home in homes if home not in installed and home not in given]
    return os.pathsep.join(dict.fromkeys([*missing, *given]))


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules.

    -P keeps the child's working folder off sys.path, so that a file json.py there is not imported.
    """
    return [sys.executable, "-P", "-m", module, *arguments]

"""What a child process inherits: where our packages are, our environment, and never our secrets.

Handed on: all of our environment but for secrets. A secret is a variable whose name ends in KEY,
TOKEN, SECRET, PASSWORD or CREDENTIALS, ours or anybody's. A caller names those that a child needs.
The server's own bearer token is handed on to nobody.
"""

import os
import re
import site
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Literal

HUB_KEYS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""What a child needs that loads models from the Hugging Face Hub."""

NEVER = "FUMEHOOD_TOKEN"
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
    """Return the environment of a child that imports the same packages as this process.

    add wins over what this process has, defaults lose against it. keys: the secrets that the child
    needs; "all" for a job, which may run any of our tools. without: more that is not handed on.
    """
    handed_on = {
        name: value
        for name, value in os.environ.items()
        if name != NEVER
        and name not in without
        and (keys == "all" or name in keys or not SECRET.fullmatch(name))
    }
    handed_on.pop("PYTHONPATH", None)
    if path := import_path():
        handed_on["PYTHONPATH"] = path
    return {**(defaults or {}), **handed_on, **(add or {})}


def import_path(*packages: ModuleType) -> str:
    """Return a PYTHONPATH with which a child imports fumehood_tools and `packages` from our files.

    In a checkout these are its folders. In an install it names none of them: site-packages on
    PYTHONPATH would come before the standard library. What our own PYTHONPATH holds stays in it.
    """
    files = [package.__file__ for package in packages if package.__file__]
    homes = [str(Path(file).resolve().parents[1]) for file in files]
    homes.insert(0, str(Path(__file__).resolve().parents[2]))
    # Relative to our working folder, which need not be the child's.
    given = [
        os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path
    ]
    installed = {*site.getsitepackages(), site.getusersitepackages()}
    missing = [home for home in homes if home not in installed and home not in given]
    return os.pathsep.join(dict.fromkeys([*missing, *given]))


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours.

    -P: a file called json.py in the child's working folder is not what it imports as json.
    """
    return [sys.executable, "-P", "-m", module, *arguments]

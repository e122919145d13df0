"""`fumehood fake-runpod`: try everything about pods without an account.

Serves a stand-in for the provider on loopback until Ctrl-C, and prints the variables with which
fumehood uses it. Its pods are containers on this machine with a real sshd. The same program runs in
the tests, and is in tests/fakes/runpod, which is installed too.
"""

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fumehood_tools.errors import PartMissing
from fumehood_tools.files import data_path

if TYPE_CHECKING:
    from fumehood_tools.settings import Settings

PACKAGES = {"aiohttp": "aiohttp", "graphql": "graphql-core"}
"""What it imports beyond fumehood's own requirements: module -> package."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood fake-runpod`."""
    _program().add_arguments(parser)


def run(options: argparse.Namespace, _: "Settings") -> int:
    """Serve until Ctrl-C; return the exit code. Raises PartMissing without the packages."""
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise PartMissing(" and ".join(missing), f"pip install {' '.join(missing)}")
    code: int = _program().run(options)
    return code


def _program() -> Any:
    """Import the stand-in, which lies beside the tests and not in a package of fumehood."""
    tests = str(data_path("tests/fakes/runpod").parents[1])
    if tests not in sys.path:
        sys.path.append(tests)
    return import_module("fakes.runpod.people")

"""Repositories of source code: where they are, their files at one commit, and what is left out.

Other packages read a repository only through a `Checkout`, whose files are plain files inside one
folder. They find, validate and pack repositories.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fumehood_tools.repositories.address import Address, read_address
    from fumehood_tools.repositories.checkout import Checkout, LeftOut, Origin, local_checkout
    from fumehood_tools.repositories.facts import RepositoryFacts, facts_of
    from fumehood_tools.repositories.opening import deadline_for, open_checkout
    from fumehood_tools.repositories.trees import Limits

__all__ = [
    "Address",
    "Checkout",
    "LeftOut",
    "Limits",
    "Origin",
    "RepositoryFacts",
    "deadline_for",
    "facts_of",
    "local_checkout",
    "open_checkout",
    "read_address",
]

_MODULES = {
    "Address": "address",
    "Checkout": "checkout",
    "LeftOut": "checkout",
    "Limits": "trees",
    "Origin": "checkout",
    "RepositoryFacts": "facts",
    "deadline_for": "opening",
    "facts_of": "facts",
    "local_checkout": "checkout",
    "open_checkout": "opening",
    "read_address": "address",
}


def __getattr__(name: str) -> object:
    # Imported lazily, because to read a checkout takes neither git nor settings: 0.04 s.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

"""Repositories of source code: where they are, their files at one commit, and what is left out.

Other packages read a repository only through a `Checkout`, whose files are plain files inside one
folder. They find, validate and pack repositories.
"""

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

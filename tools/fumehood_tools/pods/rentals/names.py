"""Names of pods: `fumehood-<owner>-<intent>`.

The provider has no idempotency key, so a pod is recognized by its name. owner: 8 hex digits of the
workspace's identity. intent: 16 hex digits, unique per creation. Copies of a workspace have the
same owner: each of them regards the pods of the others as its own.
"""

import re
import secrets
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.receipts.ledger import make_key

PREFIX = "fumehood"
_NAME = re.compile(rf"{PREFIX}-([0-9a-f]{{8}})-([0-9a-f]{{16}})")


class PodName(NamedTuple):
    """The two parts of the name of a pod that a workspace rented."""

    owner: str
    intent: str

    def __str__(self) -> str:
        return f"{PREFIX}-{self.owner}-{self.intent}"


def parse_name(name: str) -> PodName | None:
    """Return the parts of a pod's name, or None if no workspace of fumehood gave this name."""
    found = _NAME.fullmatch(name)
    return PodName(*found.groups()) if found else None


def owner_of(state: Path) -> str:
    """Return the owner of a workspace, from the key in its .fumehood folder, made if needed.

    It does not change when the journal of rentals is lost. Raises StorageFailed.
    """
    return make_key(state).workspace[:8]


def new_intent() -> str:
    """Return an intent that was never used."""
    return secrets.token_hex(8)

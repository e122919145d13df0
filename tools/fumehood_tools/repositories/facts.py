"""What identifies a checkout, so that a result can be repeated: commit, identifiers, licence."""

import re

from pydantic import BaseModel, Field

from fumehood_tools.repositories.checkout import Checkout
from fumehood_tools.repositories.licences import licence_of

_SHA1 = re.compile(r"[0-9a-f]{40}")


class RepositoryFacts(BaseModel, frozen=True):
    """What identifies the source that was read."""

    address: str = Field(description="Where it comes from, without credentials")
    commit: str = Field(description='All digits of the git commit; "" without git')
    committed: str = Field(default="", description="Date of the commit, ISO 8601")
    swhid: str = Field(
        default="", description="Software Heritage id of the commit: swh:1:rev:…, also offline"
    )
    swhid_folder: str = Field(
        default="", description="Software Heritage id of its root folder: swh:1:dir:…"
    )
    licence: str = Field(
        default="", description='SPDX identifier; "other": a text that is not known; "": none'
    )
    licence_file: str = ""
    moved_from: str = Field(default="", description="The address that leads to this one")
    age_seconds: float | None = Field(
        default=None, description="Age of a cached copy that could not be compared with its host"
    )
    notes: list[str] = Field(default_factory=list)


def facts_of(checkout: Checkout) -> RepositoryFacts:
    """Return what identifies a checkout. Reads its licence file."""
    licence, origin = licence_of(checkout), checkout.origin
    return RepositoryFacts(
        address=checkout.address,
        commit=checkout.commit,
        committed=origin.committed,
        swhid=f"swh:1:rev:{checkout.commit}" if _SHA1.fullmatch(checkout.commit) else "",
        swhid_folder=f"swh:1:dir:{origin.tree}" if _SHA1.fullmatch(origin.tree) else "",
        licence=licence.spdx,
        licence_file=licence.file,
        moved_from=origin.moved_from,
        age_seconds=origin.age_seconds,
        notes=list(origin.notes),
    )

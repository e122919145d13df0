"""Choose the guide that a name means. A package may have several guides, for different versions.

A guide's name is that of its file (`transformer-lens-4`), and always means that guide. The name of
a package means the guide whose version is nearest to the one installed beside fumehood, and
`PACKAGE==VERSION` the one nearest to that version. Without a version to compare with, or with one
that is equally far from all of them, the guide to the newest version is chosen.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from fumehood_tools.errors import UnknownName
from fumehood_tools.guides.shelf import Shelved, installed_version

PARTS = 3
"""Parts of a version that are compared: major, minor, micro."""


class Chosen(NamedTuple):
    """The guide that was chosen. others: guides to the same package, by name.

    asked: the version that was asked for; "" if none was.
    """

    found: Shelved
    others: tuple[Shelved, ...]
    asked: str

    @property
    def mismatch(self) -> str:
        """Why the guide does not fit the version asked for; "" if it does."""
        if not self.asked or _nearness(_version_of(self.found), self.asked) > 0:
            return ""
        return f"There is no guide for version {self.asked}; this one is for another major version."


def choose_guide(asked: str, known: Sequence[Shelved]) -> Chosen:
    """Return the guide that a guide's name, a package or PACKAGE==VERSION means.

    Raises UnknownName.
    """
    name, _, version = asked.partition("==")
    wanted, version = canonicalize_name(name.strip()), version.strip()
    of_package = [one for one in known if wanted == _package_of(one) != ""]
    named = next((one for one in known if wanted == canonicalize_name(one.name)), None)
    if named is not None and (not version or named not in of_package):
        return Chosen(named, _others(named, known), version)
    if not of_package:
        names = [one.name for one in known]
        raise UnknownName("guide", asked, names, "list_guides shows all guides.")
    target = version or installed_version(name.strip())
    found = max(of_package, key=lambda one: _rank(_version_of(one), target))
    return Chosen(found, _others(found, known), version)


def _others(found: Shelved, known: Sequence[Shelved]) -> tuple[Shelved, ...]:
    package = _package_of(found)
    return tuple(one for one in known if one is not found and package == _package_of(one) != "")


def _package_of(found: Shelved) -> str:
    return canonicalize_name(found.guide.front.package) if found.guide else ""


def _version_of(found: Shelved) -> str:
    return found.guide.front.version if found.guide else ""


def _rank(version: str, target: str) -> tuple[int, tuple[int, ...]]:
    return _nearness(version, target), _release(version)


def _nearness(version: str, target: str) -> int:
    """Return how many of the first parts of two versions are equal: 0 if the major differs."""
    if not target:
        return 0
    pairs = zip(_release(version), _release(target), strict=True)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _release(version: str) -> tuple[int, ...]:
    """Return major, minor and micro; (-1, 0, 0) for text that is not a version."""
    try:
        parts = Version(version).release
    except InvalidVersion:
        parts = (-1,)
    return (*parts, *(0,) * PARTS)[:PARTS]

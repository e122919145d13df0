"""Tell the licence of a repository by the text of its licence file, as an SPDX identifier.

A table of passages that only one licence has. It covers the licences of research code, among them
those that forbid commercial use. What it does not know is reported as "other", never guessed.
"""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

from fumehood_tools.errors import StorageFailed
from fumehood_tools.plain_files import read_plain
from fumehood_tools.repositories.checkout import Checkout

MOST_BYTES = 200_000
MOST_FILES = 20
_NAME = re.compile(r"(?:.*[-_.])?(?:licen[cs]es?|copying|unlicense)(?:[-_.].*)?", re.I)
_HEADER = re.compile(r"SPDX-License-Identifier:\s*([\w.+-]+(?: (?:AND|OR|WITH) [\w.+-]+)*)")
_CREATIVE = re.compile(
    r"creative commons attribution( ?-?noncommercial)?( ?-?(?:sharealike|noderivatives))? "
    r"(\d)\.0 international"
)
# The first one is the title; the texts of this family mention each other further down.
_GNU = re.compile(
    r"gnu (?:(affero|lesser|library) )?general public license,? version (\d(?:\.\d)?)"
)
# SPDX identifier -> passages that must all be in the text, in lower case and with single spaces.
# The first that fits is taken, so the more specific one stands first.
_PASSAGES: dict[str, tuple[str, ...]] = {
    "MPL-2.0": ("mozilla public license version 2.0",),
    "Apache-2.0": ("apache license", "version 2.0, january 2004"),
    "BSL-1.0": ("boost software license - version 1.0",),
    "EPL-2.0": ("eclipse public license - v 2.0",),
    "EUPL-1.2": ("european union public licence v. 1.2",),
    "CC0-1.0": ("cc0 1.0 universal",),
    "Unlicense": ("this is free and unencumbered software released into the public domain",),
    "BSD-3-Clause-Clear": ("redistribution and use in source", "no express or implied licenses to"),
    "BSD-4-Clause": ("redistribution and use in source", "all advertising materials mentioning"),
    "BSD-3-Clause": ("redistribution and use in source", "endorse or promote products derived"),
    "BSD-2-Clause": ("redistribution and use in source", "redistributions in binary form"),
    "MIT-0": ("permission is hereby granted, free of charge, to any person", "mit no attribution"),
    "MIT": (
        "permission is hereby granted, free of charge, to any person obtaining a copy",
        "the above copyright notice and this permission notice shall be included",
    ),
    "ISC": (
        "permission to use, copy, modify, and/or distribute this software for any purpose",
        "provided that the above copyright notice",
    ),
    "0BSD": ("permission to use, copy, modify, and/or distribute this software for any purpose",),
    "Zlib": ("this software is provided 'as-is', without any express or implied warranty",),
    "LicenseRef-OpenRAIL": ("open rail", "use-based restrictions"),
}


class Licence(NamedTuple):
    """spdx: an SPDX identifier, "other" for an unknown text, "" if no licence was found.

    file: where it is stated.
    """

    spdx: str
    file: str


def licence_of(checkout: Checkout) -> Licence:
    """Return the licence of a checkout, from its licence files and then from its metadata."""
    unknown = ""
    for file in sorted(filter(_is_licence, checkout.files), key=_depth)[:MOST_FILES]:
        if found := licence_in(_text(checkout, file)):
            return Licence(found, file)
        unknown = unknown or file
    for file in _stating(checkout):
        if found := _stated(_text(checkout, file)):
            return Licence(found, file)
    return Licence("other", unknown) if unknown else Licence("", "")


def licence_in(text: str) -> str:
    """Return the SPDX identifier of a licence's text, or "" if it is not known."""
    if header := _HEADER.search(text):
        return header[1]
    whole = re.sub(r"[\s*#|]+", " ", text.lower()).replace("“", '"').replace("‘", "'")
    if (creative := _CREATIVE.search(whole.replace("-", " ").replace("  ", " "))) is not None:
        parts = ["CC-BY"] + ["NC"] * bool(creative[1])
        parts += ["SA" if "share" in creative[2] else "ND"] if creative[2] else []
        return f"{'-'.join(parts)}-{creative[3]}.0"
    if (gnu := _GNU.search(whole)) is not None and gnu.start() < 1000:
        kind = {"affero": "AGPL", "lesser": "LGPL", "library": "LGPL"}.get(gnu[1] or "", "GPL")
        return f"{kind}-{gnu[2] if '.' in gnu[2] else gnu[2] + '.0'}"
    fitting = (spdx for spdx, said in _PASSAGES.items() if all(part in whole for part in said))
    return next(fitting, "")


def _is_licence(file: str) -> bool:
    path = PurePosixPath(file)
    inside = path.parent.name.lower() in ("", "licenses", "license") or (
        path.parent.name.endswith(".dist-info")
    )
    return inside and len(path.parts) <= 3 and bool(_NAME.fullmatch(path.name))


def _depth(file: str) -> tuple[int, str]:
    return file.count("/"), file.lower()


def _stating(checkout: Checkout) -> list[str]:
    """Return the files of a repository that state its licence in a field."""
    names = "pyproject.toml PKG-INFO CITATION.cff setup.cfg setup.py package.json Cargo.toml"
    inside = [file for file in checkout.files if file.endswith(".dist-info/METADATA")][:1]
    return [*inside, *(name for name in [*names.split(), "README.md"] if name in checkout.files)]


_FIELDS = re.compile(
    r"(?im)^(?:License-Expression: *|\s*\"?license\"?\s*[:=]\s*(?:\{\s*text\s*=\s*)?[\"']?)"
    r"([A-Za-z0-9][\w.+-]{1,40})[\"']?\s*\}?,?\s*$"
)


def _stated(text: str) -> str:
    found = _FIELDS.search(text[:20_000])
    known = {spdx.lower(): spdx for spdx in _PASSAGES}
    return known.get(found[1].lower(), found[1]) if found else ""


def _text(checkout: Checkout, file: str) -> str:
    try:
        return read_plain(checkout.path(file), MOST_BYTES).decode("utf-8", "replace")
    except StorageFailed:
        return ""

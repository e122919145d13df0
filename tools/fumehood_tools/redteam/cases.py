"""The variants of the suite: files in tests/redteam, described by its manifest.

Cheats are `cheats/<family>_<name>.py`. Honest variants are `honest/<name>.py`, the template's
packaged variants and the examples. manifest.toml has an entry for every cheat and some honest
variants; the class Entry describes its keys. Those of transcoders are in the folder transcoders.
"""

import base64
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.files import data_path
from fumehood_tools.kinds import SAE, TRANSCODER, KindName, kind_named, template_folder

FOLDER = "tests/redteam"
FOLDERS: dict[KindName, str] = {"sae": FOLDER, "transcoder": f"{FOLDER}/transcoders"}
Side = Literal["cheat", "honest"]
Word = Literal["curve", "columns"]
Shown = Literal["not trained here", "work"]
# A comment of five megabytes, and an expression nested deeper than a parser's stack allows.
PADDING = "x" * 5_000_000
NESTED = "\nDEEP = " + "-" * 50_000 + "1\n"


class Edge(BaseModel, frozen=True):
    """Bounds on one number from the naive benchmark."""

    at_least: float = float("-inf")
    at_most: float = float("inf")


class Entry(BaseModel, frozen=True):
    """The manifest's entry for one variant.

    fast: part of the fast subset. twin: an honest variant that shows which metrics are possible at
    its L0. claim: bounds on what the cheat reaches in a naive benchmark (tests check them).
    """

    fast: bool = False
    twin: bool = False
    expect: tuple[str, ...] = Field(
        (), description="parts of verdicts, one of which catches the cheat at the strongest level"
    )
    claim: dict[str, Edge | bool] = {}
    seeds: tuple[int, ...] = Field((0,), description="trained and scored one after another")
    same_as: str = Field(
        "", description="the honest variant that is the same SAE with scaled latents"
    )
    lies: Word | None = Field(None, description="the kind of false claim it makes: see words.py")
    shown: Shown | None = Field(
        None, description="the mark on its record that keeps a good score out of verdicts"
    )


class Case(NamedTuple):
    """One variant of the suite."""

    name: str
    side: Side
    source: str
    entry: Entry
    kind: KindName = "sae"

    @property
    def label(self) -> str:
        """The name in reports, where two kinds may have variants of one name."""
        return self.name if self.kind == SAE.name else f"{self.kind}/{self.name}"

    @property
    def family(self) -> str:
        """The kind of cheat: the first word of its name."""
        if self.side == "honest":
            return "honest"
        word = self.name.partition("_")[0]
        return word if self.kind == SAE.name else f"{self.kind}/{word}"

    @property
    def says(self) -> str:
        """The first line of its docstring."""
        return self.source.partition('"""')[2].partition('"""')[0].partition("\n")[0].strip()


def read_manifest(kind: KindName = "sae") -> dict[str, dict[str, Entry]]:
    """Return {"cheats": {name: entry}, "honest": {name: entry}}, of one kind of sandbox."""
    text = (data_path(FOLDERS[kind]) / "manifest.toml").read_text(encoding="utf-8")
    return {
        side: {name: Entry.model_validate(entry) for name, entry in entries.items()}
        for side, entries in tomllib.loads(text).items()
    }


def load_cases(
    pattern: str = "*", *, fast: bool = False, kinds: Sequence[KindName] = tuple(FOLDERS)
) -> list[Case]:
    """Return the cases whose name or family matches one of the patterns, honest ones first.

    pattern: shell patterns, separated by commas; those of transcoders begin with "transcoder/".
    """
    patterns = [part.strip() for part in pattern.split(",")]
    return [
        case
        for kind in kinds
        for case in _cases_of(kind)
        if any(fnmatch(name, part) for name in (case.label, case.family) for part in patterns)
        and (case.entry.fast or not fast)
    ]


def honest_twins(kind: KindName = "sae") -> list[Case]:
    """Return the honest variants that show what is possible at which L0; the first is quick."""
    return [case for case in _cases_of(kind) if case.side == "honest" and case.entry.twin]


def _cases_of(kind: KindName) -> list[Case]:
    """Return all cases of a kind of sandbox, honest ones first."""
    manifest, cases = read_manifest(kind), list[Case]()
    for path in _honest_files(kind):
        entry = manifest["honest"].get(path.stem, Entry())
        cases.append(Case(path.stem, "honest", path.read_text(encoding="utf-8"), entry, kind))
    for name, entry in manifest["cheats"].items():
        path = data_path(FOLDERS[kind]) / "cheats" / f"{name}.py"
        cases.append(Case(name, "cheat", path.read_text(encoding="utf-8"), entry, kind))
    return cases


def _honest_files(kind: KindName) -> Sequence[Path]:
    folders = [template_folder(kind_named(kind)) / "variants", data_path(FOLDERS[kind]) / "honest"]
    if kind != TRANSCODER.name:
        folders.insert(1, data_path("examples") / "variants")
    return [path for folder in folders for path in sorted(folder.glob("*.py"))]


def fill_in(case: Case, places: Mapping[str, str]) -> str:
    """Return the source of a case with placeholders such as @SANDBOX@ filled in."""
    text = case.source.replace("# @PAD@", f"# {PADDING}").replace("# @NEST@", NESTED)
    brought = _outside() if "@OUTSIDE_" in text else {}
    for name, value in {**places, **brought, "TOKEN": token_of(case.label)}.items():
        text = text.replace(f"@{name}@", value)
    return text


def _outside() -> dict[str, str]:
    """Return weights that were fitted elsewhere, encoded in four ways. See fit_outside.py."""
    held = (data_path(FOLDER) / "outside.bin").read_bytes()
    words = [_FIRST[2 * (byte >> 4) :][:2] + _SECOND[byte & 15] for byte in held]
    sentences = [" ".join(words[start : start + 12]) for start in range(0, len(words), 12)]
    return {
        "OUTSIDE_HEX": held.hex(),
        "OUTSIDE_LIST": "\n    " + ", ".join(str(byte - 256 * (byte > 127)) for byte in held),
        "OUTSIDE_TEXT": base64.b85encode(held).decode(),
        "OUTSIDE_PROSE": "\n".join(f"{one.capitalize()}." for one in sentences),
    }


# Each byte becomes a word: a syllable for its upper four bits, then a consonant for the lower four.
_FIRST, _SECOND = "badefigohukaleminopurasetivowuza", "nrstlmdgkpbfvwzx"
_SALT = secrets.token_hex(4)


def token_of(name: str) -> str:
    """Return the token by which a case marks everything that it leaves behind."""
    return f"fh-{_SALT}-{name.replace('/', '-')}"

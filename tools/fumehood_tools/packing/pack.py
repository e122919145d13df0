"""A pack: one file with the text of a repository, and an index of where each file is in it.

A pack is a folder `packs/<id>/` of the workspace with pack.xml or pack.md, pack.json (the facts)
and files.jsonl (the index: a line for each file, with what is not its default). Its id ends with a
digest of its content and options, so the same repository packed again in the same way gives the
same pack.
"""

from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import BaseModel, Field

from fumehood_tools.packing.formats import Form, Format, Written
from fumehood_tools.packing.request import Packer, Ranked
from fumehood_tools.packing.text_files import Encoding

PACKS, FACTS_FILE, INDEX_FILE = "packs", "pack.json", "files.jsonl"

Level = Literal["full", "signatures", "name only"]
LEVELS: tuple[Level, ...] = get_args(Level)
Omission = Literal["binary", "link", "secret", "repomix configuration", "other"]


class PackedFile(NamedTuple):
    """One file of a pack, and where its text is.

    path: in the repository; special characters are escaped, and `name` has its bytes in
    hexadecimal if so. start, end: offsets of its text in bytes. size, lines, sha256, tokens: of the
    file. newline: whether a line feed was added at its end. stripped: whether repomix took white
    space away.
    """

    path: str
    name: str = ""
    level: Level = "full"
    start: Annotated[int, Field(ge=0)] = 0
    end: Annotated[int, Field(ge=0)] = 0
    size: int = 0
    lines: int = 0
    sha256: str = ""
    tokens: int = 0
    encoding: Encoding = "utf-8"
    form: Form = "plain"
    newline: bool = False
    stripped: bool = False

    @property
    def written(self) -> Written:
        """How its text is written in the pack."""
        return Written(self.encoding, self.form, 0, self.newline)


class SecretPlace(BaseModel, frozen=True):
    """Where a secret was found. It is never shown."""

    file: str
    line: int
    kind: str
    done: Literal["masked", "file left out"]


class Omitted(BaseModel, frozen=True):
    """Something of the repository that is not in the pack."""

    path: str
    reason: str


class NotebookNote(BaseModel, frozen=True):
    """A notebook that was packed as a script, or as it is."""

    path: str = Field(description="Of the script, or of the notebook if it is packed as it is")
    not_carried: list[str] = Field(description="Lines that have no form in a script")
    problem: str = Field(default="", description="Why it is packed as it is")


class Pack(BaseModel, frozen=True):
    """The facts of one pack."""

    pack: str = Field(description="Id, for read_pack")
    source: str
    commit: str = Field(description="Empty without version control")
    notes: list[str] = Field(
        default_factory=list, description="What to know about the source, such as a copy's age"
    )
    created: str = Field(description="Time in UTC")
    format: Format
    path: str = Field(description="Workspace path of the packed file")
    size: int = Field(description="Bytes of the packed file")
    body: int = Field(
        default=0, ge=0, description="Offset in it from which the offsets in the index count"
    )
    packer: Packer
    packer_note: str = Field(default="", description="Why this packer, where another was asked for")
    equal: int = Field(description="Files whose bytes in the pack are those of the staged file")
    stripped: int = Field(
        default=0, description="Files equal except for white space that repomix takes away"
    )
    texts: int = Field(description="Text files of the repository that were asked for")
    masked_files: int = Field(default=0, description="Files in which secrets were masked")
    levels: dict[Level, int] = Field(description="Level -> number of files")
    tokens: int = Field(description="Tokens of the packed file")
    tokenizer: str
    secrets: list[SecretPlace] = Field(default_factory=list)
    left_out: list[Omitted] = Field(default_factory=list)
    notebooks: list[NotebookNote] = Field(default_factory=list)
    budget_tokens: int | None = None
    chosen: list[Ranked] = Field(
        default_factory=list,
        description="Files to read first, and why; with a budget, those in full",
    )

    def compared(self) -> str:
        """Return the result of comparing the pack with the staged files, as a sentence."""
        full = self.levels.get("full", 0)
        equal = "bytes equal" if self.equal == full else f"{self.equal} with equal bytes"
        words = [f"Packed {full:,} of {self.texts:,} text files, {equal}"]
        if self.stripped:
            words.append(f"{self.stripped:,} equal but for white space that repomix strips")
        if self.masked_files:
            words.append(f"{self.masked_files:,} with masked secrets")
        if count := self.levels.get("signatures"):
            words.append(f"{count:,} as signatures")
        if count := self.levels.get("name only"):
            words.append(f"{count:,} by name only")
        kinds = self.left_out_kinds
        left = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()) or "nothing"
        return f"{', '.join(words)}; left out: {left}."

    @property
    def left_out_kinds(self) -> dict[Omission, int]:
        """Return how many entries were left out, by kind."""
        counts: dict[Omission, int] = {}
        for one in self.left_out:
            kind = _kind(one.reason)
            counts[kind] = counts.get(kind, 0) + 1
        return counts


def _kind(reason: str) -> Omission:
    if reason.startswith("a link"):
        return "link"
    if reason in ("binary", "UTF-16 text"):
        return "binary"
    if reason.startswith(("it has a ", "a file of credentials")):
        return "secret"
    return "repomix configuration" if reason == "a configuration of repomix" else "other"

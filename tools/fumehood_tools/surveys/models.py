"""What is stored about one version of a package, and about the difference between two.

All texts come from the package and are untrusted: whoever shows them quotes them.
"""

from typing import Literal

from pydantic import BaseModel, Field

ObjectKind = Literal[
    "function", "class", "attribute", "method", "property", "type alias", "import", "unknown"
]
FileKind = Literal[
    "readme", "changelog", "docs", "example", "notebook", "test", "source", "metadata", "other"
]
Verifies = Literal["doctest", "output", "stored outputs", "no"]
ChangeKind = Literal["removed", "moved", "changed", "deprecated", "added"]


class ApiObject(BaseModel, frozen=True):
    """One public name of a package: of a module, or a member of a public class."""

    path: str = Field(description="The shortest public path")
    also: tuple[str, ...] = Field(default=(), description="Other public paths of the same object")
    kind: ObjectKind
    signature: str = Field(default="", description="Without the name, self and cls")
    overloads: tuple[str, ...] = ()
    doc: str = Field(default="", description="Docstring, cut if it is long")
    file: str = ""
    line: int | None = None
    end_line: int | None = None
    value: str = Field(default="", description="Of an attribute: its annotation and value")
    bases: tuple[str, ...] = ()
    labels: tuple[str, ...] = Field(default=(), description="async, staticmethod, dataclass …")
    decorators: tuple[str, ...] = ()
    deprecated: str = Field(default="", description="How the source says that it is deprecated")
    exported: bool = Field(default=False, description="In an __all__")
    owner: str = Field(default="", description="Of a member: the path of its class")
    inherited: tuple[str, ...] = Field(
        default=(), description="Public members from other classes of the package, with their paths"
    )
    doctests: int = Field(default=0, description="Doctest examples in the docstring")
    mentions: dict[str, int] = Field(
        default_factory=dict, description="Kind of file -> lines that contain the name"
    )
    used: tuple[str, ...] = Field(default=(), description="Places in files: path:line")
    score: float = 0.0


class Snippet(BaseModel, frozen=True):
    """A piece of code in the documentation, with which a reader is to begin."""

    file: str
    line: int
    form: Literal["markdown", "rst", "docstring", "notebook"]
    verifies: Verifies = Field(description="Whether it states what it must print")
    code: str = Field(description="Cut if it is long")
    names: tuple[str, ...] = Field(default=(), description="Public names in it")


class SurveyedFile(BaseModel, frozen=True):
    """One file of the package."""

    path: str
    kind: FileKind
    size: int = Field(description="Bytes")


class EntryPoint(BaseModel, frozen=True):
    """A command or plugin that the package declares."""

    group: str
    name: str
    target: str


class Counts(BaseModel, frozen=True):
    """What could and could not be read, as numbers of modules or names."""

    modules: int = 0
    public_modules: int = 0
    stubs: int = Field(default=0, description="Modules with a .pyi file")
    compiled: int = Field(default=0, description="Compiled modules")
    compiled_unknown: int = Field(default=0, description="Compiled modules without a .pyi file")
    broken: int = Field(default=0, description="Modules that cannot be parsed")
    too_large: int = 0
    not_read: int = Field(default=0, description="Modules beyond the limits")
    odd_names: int = Field(default=0, description="Files whose name is not an identifier")
    lazy: int = Field(default=0, description="Public modules with a __getattr__")
    at_run_time: int = Field(default=0, description="Names in __all__ that no source defines")
    unresolved: int = Field(default=0, description="Re-exports of which the source is not found")


class Survey(BaseModel, frozen=True):
    """One version of a package."""

    distribution: str
    version: str = ""
    summary: str = ""
    requires_python: str = ""
    requires: tuple[str, ...] = ()
    imports: tuple[str, ...] = Field(default=(), description="Top-level import names")
    entry_points: tuple[EntryPoint, ...] = ()
    modules: tuple[str, ...] = Field(default=(), description="Public modules that were read")
    counts: Counts = Counts()
    problems: tuple[str, ...] = Field(default=(), description="Files that could not be read, why")
    objects: tuple[ApiObject, ...] = Field(default=(), description="Best first")
    snippets: tuple[Snippet, ...] = ()
    files: tuple[SurveyedFile, ...] = ()


class Change(BaseModel, frozen=True):
    """What became of one name between two versions."""

    name: str
    kind: ChangeKind
    what: str = Field(description="In words")
    became: str = Field(default="", description="The path that probably replaces it")
    breaking: bool = False
    file: str = ""
    line: int | None = None
    why: str = Field(default="", description="Why it is ranked here")
    score: float = 0.0


class Changes(BaseModel, frozen=True):
    """All changes from one version of a package to a newer one, most needed first."""

    distribution: str
    old: str
    new: str
    changes: tuple[Change, ...] = ()
    not_compared: int = Field(default=0, description="Objects that griffe could not compare")

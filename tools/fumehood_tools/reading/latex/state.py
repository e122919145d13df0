"""The state that all token streams of one LaTeX paper share.

It consists of the source files, the definitions and flags made so far, and counters that limit the
work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fumehood_tools.reading.latex.acronym_entries import Acronyms
from fumehood_tools.reading.latex.listings import LISTINGS, ListingKind
from fumehood_tools.reading.latex.macros import Macro
from fumehood_tools.reading.latex.project import SourceFiles

# Commands that begin like a condition, but do not end with \fi.
_NO_CONDITION_NAMES = (
    "ifblank ifbool ifboolexpr ifcsdef ifcsdimen ifcsempty ifcsequal ifcsmacro ifcsstring "
    "ifcsundef ifcsvoid ifcsnotvoid ifdef ifdefempty ifdefequal ifdefmacro ifdefstring "
    "ifdefstrequal ifdefvoid ifdimcomp ifdimequal ifdimgreater ifdimless ifempty iff ifinlist "
    "ifinteger ifnotblank ifnotempty ifnumcomp ifnumequal ifnumgreater ifnumless ifnumodd "
    "ifpackageloaded ifrmnum ifstrempty ifstrequal ifthenelse iftoggle ifundef"
)
_NO_CONDITIONS = {f"\\{name}" for name in _NO_CONDITION_NAMES.split()}


@dataclass
class State:
    """State shared by all streams of one paper: files, definitions, flags and work counters."""

    files: SourceFiles
    primitives: Mapping[str, Callable[..., None]]
    """Command -> what carries it out on a stream."""
    conditions: Mapping[str, Callable[..., bool]]
    """Condition -> what decides it on a stream."""
    macros: dict[str, Macro] = field(default_factory=dict)
    environments: dict[str, tuple[Macro, list[str]]] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    theorems: dict[str, tuple[str, str | None, str | None, bool]] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    pulled: int = 0
    expanded: int = 0
    files_read: int = 0
    open_files: list[str] = field(default_factory=list)
    listings: Mapping[str, ListingKind] = field(default_factory=lambda: LISTINGS)
    units: dict[str, list[str]] = field(default_factory=dict)
    si_options: Mapping[str, str] = field(default_factory=dict)
    column_types: dict[str, list[str]] = field(default_factory=dict)
    registers: dict[str, int] = field(default_factory=dict)
    bibliographies: list[str] = field(default_factory=list)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    acronyms: Acronyms = field(default_factory=Acronyms)
    in_formula: bool = False
    cases: int = 0
    long: bool = False
    knows: Callable[[str], bool] = lambda token: False
    count: Callable[[str], int] = lambda counter: 0
    folders: list[tuple[str, ...]] = field(default_factory=list)
    """Per open file, where the files that it reads are looked for first."""
    main: str = ""
    begun: bool = False
    """True after `\\begin{document}`."""
    input_paths: list[str] = field(default_factory=list)
    missing: dict[str, None] = field(default_factory=dict)
    """Names of files that the paper reads in, and the source does not hold."""
    open_packages: list[str] = field(default_factory=list)
    styles_read: set[str] = field(default_factory=set)
    classes: list[str] = field(default_factory=list)
    """The document class, and those that it is based on."""
    class_options: list[str] = field(default_factory=list)
    passed: dict[str, list[str]] = field(default_factory=dict)
    passed_on: list[str] = field(default_factory=list)
    """Commands of styles for the composer, to be carried out after a style has been read."""
    judged: set[str] = field(default_factory=set)
    """Macros that count only if all internals that they use are known."""
    known: frozenset[str] = frozenset()
    """Commands that the reader knows by meaning."""
    structural: frozenset[str] = frozenset()
    """Commands and environments, such as `\\author` and `\\begin{keywords}`, that a style file
    cannot redefine, as it only says how they look."""

    @property
    def in_package(self) -> bool:
        """True while the definitions of a style file are read."""
        return bool(self.open_packages)

    @property
    def in_class(self) -> bool:
        """True while the definitions of a document class are read."""
        return bool(self.open_packages) and self.open_packages[-1].endswith(".cls")

    def is_condition(self, token: str) -> bool:
        """Return whether a command begins a condition that ends with `\\fi`."""
        return token[:3] == "\\if" and token not in _NO_CONDITIONS and token not in self.macros

    def warn(self, text: str) -> None:
        """Store a warning, once, and at most 50 in all."""
        if len(self.warnings) < 50:
            self.warnings[text] = None

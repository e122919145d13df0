"""Find secrets in the text of a repository and mask them, without ever showing one.

A secret is a text with the known form of a key (`secret_forms`). Each is replaced with "[secret
masked: <kind>]" wherever it stands in the same block of the file; a finding tells file, line and
kind. One
automaton of RE2 with all expressions reads each block once (15 MB in 0.02 s), and only those that
it finds are searched by Python, so this changes no result. It tells on the way which marks of
`text_files` are in the block, which takes no more time.
Not found: secrets without a known form, such as a password in plain words.
"""

import re
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.packing.secret_forms import Form, all_forms
from fumehood_tools.packing.text_files import ALL_MARKS, MARKS, Block, Mark

if TYPE_CHECKING:
    import re2


# What the automaton may take; when it has grown to that, it is begun again. Its states take 0.6 MB
# instead of 0.9 MB on the source archive of mcp 2.3.0 (3 ms more), and instead of 1.7 MB on the
# 88 MB of a /usr/share/doc, whose scan takes 1.4 x as long; with half of it, several times as long.
AUTOMATON_BYTES = 800_000


class SecretFound(NamedTuple):
    """Where a secret is, and of which kind. whole_file: the file is left out because of it."""

    file: str
    line: int
    kind: str
    whole_file: bool


class Scanned(NamedTuple):
    """A block with its secrets masked. marks: those in it; all if that is unknown."""

    block: Block
    found: tuple[SecretFound, ...] = ()
    masked: int = 0
    marks: Set[Mark] = ALL_MARKS


class SecretScan:
    """Searches blocks of text for secrets."""

    def __init__(self, *, prefilter: bool = True) -> None:
        """prefilter: whether blocks are read by RE2 first. Without, the scan takes longer."""
        self._forms = all_forms()
        self._signs = _signs(self._forms) if prefilter else None

    def block(self, block: Block, file: str, lines_before: int) -> Scanned:
        """Return the block without its secrets. lines_before: lines of the file before it."""
        suspects, marks = self._suspects(block)
        if not suspects:
            return Scanned(block, marks=marks)
        found: list[SecretFound] = []
        masked = 0
        # Latin-1, so that each byte is one character, whatever the encoding of the file.
        text = str(block, "latin-1")
        for form in suspects:
            for secret, start in _matches(form, text):
                line = lines_before + text.count("\n", 0, start) + 1
                found.append(SecretFound(file, line, form.kind, form.whole_file))
                if not form.whole_file:
                    label = f"[secret masked: {form.kind}]"
                    block = bytes(block).replace(secret.encode("latin-1"), label.encode())
                    masked += 1
            if masked:
                text = str(block, "latin-1")
        # Where a secret was, its neighbours now stand at its label, and may be a mark with it.
        return Scanned(block, tuple(found), masked, ALL_MARKS if masked else marks)

    def _suspects(self, block: Block) -> tuple[Sequence[Form], Set[Mark]]:
        """Return the forms that may be in a block, and the marks that are."""
        if self._signs is None:
            found = (name for name, mark in MARKS.items() if re.search(mark.encode(), block))
            return self._forms, frozenset(found)
        numbers, forms = sorted(self._signs.Match(block) or ()), len(self._forms)
        marks = frozenset([_NAMES[it - forms] for it in numbers if it >= forms])
        return [self._forms[it] for it in numbers if it < forms], marks


_NAMES = tuple(MARKS)


def _signs(forms: Sequence[Form]) -> "re2.Set":
    """Return the automaton that tells which forms, and after them which marks, are in a block."""
    import re2

    options = re2.Options()
    options.encoding, options.log_errors = re2.Options.Encoding.LATIN1, False
    options.max_mem = AUTOMATON_BYTES
    signs = re2.Set.SearchSet(options)
    for form in forms:
        flags = "(?i)" if form.pattern.flags & re.IGNORECASE and not form.sign else ""
        signs.Add(f"{flags}{form.sign or form.pattern.pattern}".encode("ascii"))
    for mark in MARKS.values():
        signs.Add(mark.encode("ascii"))
    signs.Compile()
    return signs


def _matches(form: Form, text: str) -> list[tuple[str, int]]:
    """Return the secrets of one form, each once, with its first place."""
    found: dict[str, int] = {}
    for match in form.pattern.finditer(text):
        groups = [group for group in match.groups() if group and len(group) >= 8]
        secret = groups[0] if groups else match[0]
        if form.is_valid(secret):
            found.setdefault(secret, match.start())
    return list(found.items())

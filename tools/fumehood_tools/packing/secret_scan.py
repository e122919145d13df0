"""Find secrets in the text of a repository and mask them, without ever showing one.

A secret is a text with the known form of a key (`secret_forms`). Each is replaced with "[secret
masked: <kind>]" wherever it stands in the same block of the file; a finding tells file, line and
kind. One
automaton of RE2 with all expressions reads each block once (15 MB in 0.03 s), and only those that
it finds are searched by Python, so this changes no result.
Not found: secrets without a known form, such as a password in plain words.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from fumehood_tools.packing.secret_forms import Form, all_forms

if TYPE_CHECKING:
    import re2


class SecretFound(NamedTuple):
    """Where a secret is, and of which kind. whole_file: the file is left out because of it."""

    file: str
    line: int
    kind: str
    whole_file: bool


class Scanned(NamedTuple):
    """A block with its secrets masked."""

    block: bytes
    found: list[SecretFound]
    masked: int


class SecretScan:
    """Searches blocks of text for secrets."""

    def __init__(self, *, prefilter: bool = True) -> None:
        """prefilter: whether blocks are read by RE2 first. Without, the scan takes longer."""
        self._forms = all_forms()
        self._signs = _signs(self._forms) if prefilter else None

    def block(self, block: bytes, file: str, lines_before: int) -> Scanned:
        """Return the block without its secrets. lines_before: lines of the file before it."""
        suspects = self._forms
        if self._signs is not None:
            numbers = self._signs.Match(block) or ()
            suspects = tuple(self._forms[number] for number in sorted(numbers))
        found: list[SecretFound] = []
        masked = 0
        for form in suspects:
            # Latin-1, so that each byte is one character, whatever the encoding of the file.
            text = block.decode("latin-1")
            for secret, start in _matches(form, text):
                line = lines_before + text.count("\n", 0, start) + 1
                found.append(SecretFound(file, line, form.kind, form.whole_file))
                if not form.whole_file:
                    label = f"[secret masked: {form.kind}]".encode()
                    block = block.replace(secret.encode("latin-1"), label)
                    masked += 1
        return Scanned(block, found, masked)


def _signs(forms: Sequence[Form]) -> "re2.Set":
    """Return the automaton that tells which forms may be in a block."""
    import re2

    options = re2.Options()
    options.encoding, options.log_errors = re2.Options.Encoding.LATIN1, False
    signs = re2.Set.SearchSet(options)
    for form in forms:
        flags = "(?i)" if form.pattern.flags & re.IGNORECASE and not form.sign else ""
        signs.Add(f"{flags}{form.sign or form.pattern.pattern}".encode("ascii"))
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

"""Find secrets in the text of a repository and mask them, without ever showing one.

A secret is a text with the known form of a key (`secret_forms`). Each is replaced with "[secret
masked: <kind>]" wherever it stands in the same block of the file; a finding tells file, line and
kind. A regular expression is only run on a block that contains one of its hints in any case of
letters, which changes no result, because each of its matches contains one.
Not found: secrets without a known form, such as a password in plain words.
"""

from typing import NamedTuple

from fumehood_tools.packing.secret_forms import Form, all_forms


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

    def __init__(self, forms: tuple[Form, ...] | None = None) -> None:
        """forms: all known forms by default."""
        self._forms = all_forms() if forms is None else forms
        self._hints = sorted({hint for form in self._forms for hint in form.hints})

    def block(self, block: bytes, file: str, lines_before: int) -> Scanned:
        """Return the block without its secrets. lines_before: lines of the file before it."""
        lower = block.lower()
        there = {hint for hint in self._hints if hint in lower}
        del lower
        suspects = [
            form for form in self._forms if not form.hints or there.intersection(form.hints)
        ]
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


def _matches(form: Form, text: str) -> list[tuple[str, int]]:
    """Return the secrets of one form, each once, with its first place."""
    found: dict[str, int] = {}
    for match in form.pattern.finditer(text):
        groups = [group for group in match.groups() if group and len(group) >= 8]
        secret = groups[0] if groups else match[0]
        if form.is_valid(secret):
            found.setdefault(secret, match.start())
    return list(found.items())

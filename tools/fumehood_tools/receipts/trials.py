"""Identify what a record is a try of, by a word short enough for a line of the ledger.

Two records belong to the same try if they agree in file, parameters and settings of the sandbox. So
another seed is not another try, but another value of a constant or another learning rate is. The
ledger stores the word, so that a try still counts after its record was deleted, withdrawn or
replaced. Comparisons correct p values for the number of tries. The last part of a word says which
layer of which subject it is about, so that deleting a sandbox does not hide that a layer was used.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fumehood_tools.files import digest_of
from fumehood_tools.registry.kinds import FAILURE, SCORE

CONTROL = "control"
"""The word of a control (blank or spike), which does not count as a try."""
OWN = "own"
"""The settings of a failed run of a sandbox with an evaluation of its own. The scores of such a
sandbox are of another kind, which has no trial words."""
TRIED = (SCORE.name, FAILURE.name)
"""Names of the kinds whose records are tries."""
_FILE, _DIGEST = 16, 8
_PARTS = 3


class Trial(NamedTuple):
    """What was tried, as shortened digests. settings is "" or OWN for a failed run."""

    file: str
    parameters: str = ""
    settings: str = ""

    @property
    def was_scored(self) -> bool:
        """Whether this is the try of a score. Failed runs do not name their settings."""
        return self.settings not in ("", OWN)

    def is_of(self, sha256: str) -> bool:
        """Return whether this is a try of the file with this sha256."""
        return bool(sha256) and self.file == sha256[:_FILE]


def trial_of(record: Mapping[str, Any]) -> str:
    """Return the trial word of the record of a score or a failure."""
    if record.get("control"):
        return CONTROL
    about = record.get("provenance") or record
    file = str(record.get("file_sha256") or about.get("variant_sha256") or "")
    parameters = digest_of(record.get("parameters") or {})[:_DIGEST]
    settings = str(about.get("settings_digest") or "")[:_DIGEST]
    if record.get("sealed_sha256"):
        settings = OWN
    return "/".join([file[:_FILE], parameters, settings])


def trial_word(kind: str, record: Mapping[str, Any]) -> str:
    """Return the trial word of a record, or "" if records of its kind are not tries."""
    if kind not in TRIED:
        return ""
    word, subject = trial_of(record), record.get("subject")
    if word == CONTROL or not isinstance(subject, str):
        return word
    return f"{word}/{spot_word(subject, int(record.get('layer') or 0))}"


def read_trial(word: str) -> Trial:
    """Return the trial that a word of the ledger stands for."""
    return Trial(*word.split("/")[:_PARTS])


def without_spot(word: str) -> str:
    """Return a word as `trial_of` gives it."""
    return "/".join(word.split("/")[:_PARTS])


def spot_word(subject: str, layer: int) -> str:
    """Return the part of a word that names a layer of a subject."""
    return digest_of([subject, layer])[:_DIGEST]


def spot_of(word: str) -> str:
    """Return the part of a word that names a layer; "" in words of older versions and controls."""
    return "".join(word.split("/")[_PARTS : _PARTS + 1])

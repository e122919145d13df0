"""What a record is a try of, in a word short enough for a line of the ledger.

Two records are one try when file, parameters and settings of the sandbox agree: more seeds of one
thing are no second chance, another value of a constant or another learning rate is. The ledger
keeps the word, so that a try stays one when its record is deleted, withdrawn or replaced.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fumehood_tools.files import digest_of
from fumehood_tools.registry.kinds import FAILURE, SCORE

CONTROL = "control"
"""The word of a blank or a spike, which nobody tries in hope of a gain."""
TRIED = (SCORE.name, FAILURE.name)
"""Kinds whose records are tries."""
_FILE, _DIGEST = 16, 8


class Trial(NamedTuple):
    """What was tried, digests cut short. settings: "" for a run that failed."""

    file: str
    parameters: str = ""
    settings: str = ""

    def is_of(self, sha256: str) -> bool:
        """Whether this is a try of the file with this hash."""
        return bool(sha256) and self.file == sha256[:_FILE]


def trial_of(record: Mapping[str, Any]) -> str:
    """Return the word for a record of a score or of a failure."""
    if record.get("control"):
        return CONTROL
    about = record.get("provenance") or record
    file = str(record.get("file_sha256") or about.get("variant_sha256") or "")
    parameters = digest_of(record.get("parameters") or {})[:_DIGEST]
    settings = str(about.get("settings_digest") or "")[:_DIGEST]
    return "/".join([file[:_FILE], parameters, settings])


def trial_word(kind: str, record: Mapping[str, Any]) -> str:
    """Return what a record is a try of; "" for a kind whose records are none."""
    return trial_of(record) if kind in TRIED else ""


def read_trial(word: str) -> Trial:
    """Return what a word of the ledger says."""
    return Trial(*word.split("/")[:3])

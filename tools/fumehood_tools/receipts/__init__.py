"""Receipts: records that only the evaluator of this workspace can have written.

key.py      the workspace's secret and its public name
signing.py  a record and its HMAC; what is wrong with a record that was changed
places.py   how the folder of a record is named, anywhere in the workspace
files.py    the files that a record names, and whether they are what was recorded
ledger.py   which receipts were ever written, so that one that goes missing shows
folders.py  one folder: its receipt, and what the ledger says of it
reader.py   the ledger for processes that ask about one part of a workspace, and ask again
writing.py  a record of any registered kind, written whole and entered in the ledger
stamps.py   has a file been touched since it was read?
trials.py   what a record is a try of, for the count of tries
audit.py    everything of a workspace, byte for byte: what `fumehood verify` says
export.py   receipts for strangers: in-toto statements, signed so that a public key verifies them

Covered: whoever can write files in the workspace, but cannot read `.fumehood/receipt.key`. A
program run behind the glass is one; so is a colleague, a script, an agent with a file tool. What a
process remembers is what it has verified, in its own memory: nobody can write there. On disk there
is one shortcut, a checkpoint signed like the ledger; `audit` uses neither. Not covered: whoever
reads the key can sign whatever they like; and who puts back old copies of the ledger and of
its head, both of one moment, undoes what was written since. No key is needed for that; an export
that was published in between tells it.
"""

from fumehood_tools.receipts.files import WEIGHTS_FILE
from fumehood_tools.receipts.folders import (
    FAILURE_FILE,
    SCORE_FILE,
    Book,
    Held,
    open_book,
    read_folder,
)
from fumehood_tools.receipts.key import Key, load_key
from fumehood_tools.receipts.ledger import Entry, Ledger, append, make_key
from fumehood_tools.receipts.places import place_of, results_of, state_of
from fumehood_tools.receipts.reader import LedgerReader
from fumehood_tools.receipts.signing import Problem, check, mac_of, sign
from fumehood_tools.receipts.trials import trial_of
from fumehood_tools.receipts.writing import Draft, RecordWriter, Subject

__all__ = [
    "FAILURE_FILE",
    "SCORE_FILE",
    "WEIGHTS_FILE",
    "Book",
    "Draft",
    "Entry",
    "Held",
    "Key",
    "Ledger",
    "LedgerReader",
    "Problem",
    "RecordWriter",
    "Subject",
    "append",
    "check",
    "load_key",
    "mac_of",
    "make_key",
    "open_book",
    "place_of",
    "read_folder",
    "results_of",
    "sign",
    "state_of",
    "trial_of",
]

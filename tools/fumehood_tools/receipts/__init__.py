"""Receipts: signatures that show that the evaluator of this workspace wrote a record.

key.py      the workspace's secret key and its public name
signing.py  sign a record with HMAC, and detect changes to it
places.py   names of record folders, anywhere in the workspace
files.py    the files that a record lists, and whether they have changed
ledger.py   the list of all receipts ever written, so that a missing one is detected
folders.py  read one folder: check its receipt against key and ledger
reader.py   the ledger, for processes that read parts of it repeatedly
writing.py  write a record of any registered kind atomically and enter it in the ledger
stamps.py   detect whether a file has changed since it was read
trials.py   identify what a record is a try of, to count tries
audit.py    check a whole workspace byte for byte, for `fumehood verify`
dsse.py     signed envelopes for exports
export.py   export receipts as signed in-toto statements that a public key verifies

Protected against: anyone who can write files in the workspace but cannot read
`.fumehood/receipt.key`: code behind the glass, a colleague, a script, an agent with a file tool. A
process trusts only what it verified itself and keeps in its own memory. On disk there is one
shortcut, a checkpoint that is signed like the ledger. `audit` uses neither memory nor checkpoint.

Not protected against: anyone who reads the key can sign anything. Anyone who restores old copies of
the ledger and its head, both from the same moment, undoes what was written since, without needing
the key; an export that was published in between reveals it.
"""

from fumehood_tools.receipts.files import WEIGHTS_FILE, WEIGHTS_FILES
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
    "WEIGHTS_FILES",
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

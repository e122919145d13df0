"""Receipts: records that only the evaluator of this workspace can have written.

key.py      the workspace's secret and its public name
signing.py  a record and its HMAC; what is wrong with a record that was changed
ledger.py   which receipts were ever written, so that one that goes missing shows
folders.py  one results folder: its receipt, and whether what lies beside it is what was scored
reader.py   the ledger for processes that ask about one sandbox, and ask again
stamps.py   has a file been touched since it was read?
trials.py   what a record is a try of, for the count of tries
audit.py    everything of a workspace, byte for byte: what `fumehood verify` says

Covered: whoever can write files in sandboxes/, but cannot read `.fumehood/receipt.key`. A program
run behind the glass is one; so is a colleague, a script, an agent with a file tool.
What a process remembers is what it has verified, in its own memory: nobody can write there. On disk
there is one shortcut, a checkpoint signed like the ledger; `audit` uses neither.
Not covered: whoever reads the key can sign whatever they like; and who can put back an old copy of
the key's whole folder can undo what was written since.
"""

from fumehood_tools.receipts.folders import (
    FAILURE_FILE,
    SCORE_FILE,
    WEIGHTS_FILE,
    Book,
    Held,
    open_book,
    read_folder,
    state_of,
)
from fumehood_tools.receipts.key import Key, load_key
from fumehood_tools.receipts.ledger import Entry, Ledger, append, make_key
from fumehood_tools.receipts.reader import LedgerReader
from fumehood_tools.receipts.signing import Problem, check, mac_of, sign
from fumehood_tools.receipts.trials import trial_of

__all__ = [
    "FAILURE_FILE",
    "SCORE_FILE",
    "WEIGHTS_FILE",
    "Book",
    "Entry",
    "Held",
    "Key",
    "Ledger",
    "LedgerReader",
    "Problem",
    "append",
    "check",
    "load_key",
    "mac_of",
    "make_key",
    "open_book",
    "read_folder",
    "sign",
    "state_of",
    "trial_of",
]

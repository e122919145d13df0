"""What stays of rentals in a workspace: a signed record of each, and no lock files.

A pod that the reaper ended, or that was lost, gets its record at the next start of a server: the
reaper signs nothing, and the journal has all that the record says.
"""

import contextlib

from fumehood_tools.errors import StorageFailed
from fumehood_tools.locking import exclusive
from fumehood_tools.pods.rentals.clock import MachineClock
from fumehood_tools.pods.rentals.ending import record_of
from fumehood_tools.pods.rentals.journal import Journal
from fumehood_tools.pods.rentals.model import Rental
from fumehood_tools.pods.rentals.names import owner_of
from fumehood_tools.receipts import Draft, RecordWriter
from fumehood_tools.settings import Settings

RENTALS = "rentals"
"""The folder of the records in the workspace, and of the locks in its .fumehood."""


def keep_record(settings: Settings, rental: Rental) -> str | None:
    """Write the signed record of a rental that has ended, unless it is there; return its place.

    None: it has not ended, or there was no pod.
    """
    record = record_of(rental)
    if record is None:
        return None
    place = f"{RENTALS}/{record.intent}"
    if not (settings.workspace / place).exists():
        writer = RecordWriter(settings.workspace, RENTALS)
        writer.write(Draft("rental", place, record.model_dump(mode="json")))
    return place


def keep_records(settings: Settings) -> None:
    """Write the records that are missing. Raises StorageFailed."""
    journal = Journal(settings.state, owner_of(settings.state), MachineClock())
    try:
        for rental in journal.rentals(ended=True):
            keep_record(settings, rental)
    finally:
        journal.close()


def remove_free_locks(settings: Settings) -> None:
    """Remove the lock files of rentals that nobody holds.

    Whoever is just about to take one gets a new file: filelock looks whether its file still exists.
    """
    for path in (settings.state / RENTALS).glob("*.lock"):
        with contextlib.suppress(StorageFailed, FileNotFoundError), exclusive(path, seconds=0):
            path.unlink()

"""What is due when a server starts: the reaper ends pods that a crash left behind, and those that
it ended before get their signed records.

Costs nothing where nothing was ever rented. The reaper is a process of its own: it looks at once,
then every minute, and leaves when nothing is rented.
"""

from fumehood_tools.pods.configured import has_journal, has_key
from fumehood_tools.settings import Settings


def watch_rentals(settings: Settings) -> None:
    """Tidy up and start the reaper if anything was ever rented. Raises RunFailed, StorageFailed."""
    if not has_journal(settings):
        return
    # Most servers never rent anything.
    from fumehood_tools.pods.keeping import keep_records, remove_free_locks

    keep_records(settings)
    remove_free_locks(settings)
    if has_key(settings) and not settings.offline:
        from fumehood_tools.pods.rentals.starting import start_reaper

        start_reaper(settings)

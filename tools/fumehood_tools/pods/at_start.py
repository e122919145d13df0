"""What is due when a server starts: pods that a crash left behind are ended by the reaper.

Costs nothing where nothing was ever rented. The reaper is a process of its own: it looks at once,
then every minute, and leaves when nothing is rented.
"""

from fumehood_tools.pods.configured import has_journal, has_key
from fumehood_tools.settings import Settings


def watch_rentals(settings: Settings) -> None:
    """Start the reaper if something was ever rented. Raises RunFailed, StorageFailed."""
    if has_key(settings) and not settings.offline and has_journal(settings):
        # Most servers never rent anything.
        from fumehood_tools.pods.rentals.starting import start_reaper

        start_reaper(settings)

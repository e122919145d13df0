"""Keep the cache of source trees below its limit: what was used longest ago is removed first.

An entry that any process reads is never removed, so the cache may be above its limit meanwhile.
What was removed is fetched again when it is asked for the next time. Costs some 30 us per entry.
"""

from pathlib import Path

from fumehood_tools.repositories.leases import UNFINISHED, Usage, remove_unused, usage_of
from fumehood_tools.settings import Settings
from fumehood_tools.wings.table import SOURCES_GB

_GB = 1_000_000_000


def stored(cache: Path) -> list[Usage]:
    """Return all entries of the cache, the one that was used longest ago first."""
    folders = [
        facts.parent
        for facts in (cache / "sources").glob("*/*/*/entry.json")
        if not facts.parent.name.startswith(UNFINISHED)
    ]
    try:
        found = [usage for folder in folders if (usage := usage_of(folder)) is not None]
    except OSError:
        return []  # a cache that cannot be written
    return sorted(found, key=lambda usage: usage.at)


def make_room(settings: Settings) -> int:
    """Remove entries until the cache is below its limit; return how many were removed."""
    most = settings.of(SOURCES_GB) * _GB
    entries = stored(settings.cache)
    total, removed = sum(usage.size for usage in entries), 0
    for usage in entries:
        if total <= most:
            break
        if remove_unused(usage.folder):
            total, removed = total - usage.size, removed + 1
    return removed

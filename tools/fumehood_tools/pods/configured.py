"""Whether this workspace can train elsewhere at all.

Light, because every server asks it: looks at the environment and at two files.
"""

from fumehood_tools.settings import Settings, load_keys

KEY = "RUNPOD_API_KEY"
HOSTS_FILE = "hosts.toml"
JOURNAL_FILE = "rentals.sqlite3"


def has_key(settings: Settings) -> bool:
    """Whether the key of the provider of pods is set."""
    return KEY in load_keys(declared=settings.declared)


def why_off(settings: Settings) -> str | None:
    """Return why the tools of pods are not offered; None if they are."""
    if has_key(settings) or (settings.workspace / HOSTS_FILE).exists():
        return None
    return (
        f"neither {KEY} is set, nor is there a {HOSTS_FILE} in the workspace. Ask the user whether "
        "to set one up (docs/gpus.md), or start the server with the toolset pods"
    )


def has_journal(settings: Settings) -> bool:
    """Whether anything was ever rented in this workspace."""
    return (settings.state / JOURNAL_FILE).exists()

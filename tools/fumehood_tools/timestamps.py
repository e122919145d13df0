"""The form in which records, entries and results say when they were written."""

from datetime import UTC, datetime


def now() -> str:
    """Return the current time in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")

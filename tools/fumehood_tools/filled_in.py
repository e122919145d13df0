"""Environment variables that a client filled in.

A host that asks its user for an optional setting hands over the text of its form when the user left
it empty: blank, or a placeholder such as `${user_config.exa_key}`. Such a variable is not set.
"""

import re
from collections.abc import Mapping

PLACEHOLDER = re.compile(r"\$\{[^}]*\}")


def is_placeholder(value: str) -> bool:
    """Whether a host left a placeholder in the value instead of what the user entered."""
    return PLACEHOLDER.search(value) is not None


def filled_in(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that are blank or hold a placeholder."""
    return {
        name: value
        for name, value in environ.items()
        if value.strip() and not is_placeholder(value)
    }

"""Read the newest commits of a clone: their ids, authors and dates, without running any hook.

`git rev-list` is plumbing: it reads no setting that could start a program. A folder without .git of
its own has no history, even if a folder above it has one.
"""

import re
import subprocess
from datetime import UTC, datetime
from typing import NamedTuple

from fumehood_tools.repositories import Checkout

MOST_COMMITS = 200
SECONDS = 20.0
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    # A clone may lack objects and name a server for them. No protocol is allowed.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
_AUTHOR = re.compile(r"^author (.*?) <[^>]*> (\d+) [+-]\d{4}$", re.M)
_COMMIT = re.compile(r"^([0-9a-f]{40,64})$", re.M)


class History(NamedTuple):
    """The newest commits. authors: of each commit, newest first."""

    commits: tuple[str, ...]
    authors: tuple[str, ...]
    last_date: str


def read_history(checkout: Checkout) -> History | None:
    """Return the newest commits of a clone, None if it has no history or git is missing."""
    own = checkout.folder / ".git"
    if own.is_symlink() or not own.is_dir():
        return None
    command = [
        "git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*", "-C", str(checkout.folder),
        "rev-list", "--header", f"--max-count={MOST_COMMITS}", "HEAD", "--",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=SECONDS, env=_ENVIRONMENT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = done.stdout.decode("utf-8", "replace").replace("\0", "\n")
    found = _AUTHOR.findall(text)
    if done.returncode or not found:
        return None
    last = datetime.fromtimestamp(int(found[0][1]), UTC).date().isoformat()
    return History(tuple(_COMMIT.findall(text)), tuple(name for name, _ in found), last)

"""The agent as one file, and the command that guards a pod before anybody can log in.

The file is a zip archive that Python runs, made of the package `in_pod`. The same sources make the
same bytes, so its name carries its digest.
"""

import base64
import gzip
import hashlib
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from fumehood_tools.errors import BadRequest

SOURCES = Path(__file__).resolve().parent / "in_pod"
NAME = "in_pod"
MAIN = "from in_pod.commands import main\n\nmain()\n"
WATCH = """\
import sys

from in_pod.watchdog import arm

print(arm(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4]), flush=True)
"""
WATCHING = ("__init__", "detaching", "states", "watchdog")
FIRST_TIME = (1980, 1, 1, 0, 0, 0)
ROOT = "/workspace/.fumehood"
"""Where the agent lives on a pod: on its volume, if it has one."""
IMAGE_START = "/start.sh"
"""What the provider's own images start with: it sets up sshd."""

_WORD = re.compile(r"[A-Za-z0-9/_.:=@%+-]+")


def agent_bytes() -> bytes:
    """Return the agent, a file that `python3` runs."""
    modules = sorted(path.stem for path in SOURCES.glob("*.py"))
    return _zipped(modules, MAIN, zipfile.ZIP_DEFLATED)


def agent_name() -> str:
    """Return the file's name on a machine; another version has another name."""
    return f"agent-{hashlib.sha256(agent_bytes()).hexdigest()[:16]}.pyz"


def _zipped(modules: Sequence[str], main: str, method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        texts = {f"{NAME}/{one}.py": (SOURCES / f"{one}.py").read_bytes() for one in modules}
        for name, text in {"__main__.py": main.encode(), **texts}.items():
            archive.writestr(zipfile.ZipInfo(name, FIRST_TIME), text, method)
    return out.getvalue()


def start_command(
    *,
    ttl_s: float,
    max_life_s: float,
    v2: str,
    graphql: str,
    root: str = ROOT,
    then: str = IMAGE_START,
) -> str:
    """Return the command with which a pod's container starts.

    It makes the host keys and prints their fingerprints, for us to read in the provider's log;
    starts the watchdog, so that a pod whose sshd never answers ends too; and goes on with `then`,
    a shell command. If one of these fails, it goes on nevertheless. It holds no secret.

    ttl_s: seconds without a controller and a job, from the start on, after which the pod ends
    itself. v2, graphql: addresses of the provider's interfaces, without and with path.
    """
    if not all(map(_WORD.fullmatch, (v2, graphql, root, *then.split(" ")))):
        raise BadRequest(
            "A pod's start takes addresses, folders and words of a command without spaces, quotes "
            "and other signs of a shell. Correct them, or put the command into a script."
        )
    # Stored in the archive and compressed as a whole, it is a fifth smaller.
    watch = gzip.compress(_zipped(WATCHING, WATCH, zipfile.ZIP_STORED), mtime=0)
    file = f"{root}/watch.pyz"
    script = (
        "umask 077",
        f"mkdir -p {root}",
        f"echo {base64.b64encode(watch).decode('ascii')} | base64 -d | gunzip > {file}",
        f"python3 {file} {ttl_s} {max_life_s} {v2} {graphql}",
        "umask 022",
        "ssh-keygen -A",
        "for key in /etc/ssh/ssh_host_*_key.pub",
        "do ssh-keygen -lf $key",
        "done",
        f"exec {then}",
    )
    return f"bash -c '{'; '.join(script)}'"

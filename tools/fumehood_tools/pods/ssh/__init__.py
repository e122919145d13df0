"""Commands and files over ssh, for rented pods and for hosts of one's own.

`Machine` is a host that is reached again after every cut, `Shell` one connection to it. Uploads go
on where they stopped and are checked by sha256. Everything blocks, for a bounded time.

Not covered: what the machine says may be made up. Results are read by `pods.agent`, which takes
regular files with checked names only.
"""

from fumehood_tools.pods.ssh.failures import (
    CommandFailed,
    Damaged,
    HostKeyChanged,
    LinkLost,
    LoginRefused,
    MachineFull,
    ResultsRefused,
    SshFailed,
    TooSlow,
)
from fumehood_tools.pods.ssh.keys import ClientKey, HostKey, HostKeys, KeyFile, fingerprints_in
from fumehood_tools.pods.ssh.machine import MOST_CUTS, Machine
from fumehood_tools.pods.ssh.packing import Packed, files_below, pack
from fumehood_tools.pods.ssh.shell import Answer, Shell, Stream
from fumehood_tools.pods.ssh.uploading import upload

__all__ = [
    "MOST_CUTS",
    "Answer",
    "ClientKey",
    "CommandFailed",
    "Damaged",
    "HostKey",
    "HostKeyChanged",
    "HostKeys",
    "KeyFile",
    "LinkLost",
    "LoginRefused",
    "Machine",
    "MachineFull",
    "Packed",
    "ResultsRefused",
    "Shell",
    "SshFailed",
    "Stream",
    "TooSlow",
    "files_below",
    "fingerprints_in",
    "pack",
    "upload",
]

"""A controller that follows the log of a job into a file, in a process that a test can kill.

Arguments: the workspace's state folder, port, the agent's folder, job, file. How far it has come
stands in FILE.offset, which it writes after each piece, as callers of Agent.follow should.
"""

import getpass
import os
import sys
from pathlib import Path

from fumehood_tools.files import write_text
from fumehood_tools.pods.agent import Agent
from fumehood_tools.pods.api import SshAddress
from fumehood_tools.pods.ssh import ClientKey, HostKeys, Machine


def follow(state: Path, port: int, root: str, job: str, log: Path) -> None:
    """Follow a job until it is over."""
    address = SshAddress(host="127.0.0.1", port=port, user=getpass.getuser())
    committed = log.with_suffix(".offset")
    offset = int(committed.read_text(encoding="utf-8")) if committed.exists() else 0
    with Machine("host", address, ClientKey(state), HostKeys(state)) as machine:
        for piece in Agent(machine, root, sys.executable).follow(job, offset):
            file = os.open(log, os.O_WRONLY | os.O_CREAT)
            os.pwrite(file, piece.data, piece.offset)
            os.close(file)
            write_text(committed, str(piece.end))


if __name__ == "__main__":
    follow(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], Path(sys.argv[5]))

"""Copy the training split from one pod to another, without a detour over this machine.

The pod that gets it makes a key for this purpose alone. The other one accepts it for a moment, for
nothing but reading the shards, one after the other. What arrives is believed only if it has the
sha256 that the harvest had: see harvest_there.
"""

import re
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fumehood_tools.errors import RunFailed
from fumehood_tools.pods.agent import JobSpec
from fumehood_tools.pods.ssh import ResultsRefused, Shell
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.splits import RunThere

if TYPE_CHECKING:
    import asyncssh

KEY_SECONDS = 30.0
_PUBLIC = re.compile(r"ssh-ed25519 [A-Za-z0-9+/=]{40,100} fumehood-copy-[0-9a-f]{16}")
# $1: the file of the key. $2: its comment.
NEW_KEY = """
umask 077; mkdir -p -- "$(dirname -- "$1")"; rm -f -- "$1" "$1.pub"
ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$1" && cat -- "$1.pub"
"""
# $1: the line for authorized_keys.
ACCEPT = 'umask 077; mkdir -p ~/.ssh; printf "\\n%s\\n" "$1" >> ~/.ssh/authorized_keys'
# $1: the comment of the key.
REFUSE = """
cd ~/.ssh && grep -vF -- "$1" authorized_keys > authorized_keys.new
cat authorized_keys.new > authorized_keys && rm authorized_keys.new
"""
# What the key is good for. The client asks for a shard by its number, or by target- and its number.
ALLOWED = (
    "n=$SSH_ORIGINAL_COMMAND; case ${{n#target-}} in *[!0-9]*|'') exit 3;; esac; "
    "exec cat -- '{folder}/'$n.npy"
)
# $1: host. $2: port. $3: user. $4: the key. $5: the line of the host key. $6: the folder. Then the
# numbers of the shards.
COPY = """
set -e; umask 077; host=$1 port=$2 user=$3 key=$4 folder=$6
printf '%s\\n' "$5" > "$key.known"; mkdir -p -- "$folder"; shift 6
for n; do
  [ -f "$folder/$n.npy" ] && continue
  ssh -n -F none -i "$key" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes \\
    -o UserKnownHostsFile="$key.known" -o ServerAliveInterval=15 -o ConnectTimeout=20 \\
    -p "$port" "$user@$host" "$n" > "$folder/$n.part"
  mv -- "$folder/$n.part" "$folder/$n.npy"
done
"""


def copy_split(
    source: OpenPlace, target: OpenPlace, folder: str, names: Sequence[str], run: RunThere
) -> None:
    """Copy shards, as far as the target lacks them. folder: below the agents' on both machines.

    run: runs a job on the target. Raises SshFailed, RunFailed, PlaceLost.
    """
    name = f"fumehood-copy-{secrets.token_hex(8)}"
    key = f"{target.agent.root}/keys/{name}"
    public = _sh(target, NEW_KEY, key, name).strip()
    # The target may have run variants: what it says must not become another line than this.
    if not _PUBLIC.fullmatch(public):
        raise ResultsRefused("The machine made no key for copying. Is ssh-keygen there?")
    allowed = ALLOWED.format(folder=f"{source.agent.root}/{folder}")
    _sh(source, ACCEPT, f'restrict,command="{allowed}" {public}')
    try:
        status = run(_job(source, target, folder, names, name, key))
        if status.state != "succeeded":
            raise RunFailed(
                f"A pod could not copy the training split from another one ({status.state}, exit "
                f"code {status.exit_code}). Set FUMEHOOD_POD_HARVEST=here, then repeat."
            )
    finally:
        _sh(source, REFUSE, name)
        _sh(target, 'rm -f -- "$1" "$1.pub" "$1.known"', key)


def _job(
    source: OpenPlace, target: OpenPlace, folder: str, names: Sequence[str], name: str, key: str
) -> JobSpec:
    address = source.agent.machine.address
    host_key = source.agent.machine.again(lambda shell: shell.do(_host_key, KEY_SECONDS, "asking"))
    known = f"[{address.host}]:{address.port} {host_key}"
    numbers = [shard.removesuffix(".npy") for shard in names]
    there = f"{target.agent.root}/{folder}"
    words = (address.host, str(address.port), address.user, key, known, there, *numbers)
    job = name.removeprefix("fumehood-")
    return JobSpec(job=job, argv=("sh", "-c", COPY, "sh", *words), purpose="own")


async def _host_key(link: "asyncssh.SSHClientConnection") -> str:
    """Return the host key with which the machine has just proved who it is."""
    key = link.get_server_host_key()
    assert key is not None, "the connection was made with a host key"
    kind, content, *_ = key.export_public_key("openssh").decode("ascii").split()
    return f"{kind} {content}"


def _sh(place: OpenPlace, program: str, *words: str) -> str:
    def run(shell: Shell) -> str:
        return shell.check(["sh", "-c", program, "sh", *words]).text

    return place.agent.machine.again(run)

"""The user's own machines with GPUs, which train over ssh: hosts.toml in the workspace.

    [lab]
    address = "gpu1.example.org"
    gpus = 2

Each GPU of a host is one place for a training. A host with gpus = 0 trains on its processor.
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.pods.api.model import SshAddress
from fumehood_tools.pods.configured import HOSTS_FILE
from fumehood_tools.settings import Settings


class Host(BaseModel, frozen=True, extra="forbid"):
    """One machine that the user reaches over ssh."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    address: str = Field(min_length=1, pattern=r"^[^\s@/]+$", description="name or IP address")
    port: int = Field(default=22, ge=1, le=65_535)
    user: str = Field(default="root", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")
    gpus: int = Field(default=1, ge=0, le=64)
    folder: str = Field(
        default="fumehood", description="where files go; relative to the user's home folder"
    )
    python: str = Field(default="python3", description="an interpreter with torch")
    key_file: Path | None = Field(default=None, description="None: the workspace's own key")
    host_key: str | None = Field(
        default=None,
        pattern=r"^SHA256:[A-Za-z0-9+/]{43}$",
        description="its fingerprint, as `ssh-keygen -lf` prints it; None: the first one seen",
    )

    @property
    def ssh(self) -> SshAddress:
        """Where its sshd answers."""
        return SshAddress(host=self.address, port=self.port, user=self.user)


def read_hosts(settings: Settings) -> tuple[Host, ...]:
    """Return the hosts of hosts.toml, () without that file. Raises BadRequest with the place."""
    path = settings.workspace / HOSTS_FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise BadRequest(f"{HOSTS_FILE} cannot be read: {error}. Correct it.") from error
    return tuple(_host(name, values) for name, values in content.items())


def host_named(settings: Settings, name: str) -> Host:
    """Return one host. Raises UnknownName."""
    hosts = {host.name: host for host in read_hosts(settings)}
    if name not in hosts:
        raise UnknownName("host", name, hosts, f"Add it to {HOSTS_FILE} in the workspace.")
    return hosts[name]


def _host(name: str, values: Any) -> Host:
    if not isinstance(values, dict):
        raise BadRequest(f"{HOSTS_FILE}: {name} is no table. Write [{name}] above its values.")
    try:
        host = Host.model_validate({"name": name, **values})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([name, *map(str, first["loc"])])
        raise BadRequest(f"{HOSTS_FILE}: {where}: {first['msg']}. Correct it.") from error
    if host.key_file is None:
        return host
    return host.model_copy(update={"key_file": host.key_file.expanduser()})

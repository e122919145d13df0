"""Ask a host whether a repository is there, before git is started.

One request for what git asks first, with redirects followed here: each must lead to a public
address, so that a repository cannot make us ask machines of the private network. A definite answer
is told apart from a failure of the network: only HTTP 404 and 410 mean that nothing is there, and
hosts that ask for a login do not say whether a private repository exists.
"""

import ipaddress
import socket
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import RepositoryFailed
from fumehood_tools.repositories.address import Address, is_loopback, read_address

MOST_HOPS = 5
PROBE_SECONDS = 20.0
_ASKED = "/info/refs?service=git-upload-pack"


class Found(NamedTuple):
    """A repository that answers. url: where git finds it, after redirects."""

    url: str
    address: Address


def probe(address: Address, endpoints: Mapping[str, str], deadline: Deadline) -> Found:
    """Return where the repository is now.

    Raises RepositoryFailed: "missing", "private_or_missing", "unreachable", "refused".
    """
    url = address.clone_url(endpoints)
    if address.scheme == "ssh":
        return Found(url, address)
    trusted = {urlsplit(base).netloc for base in endpoints.values()}
    with httpx.Client(follow_redirects=False, headers={"User-Agent": "git/2.0 fumehood"}) as client:
        for hop in range(MOST_HOPS + 1):
            _check_host(url, address.page, trusted, named=hop == 0)
            found = _ask(client, url, address.page, deadline)
            if not found:
                return Found(url, _renamed(address, url, endpoints) if hop else address)
            url = found
    raise RepositoryFailed("unreachable", f"{address.page} redirects more than {MOST_HOPS} times.")


def _ask(client: httpx.Client, url: str, page: str, deadline: Deadline) -> str:
    """Return "" if git can clone from the URL, or the URL of a redirect."""
    limit = min(PROBE_SECONDS, deadline.left())
    try:
        with client.stream("GET", url + _ASKED, timeout=limit) as answer:
            status, headers = answer.status_code, answer.headers
            start = next(answer.iter_bytes(), b"") if status == 200 else b""
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(page, f"the connection failed ({type(error).__name__})") from error
    if 300 <= status < 400 and "location" in headers:
        target = urljoin(url + _ASKED, headers["location"]).partition("?")[0]
        if not target.endswith("/info/refs"):
            raise _private(page)
        return target.removesuffix("/info/refs")
    if status in (401, 403):
        raise _private(page)
    if status in (404, 410, 451):
        raise RepositoryFailed(
            "missing",
            f"{page} does not exist (HTTP {status}). Check the address, or search for where it "
            "moved.",
        )
    if status != 200:
        raise _unreachable(page, f"it answered with HTTP {status}")
    if b"service=git-upload-pack" not in start[:200] and b"version 2" not in start[:200]:
        raise RepositoryFailed(
            "no_repository",
            f"{page} is a web page, but not a git repository. Pass the address of the repository.",
        )
    return ""


def _check_host(url: str, page: str, trusted: set[str], *, named: bool) -> None:
    """Raise RepositoryFailed for a host that no repository may send us to.

    named: the user named this host, so it may be this machine. trusted: hosts of the settings.
    """
    parts = urlsplit(url)
    if parts.netloc in trusted:
        return
    host = parts.hostname or ""
    if parts.scheme == "http" and is_loopback(host) and named:
        return
    if parts.scheme != "https" or parts.username:
        raise RepositoryFailed("refused", f"{host} is not an https address. Pass one that is.")
    try:
        found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _unreachable(page, "its host was not found") from error
    for *_, place in found:
        if not ipaddress.ip_address(str(place[0]).partition("%")[0]).is_global:
            raise RepositoryFailed(
                "refused",
                f"{host} is in a private network. Clone the repository yourself and pass its "
                "folder.",
            )


def _renamed(address: Address, url: str, endpoints: Mapping[str, str]) -> Address:
    """Return the address that a redirect led to, as people know it."""
    for host in (address.host, "github.com", "gitlab.com", "huggingface.co"):
        base = address._replace(host=host, path="").clone_url(endpoints).partition("/.git")[0]
        base = base.removesuffix(".git").rstrip("/") + "/"
        if url.startswith(base):
            return read_address(f"https://{host}/{url.removeprefix(base)}")
    return read_address(url)


def _private(page: str) -> RepositoryFailed:
    return RepositoryFailed(
        "private_or_missing",
        f"{page} asks for a login: the repository is private or does not exist; its host does not "
        "say which. If you may read it, clone it yourself and pass the folder.",
    )


def _unreachable(page: str, why: str) -> RepositoryFailed:
    return RepositoryFailed(
        "unreachable",
        f"{page} could not be reached: {why}. This does not mean that it is gone. Try again later, "
        "or pass a folder or an archive.",
    )

"""Fetch files of papers: LaTeX sources, web pages, PDFs, each with a limit on time and size.

arXiv's files share the turns of its search. Redirects are followed, at most five, to public
addresses only: a paper's page can't make us ask a machine of this network. No key travels along.
"""

import ipaddress
import socket
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from fumehood_tools.deadlines import Deadline
from fumehood_tools.files import replacing
from fumehood_tools.web.model import Pace, SourceFailed
from fumehood_tools.web.pacing import Pacer
from fumehood_tools.web.service import failure_of_status, seconds_to_wait

MOST_HOPS = 5
ANYWHERE = Pace("downloads", 0.5)


class Fetched(NamedTuple):
    """A file that was fetched: where it lies, what the server calls it, and where it came from."""

    path: Path
    content_type: str
    url: str


class Downloads:
    """How files are fetched. Threads may share it."""

    def __init__(self, client: httpx.Client, pacer: Pacer, trusted: tuple[str, ...] = ()) -> None:
        """trusted: addresses that may lie in this network, because the settings name them."""
        self._client, self._pacer = client, pacer
        self._trusted = tuple(urlsplit(url).netloc for url in trusted)

    def fetch(
        self, url: str, to: Path, deadline: Deadline, most_bytes: int, pace: Pace = ANYWHERE
    ) -> Fetched:
        """Fetch an address into a file. Raises SourceFailed, StorageFailed, leaving no file."""
        for _ in range(MOST_HOPS + 1):
            self._check(url)
            with self._pacer.turn(pace, deadline):
                found = self._one_hop(url, to, deadline, most_bytes, pace)
            if isinstance(found, Fetched):
                return found
            url = found
        raise SourceFailed("bad_answer", f"It redirects more than {MOST_HOPS} times.")

    def _one_hop(
        self, url: str, to: Path, deadline: Deadline, most_bytes: int, pace: Pace
    ) -> Fetched | str:
        """Return the fetched file, or the address that the server names instead."""
        try:
            with self._client.stream("GET", url, timeout=deadline.left()) as response:
                if response.is_redirect and response.next_request is not None:
                    return str(response.next_request.url)
                if response.status_code == 404:
                    raise SourceFailed("bad_answer", "It has no such file (HTTP 404).")
                if response.status_code != 200:
                    wait = seconds_to_wait(response.headers.get("retry-after"))
                    if wait:
                        self._pacer.hold_off(pace, wait)
                    raise failure_of_status(response.status_code, wait)
                _save(response, to, deadline, most_bytes)
                return Fetched(to, response.headers.get("content-type", ""), url)
        except httpx.TimeoutException as error:
            raise SourceFailed("timeout", "It did not answer in time.") from error
        except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as error:
            text = f"The connection failed ({type(error).__name__}). Check the network."
            raise SourceFailed("unavailable", text, again=True) from error

    def _check(self, url: str) -> None:
        """Raise SourceFailed for an address of no web page, or in this network."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SourceFailed("refused", "Only http and https addresses are fetched.")
        if parts.netloc in self._trusted:
            return
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            text = f"The name {parts.hostname!r} is not known. Check the address and the network."
            raise SourceFailed("unavailable", text) from error
        for *_, address in found:
            if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global:
                text = f"{parts.hostname!r} lies in a private network; download it yourself."
                raise SourceFailed("refused", text)


def _save(response: httpx.Response, to: Path, deadline: Deadline, most_bytes: int) -> None:
    size = 0
    with replacing(to) as file:
        for part in response.iter_bytes():
            size += len(part)
            if size > most_bytes:
                raise SourceFailed("bad_answer", f"It is larger than {most_bytes:,} bytes.")
            file.write(part)
            deadline.left()

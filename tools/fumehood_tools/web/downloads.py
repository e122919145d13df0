"""Download the files of papers (LaTeX sources, web pages, PDFs), with a limit on time and size.

Downloads from arXiv share the request rate of its search. At most five redirects are followed, and
only to public addresses, so a paper's page can't make us send requests to machines in the private
network. No API key is sent.
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
    """A downloaded file: its path, its content type, and the URL after all redirects."""

    path: Path
    content_type: str
    url: str


class Downloads:
    """Downloads files. Safe to share between threads."""

    def __init__(self, client: httpx.Client, pacer: Pacer, trusted: tuple[str, ...] = ()) -> None:
        """trusted: URLs from the settings, which may be in a private network."""
        self._client, self._pacer = client, pacer
        self._trusted = tuple(urlsplit(url).netloc for url in trusted)

    def fetch(
        self, url: str, to: Path, deadline: Deadline, most_bytes: int, pace: Pace = ANYWHERE
    ) -> Fetched:
        """Download a URL into a file. Raises SourceFailed or StorageFailed and leaves no file."""
        for _ in range(MOST_HOPS + 1):
            self._check(url)
            with self._pacer.turn(pace, deadline):
                found = self._one_hop(url, to, deadline, most_bytes, pace)
            if isinstance(found, Fetched):
                return found
            url = found
        raise SourceFailed("bad_answer", f"The address redirects more than {MOST_HOPS} times.")

    def _one_hop(
        self, url: str, to: Path, deadline: Deadline, most_bytes: int, pace: Pace
    ) -> Fetched | str:
        """Return the downloaded file, or the URL that the server redirects to."""
        try:
            with self._client.stream("GET", url, timeout=deadline.left()) as response:
                if response.is_redirect and response.next_request is not None:
                    return str(response.next_request.url)
                if response.status_code == 404:
                    missing = SourceFailed("bad_answer", "It does not have this file (HTTP 404).")
                    missing.http = 404
                    raise missing
                if response.status_code != 200:
                    wait = seconds_to_wait(response.headers.get("retry-after"))
                    if wait:
                        self._pacer.hold_off(pace, wait)
                    raise failure_of_status(response.status_code, wait)
                _save(response, to, deadline, most_bytes)
                return Fetched(to, response.headers.get("content-type", ""), url)
        except httpx.TimeoutException as error:
            raise SourceFailed("timeout", "It did not answer in time. Ask again later.") from error
        except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as error:
            text = f"The connection failed ({type(error).__name__}). Check the network."
            raise SourceFailed("unavailable", text, again=True) from error

    def _check(self, url: str) -> None:
        """Raise SourceFailed for a URL that is not http(s), or that is in a private network."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SourceFailed("refused", "Only http and https addresses can be downloaded.")
        if parts.netloc in self._trusted:
            return
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            text = f"The host {parts.hostname!r} was not found. Check the address and the network."
            raise SourceFailed("unavailable", text) from error
        for *_, address in found:
            if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global:
                text = f"{parts.hostname!r} is in a private network. Download the file yourself."
                raise SourceFailed("refused", text)


def _save(response: httpx.Response, to: Path, deadline: Deadline, most_bytes: int) -> None:
    size = 0
    with replacing(to) as file:
        for part in response.iter_bytes():
            size += len(part)
            if size > most_bytes:
                raise SourceFailed("bad_answer", f"The file is larger than {most_bytes:,} bytes.")
            file.write(part)
            deadline.left()

"""Find web addresses in running text that are not marked up as links."""

import re
from collections.abc import Iterable, Iterator

from fumehood_tools.reading.document import Link

_ADDRESS = re.compile(r"(?<![\w/@.])(?:https?://|www\.(?=\w))[^\s<>\"“”‘’{}|\\^`]{3,2000}")
_HOST = re.compile(
    r"(?<![\w/@.-])((?:github|gitlab|huggingface|zenodo|bitbucket)\.(?:com|org|co|io)/"
    r"[\w.~-]+(?:/[\w.~%#?=&+-]+)*)"
)
_CLOSED_BY = {")": "(", "]": "["}


def may_have_links(text: str) -> bool:
    """Return whether a text has what every address has. This takes little time."""
    return "/" in text or "www." in text


def links_in_text(texts: Iterable[str]) -> Iterator[Link]:
    """Yield the addresses in texts, without the punctuation of the sentence around them."""
    for text in texts:
        if "://" in text or "www." in text:
            for match in _ADDRESS.finditer(text):
                url = trimmed(match.group())
                yield Link(url=f"https://{url}" if url.startswith("www.") else url, origin="text")
        elif "/" in text:
            for match in _HOST.finditer(text):
                yield Link(url=f"https://{trimmed(match.group())}", origin="text")


def trimmed(url: str) -> str:
    """Return an address without trailing punctuation and unmatched closing brackets."""
    while url:
        last = url[-1]
        unopened = last in _CLOSED_BY and url.count(last) > url.count(_CLOSED_BY[last])
        if last not in ".,;:!?'*" and not unopened:
            break
        url = url[:-1]
    return url

"""The address of a git repository on the web, read from any form in which people write one.

Pages of a repository (…/tree/main/src, …/blob/main/a.py, …/issues), clone addresses, git@host:path
and raw files all lead to the same repository. Two addresses are of the same repository if their
keys are equal. User names and passwords in an address are cut and never used. Nothing is requested.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from fumehood_tools.errors import BadRequest

MOST_ADDRESS = 2000
FORMS = (
    "Pass https://host/owner/name, github:owner/name, owner/name (of GitHub), a folder or archive, "
    "or pkg:NAME==VERSION."
)
# Hosts whose repositories have two segments, and the endpoint that may replace each of them.
_HOSTS = {
    "github.com": "github_git",
    "gitlab.com": "gitlab",
    "huggingface.co": "hugging_face",
    "bitbucket.org": "bitbucket",
    "codeberg.org": "codeberg",
}
_SHORT = {"github": "github.com", "gitlab": "gitlab.com", "hf": "huggingface.co"}
# First segments of pages that are not owners.
_NOT_OWNERS = {
    "github.com": frozenset(
        ("about", "apps", "blog", "collections", "contact", "customer-stories", "enterprise")
        + ("explore", "features", "login", "join", "marketplace", "new", "notifications", "orgs")
        + ("pricing", "readme", "search", "security", "settings", "site", "sponsors", "topics")
        + ("trending", "users")
    ),
    "huggingface.co": frozenset(
        ("api", "blog", "collections", "docs", "join", "learn", "login", "models", "organizations")
        + ("papers", "posts", "pricing", "settings", "tasks")
    ),
    "gitlab.com": frozenset(("explore", "help", "search", "users", "groups")),
}
_KINDS_OF_HUB = ("datasets", "spaces")
_REPOSITORY_HOSTS = (
    r"github\.com|gitlab\.[\w.-]{1,80}|huggingface\.co|hf\.co|bitbucket\.org|codeberg\.org|"
    r"raw\.githubusercontent\.com|gist\.github\.com|git\.[\w.-]{1,80}|"
    r"colab\.research\.google\.com|nbviewer\.(?:org|jupyter\.org)|sr\.ht"
)
_AT_REPOSITORY_HOST = re.compile(rf"(?:^|[/@.])(?:{_REPOSITORY_HOSTS})(?:[:/]|$)", re.I)
_GIT_SUFFIX = re.compile(r"\.git/?(?:[#?]|$)")
_IN_TEXT = re.compile(
    rf"(?<![\w.-])(?:www\.)?({_REPOSITORY_HOSTS})(?::\d{{1,5}})?[:/]([\w./~%+-]{{1,300}})",
    re.I | re.A,
)
_SEGMENT = re.compile(r"[\w.~%+][\w.~%+-]*")
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w][\w.-]*\.[a-z]{2,}):(?P<path>[\w~][\w./~-]*)", re.I)
_BARE_HOST = re.compile(r"(?:www\.)?[a-z\d][a-z\d-]*(?:\.[a-z\d-]+)*\.[a-z]{2,}(?::\d+)?/", re.I)
# "user:password@host/", without a scheme before it.
_LOGIN = re.compile(r"(?<![^\s'\"(])[^\s/@:'\"]+:[^\s/@]+@(?=[\w.-]+/)")
_NEVER_IN_NAMES = frozenset(":@?#&=\\\"'<> ")
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|[./]$")


class Address(NamedTuple):
    """One repository. path: without slashes at its ends and without ".git".

    pointed: the branch, tag or commit of a page, with the folder in it if there is one (a branch
    may contain slashes, so that only its host knows where it ends). is_file: the page is a file's.
    """

    host: str
    path: str
    scheme: str = "https"
    pointed: str = ""
    is_file: bool = False

    @property
    def key(self) -> str:
        """The identity of the repository: equal for all its addresses."""
        whole = f"{self.host}/{self.path}"
        return whole if self.host == "huggingface.co" else whole.lower()

    @property
    def page(self) -> str:
        """The address that people are shown, without credentials."""
        return f"{self.scheme}://{self.host}/{self.path}"

    def clone_url(self, endpoints: Mapping[str, str]) -> str:
        """Return the URL to clone from. endpoints: service -> URL that may replace the host's."""
        base = endpoints.get(_HOSTS.get(self.host, ""), f"{self.scheme}://{self.host}")
        user = "git@" if self.scheme == "ssh" else ""
        if user:
            return f"ssh://{user}{self.host}/{self.path}.git"
        suffix = ".git" if self.host in ("github.com", "gitlab.com", "codeberg.org") else ""
        return f"{base}/{self.path}{suffix}"


def check_ref(ref: str) -> str:
    """Return a branch, tag or commit that git cannot take for an option. Raises BadRequest."""
    if not ref or ref.startswith(("-", "/", ".")) or len(ref) > 250 or _BAD_REF.search(ref):
        raise BadRequest(
            f"{ref[:80]!r} is not the name of a branch, tag or commit. Pass one as the host shows "
            "it, such as main, v1.2 or all 40 digits of a commit."
        )
    return ref


def read_address(text: str) -> Address:
    """Return the repository that an address leads to. Raises BadRequest if it leads to none."""
    whole = _LOGIN.sub("", text.strip())
    if len(whole) > MOST_ADDRESS or any(not c.isprintable() for c in whole):
        raise _not_one(whole, "It is too long or contains control characters")
    if whole.startswith("-"):
        raise _not_one(whole, "It starts with -, so git would read it as an option")
    short, _, rest = whole.partition(":")
    if short.lower() in _SHORT and not rest.startswith("//"):
        return _of_parts(_SHORT[short.lower()], rest, "https", whole)
    if "://" not in whole:
        if (scp := _SCP.fullmatch(whole)) is not None:
            host = scp["host"].lower()
            return _of_parts(host, scp["path"], "https" if host in _HOSTS else "ssh", whole)
        if "/" not in whole:
            raise BadRequest(f"There is no folder or archive {whole[:80]!r} in reach. {FORMS}")
        if not _BARE_HOST.match(whole):
            return _of_parts("github.com", whole, "https", whole)
        whole = f"https://{whole}"
    return _of_url(whole.removeprefix("git+"), text)


def repository_of(url: str) -> Address | None:
    """Return the repository that an address on the web leads to, or None if its host has none."""
    if not (_AT_REPOSITORY_HOST.search(url) or _GIT_SUFFIX.search(url)):
        return None
    try:
        return read_address(url)
    except BadRequest:
        return None


def keys_in(text: str) -> list[str]:
    """Return the keys of the repositories that a text names, each once, in order.

    A page of an owner, such as github.com/owner, is among them: see `is_owner`.
    """
    found: dict[str, None] = {}
    for match in _IN_TEXT.finditer(text):
        host, path = match[1].lower(), match[2].rstrip(".")
        try:
            key = read_address(f"https://{host}/{path}").key
        except BadRequest:
            key = _owner_page(host, path.strip("/"))
        if key:
            found[key] = None
    return list(found)


def is_owner(key: str) -> bool:
    """Return whether a key of `keys_in` is the page of an owner, not a repository."""
    return key.count("/") < 2


def owner_of(key: str) -> str:
    """Return the owner in the key of a repository."""
    parts = key.split("/")
    return parts[2] if parts[1] in _KINDS_OF_HUB and len(parts) > 3 else parts[1]


def _owner_page(host: str, path: str) -> str:
    named = path.lower()
    if host not in _HOSTS or "/" in path or named in _NOT_OWNERS.get(host, ()):
        return ""
    return f"{host}/{path if host == 'huggingface.co' else named}"


def _of_url(url: str, text: str) -> Address:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower().removeprefix("www."), parts.port
    except ValueError as error:
        raise _not_one(text, "It is not an address") from error
    scheme = {"git": "https"}.get(parts.scheme.lower(), parts.scheme.lower())
    if scheme not in ("https", "http", "ssh") or not re.fullmatch(r"[\w.-]+|[\da-f:]+", host):
        raise _not_one(text, "Only https addresses can be cloned, and ssh where you ask for it")
    if host.startswith("-"):
        raise _not_one(text, "Its host name starts with -, so git would read it as an option")
    if scheme == "http" and not is_loopback(host):
        scheme = "https"
    host = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80, "ssh": 22}[scheme]
    named = host if port in (None, usual) else f"{host}:{port}"
    return _of_parts(*_moved(named, parts.path), scheme, text)


def _moved(host: str, path: str) -> tuple[str, str]:
    """Return host and path of the repository's page for pages of other sites that show it."""
    if host == "raw.githubusercontent.com":
        owner, _, rest = path.strip("/").partition("/")
        name, _, file = rest.partition("/")
        return "github.com", f"{owner}/{name}/blob/{file.removeprefix('refs/heads/')}"
    if host == "api.github.com":
        return "github.com", path.removeprefix("/repos")
    if host in ("colab.research.google.com", "nbviewer.org", "nbviewer.jupyter.org"):
        return "github.com", re.sub(r"^/github/", "/", path)
    if host in ("hf.co", "huggingface.com"):
        return "huggingface.co", path
    return host, path


def _of_parts(host: str, path: str, scheme: str, text: str) -> Address:
    segments = [unquote(part) for part in path.split("/") if part]
    if any(part in (".", "..") or not part.isprintable() for part in segments):
        raise _not_one(text, "Its path contains . or ..")
    if host not in _HOSTS:
        own, pointed, is_file = _cut_page(segments, len(segments))
    else:
        kind = (
            1 if host == "huggingface.co" and segments[:1] and segments[0] in _KINDS_OF_HUB else 0
        )
        size = 2 + kind
        if host == "gitlab.com" and "-" in segments:
            size = segments.index("-")
        elif host == "gitlab.com":
            size = next(
                (i for i, it in enumerate(segments) if it in ("tree", "blob")), len(segments)
            )
        own, pointed, is_file = _cut_page(segments, size)
        if len(own) < 2 + kind or own[0].lower() in _NOT_OWNERS.get(host, ()):
            raise _not_one(text, f"It is a page of {host}, but not a repository")
    if not own:
        raise _not_one(text, "It names a host, but not a repository")
    own[-1] = re.sub(r"(\.git)+$", "", own[-1]) or own[-1]
    if not all(_SEGMENT.fullmatch(quote(part, safe="~+")) for part in own) or any(
        not _NEVER_IN_NAMES.isdisjoint(part) for part in own
    ):
        raise _not_one(
            text, "The name of its owner or repository has characters that none can have"
        )
    return Address(host, "/".join(quote(part, safe="~+") for part in own), scheme, pointed, is_file)


def _cut_page(segments: list[str], size: int) -> tuple[list[str], str, bool]:
    """Return (segments of the repository, what a page points to, whether it is a file)."""
    own, rest = segments[:size], segments[size:]
    rest = rest[1:] if rest[:1] == ["-"] else rest
    kind = rest[0] if len(rest) > 1 else ""
    if kind in ("tree", "blob", "raw", "resolve", "src", "commit", "blame"):
        if kind == "src" and rest[1] in ("branch", "tag", "commit"):
            rest = rest[1:]
        return own, "/".join(rest[1:]), kind in ("blob", "raw", "resolve", "blame")
    if rest[:2] == ["releases", "tag"]:
        return own, "/".join(rest[2:]), False
    return own, "", False


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def without_credentials(text: str) -> str:
    """Return text in which no URL contains a user name, password or query."""
    cut = _LOGIN.sub("", re.sub(r"(?i)\b([a-z][a-z+.-]*://)[^/\s@]*@", r"\1", text))
    return re.sub(
        r"(?i)([?&][^\s=&]*(?:token|key|secret|password)[^\s=&]*=)[^\s&'\"]+", r"\1…", cut
    )


def _not_one(text: str, why: str) -> BadRequest:
    shown = without_credentials(text)[:120]
    return BadRequest(f"{shown!r} is not the address of a repository. {why}. {FORMS}")

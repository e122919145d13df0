"""Bring addresses of repositories into one form, to compare them: github.com/owner/name."""

import re

_ADDRESS = re.compile(
    r"(?:https?://|git@|ssh://git@|git://|git\+https://)?(?:www\.)?"
    r"((?:github|gitlab|bitbucket|codeberg)\.(?:com|org)|huggingface\.co)[/:]"
    r"([\w.-]+)(?:/([\w.-]+))?",
    re.I,
)
_NOT_OWNERS = frozenset({"topics", "features", "search", "orgs", "sponsors", "about", "settings"})


def repository_keys(text: str) -> list[str]:
    """Return the addresses in a text as host/owner/name or host/owner, each once, in order."""
    found: dict[str, None] = {}
    for match in _ADDRESS.finditer(text):
        host, owner, name = match[1].lower(), match[2].lower(), (match[3] or "").lower()
        name = name.rstrip(".").removesuffix(".git")
        if owner not in _NOT_OWNERS:
            found[f"{host}/{owner}/{name}" if name else f"{host}/{owner.rstrip('.')}"] = None
    return list(found)


def repository_key(address: str) -> str:
    """Return host/owner/name of one address, "" if it is not the address of a repository."""
    keys = [key for key in repository_keys(address) if key.count("/") == 2]
    return keys[0] if keys else ""


def name_of(address: str) -> str:
    """Return the name of a repository, from any address: URL, path or pkg:NAME==VERSION."""
    last = address.rstrip("/").removesuffix(".git").rsplit("/", 1)[-1]
    return re.sub(r"^pkg:|==.*$|@.*$", "", last)


def owner_of(address: str) -> str:
    """Return the owner's handle of a web address, "" if there is none."""
    key = repository_key(address)
    return key.split("/")[1] if key else ""

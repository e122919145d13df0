"""Open any source of code as a checkout: a repository on the web, a folder, an archive, a package.

A local folder costs milliseconds, a clone seconds to minutes. Nothing of a source is ever run.
"""

import unicodedata
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import BadRequest, RepositoryFailed
from fumehood_tools.repositories.address import FORMS, read_address
from fumehood_tools.repositories.checkout import Checkout
from fumehood_tools.repositories.clones import Ask, clone
from fumehood_tools.repositories.local import open_local
from fumehood_tools.repositories.room import make_room
from fumehood_tools.repositories.trees import Limits
from fumehood_tools.settings import Settings

USUAL = Limits()
_PATHS = ("/", "./", "../", "~", ".")


def open_checkout(
    source: str,
    *,
    ref: str = "",
    settings: Settings,
    deadline: Deadline | None = None,
    limits: Limits = USUAL,
    tell: Callable[[str], None] = lambda text: None,
    published: bool = False,
) -> Checkout:
    """Return a checkout of a source.

    source: the URL of a repository or of one of its pages, github:owner/name, owner/name, a folder
    or archive (absolute or relative to the workspace), pkg:NAME or pkg:NAME==VERSION. Where the
    workspace has a folder owner/name, that is meant. ref: a branch, tag or commit. deadline: by
    default that of `deadline_for`; its end stops the work. tell: called with progress; what it
    raises stops the work too. published: take a package from the index although it is installed.
    What is stored in the cache stays there for as long as the checkout lives; what was used longest
    ago makes room for it. Raises BadRequest, PartMissing, RepositoryFailed, StorageFailed.
    """
    text = source.strip()
    if not text or "\0" in text:
        raise BadRequest(f"No source is named. {FORMS}")
    ask = Ask(settings, deadline or deadline_for(limits), limits, tell)
    checkout = _opened(text, ref, ask, published=published)
    if checkout.lease is not None:
        make_room(settings)
    return checkout


def _opened(text: str, ref: str, ask: Ask, *, published: bool) -> Checkout:
    workspace = ask.settings.workspace
    if text.startswith("pkg:"):
        if ref:
            raise BadRequest("A package has no branches. Pass pkg:NAME==VERSION without ref.")
        from fumehood_tools.repositories.packages import open_package  # imports httpx: 0.15 s

        return open_package(text.removeprefix("pkg:"), ask, published=published)
    if (path := local_path(text, workspace)) is not None:
        return open_local(path, _shown(path, workspace), ref, ask)
    return clone(read_address(text), ref, ask)


def local_path(text: str, workspace: Path) -> Path | None:
    """Return the file or folder that a source names, or None if it is an address.

    Raises BadRequest if it is a path, but nothing is there.
    """
    named = text
    if text.lower().startswith("file:/"):
        address = urlsplit(text)
        if address.netloc not in ("", "localhost"):
            raise BadRequest("This file: address is on another machine. Copy it here first.")
        named = unquote(address.path)
    elif "://" in text:
        return None
    for form in (named, unicodedata.normalize("NFC", named), unicodedata.normalize("NFD", named)):
        try:
            path = (workspace / Path(form).expanduser()).resolve()
            if path.exists():
                return path
        except (OSError, RuntimeError, ValueError):
            continue
    if named.startswith(_PATHS):
        raise BadRequest(
            f"There is no folder or archive {text[:200]!r}. Check the path: it is relative to the "
            "workspace."
        )
    return None


def _shown(path: Path, workspace: Path) -> str:
    """Return a path as it is shown: relative to the workspace, or only its name."""
    home = workspace.resolve()
    if path != home and path.is_relative_to(home):
        return path.relative_to(home).as_posix()
    return path.name


def deadline_for(limits: Limits) -> Deadline:
    """Return the time in which a source must be opened, which begins now."""
    return Deadline(
        limits.seconds,
        lambda: RepositoryFailed(
            "timeout",
            f"The source was not read within {limits.seconds:.0f} s. Try again, or clone it "
            "yourself and pass the folder.",
        ),
    )

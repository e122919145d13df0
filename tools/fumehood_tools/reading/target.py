"""Work out what to read: an arXiv id, a DOI, a web address, a file or a paper of the library.

A file may be a PDF, a page, Markdown, or LaTeX: a .tex with the files beside it, a folder, a zip or
an archive. `<paper>#<file>.tex` asks for one file of a LaTeX source. An arXiv id with a version is
that version, and a paper of its own; without one it is the newest.
"""

import hashlib
import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, Field

from fumehood_tools.errors import BadRequest, UnknownName, Unreadable
from fumehood_tools.files import digest_of, sha256_of
from fumehood_tools.papers.identity import arxiv_id, arxiv_version, doi
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.paper import Paper

TEX = (".tex", ".ltx", ".latex")
MARKDOWN = (".md", ".markdown", ".txt")
SUFFIXES = (".pdf", *TEX, ".gz", ".tgz", ".tar", ".zip", ".html", ".htm", *MARKDOWN)
_PART = re.compile(r"(.+)#([^#?]{1,200}\.(?:tex|ltx|latex))", re.I | re.S)
_LOOKS_LIKE_A_PATH = re.compile(r"(?:file:/|~?/|\.{1,2}/)", re.I)


class Target(BaseModel, frozen=True):
    """One paper, and where its text can be found."""

    id: str
    arxiv: str | None = Field(default=None, description="With the version that was asked for")
    url: str | None = None
    file: Path | None = Field(default=None, description="A file, or the folder of a LaTeX source")
    part: str | None = Field(default=None, description="The file of the source that was asked for")


def find_target(asked: str, workspace: Path, library: Library) -> Target:
    """Return the paper that a caller means.

    Raises BadRequest or UnknownName with a hint on what to pass instead.
    """
    text = asked.strip()
    if (path := _local_file(text, workspace)) is not None:
        return _of_file(path)
    if (parts := _PART.fullmatch(text)) is not None:
        whole = find_target(parts[1], workspace, library)
        own = f"{whole.id.partition('#')[0]}#{parts[2]}"
        return whole.model_copy(update={"id": own, "part": parts[2]})
    if text.startswith(("http://", "https://")):
        known = any(it in text.lower() for it in ("arxiv", "huggingface.co/papers/"))
        if known and (target := _of_arxiv(text)):
            return target
        if "doi.org/" in text and (found := doi(text)):
            return _of_doi(found, workspace, library)
        return Target(id=f"url:{text}", url=text)
    if target := _of_arxiv(text):
        return target
    if found := doi(text):
        return _of_doi(found, workspace, library)
    return _of_paper(library.find(text), workspace)


def _of_arxiv(text: str) -> Target | None:
    found = arxiv_id(text)
    if found is None:
        return None
    whole = found + arxiv_version(text)
    return Target(id=f"arxiv:{whole}", arxiv=whole)


def _of_doi(found: str, workspace: Path, library: Library) -> Target:
    try:
        return _of_paper(library.find(f"doi:{found}"), workspace)
    except UnknownName:
        return Target(id=f"doi:{found}", url=f"https://doi.org/{found}")


def _of_paper(paper: Paper, workspace: Path) -> Target:
    """Return where to read a paper of the library: a local PDF, then arXiv, then a web address."""
    if paper.pdf and not paper.pdf.startswith(("http://", "https://")):
        path = workspace / paper.pdf
        if path.exists():
            return Target(id=paper.id, file=path)
    if paper.arxiv:
        return Target(id=paper.id, arxiv=paper.arxiv)
    page = f"https://doi.org/{paper.doi}" if paper.doi else None
    if url := paper.pdf or paper.url or page:
        return Target(id=paper.id, url=url)
    raise BadRequest(
        f"No source has the text of {paper.id}. Put its PDF into papers/ in the workspace, then "
        "read that file."
    )


def _local_file(text: str, workspace: Path) -> Path | None:
    """Return the file or folder that `text` names, or None if it does not look like a path.

    The path may be absolute, relative to the workspace, or a file: address. Raises BadRequest if
    the file is missing or of a kind that can't be read.
    """
    named = _path_of(text)
    if named is None:
        return None
    # A Mac stores the letters of a name decomposed, and people type them composed.
    for form in (named, unicodedata.normalize("NFC", named), unicodedata.normalize("NFD", named)):
        path = _there(workspace, form)
        if path is not None:
            return _readable(path, text)
    is_path = _LOOKS_LIKE_A_PATH.match(text) or named.lower().endswith(SUFFIXES)
    if not is_path or _PART.fullmatch(text) or ("/" not in named and _of_arxiv(named)):
        return None
    raise BadRequest(f"There is no file {text!r}. Check the path: it is relative to the workspace.")


def _path_of(text: str) -> str | None:
    if text.lower().startswith("file:/"):
        address = urlsplit(text)
        if address.netloc not in ("", "localhost"):
            raise BadRequest(
                f"The file {text!r} is on another machine. Copy it into papers/ in the workspace, "
                "then read that file."
            )
        return unquote(address.path + (f"#{address.fragment}" if address.fragment else ""))
    return None if not text or "://" in text or "\0" in text else text


def _there(workspace: Path, name: str) -> Path | None:
    try:
        path = (workspace / Path(name).expanduser()).resolve()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _readable(path: Path, text: str) -> Path | None:
    if path.is_dir():
        return None if _of_arxiv(text) else path
    if path.name.lower().endswith(SUFFIXES):
        return path
    # A name without an ending may be the id of a paper that happens to be a file's name too.
    if not path.suffix and not _LOOKS_LIKE_A_PATH.match(text):
        return None
    raise BadRequest(
        f"{path.name} cannot be read: only files that end in {', '.join(SUFFIXES)} can, and "
        "folders of LaTeX. Save it as a PDF, then read that file."
    )


def _of_file(path: Path) -> Target:
    if path.is_dir() or path.suffix.lower() in TEX:
        # Imported here, as most targets are no sources on disk.
        from fumehood_tools.reading.latex.folder import read_beside, read_folder

        try:
            sources = read_folder(path) if path.is_dir() else read_beside(path)[0]
        except Unreadable:
            return Target(id=f"file:{digest_of(str(path))[:12]}", file=path)
        named = path.name if path.is_file() else ""
        content = [
            (name, hashlib.sha256(data).hexdigest()) for name, data in sorted(sources.files.items())
        ]
        return Target(id=f"file:{digest_of([named, content])[:12]}", file=path)
    return Target(id=f"file:{sha256_of(path)[:12]}", file=path)

"""Work out what to read: an arXiv id, a DOI, a web address, a file or a paper of the library."""

from pathlib import Path

from pydantic import BaseModel

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.files import sha256_of
from fumehood_tools.papers.identity import arxiv_id, doi
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.paper import Paper

SUFFIXES = (".pdf", ".tex", ".gz", ".tgz", ".tar", ".html", ".htm")


class Target(BaseModel, frozen=True):
    """One paper, and where its text can be found."""

    id: str
    arxiv: str | None = None
    url: str | None = None
    file: Path | None = None


def find_target(asked: str, workspace: Path, library: Library) -> Target:
    """Return the paper that a caller means.

    Raises BadRequest or UnknownName with a hint on what to pass instead.
    """
    text = asked.strip()
    if (path := _local_file(text, workspace)) is not None:
        return _of_file(path)
    if text.startswith(("http://", "https://")):
        known = any(it in text.lower() for it in ("arxiv", "huggingface.co/papers/"))
        if known and (found := arxiv_id(text)):
            return Target(id=f"arxiv:{found}", arxiv=found)
        if "doi.org/" in text and (found := doi(text)):
            return _of_doi(found, workspace, library)
        return Target(id=f"url:{text}", url=text)
    if found := arxiv_id(text):
        return Target(id=f"arxiv:{found}", arxiv=found)
    if found := doi(text):
        return _of_doi(found, workspace, library)
    return _of_paper(library.find(text), workspace)


def _of_doi(found: str, workspace: Path, library: Library) -> Target:
    try:
        return _of_paper(library.find(f"doi:{found}"), workspace)
    except UnknownName:
        return Target(id=f"doi:{found}", url=f"https://doi.org/{found}")


def _of_paper(paper: Paper, workspace: Path) -> Target:
    """Return where to read a paper of the library: a local PDF, then arXiv, then a web address."""
    if paper.pdf and not paper.pdf.startswith(("http://", "https://")):
        path = workspace / paper.pdf
        if path.is_file():
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
    """Return the file that `text` names, or None if `text` does not look like a file name.

    The path may be absolute or relative to the workspace. Raises BadRequest if the file is
    missing.
    """
    if not text.lower().endswith(SUFFIXES) or "://" in text:
        return None
    path = (workspace / Path(text).expanduser()).resolve()
    if path.is_file():
        return path
    raise BadRequest(f"There is no file {text!r}. Check the path: it is relative to the workspace.")


def _of_file(path: Path) -> Target:
    return Target(id=f"file:{sha256_of(path)[:12]}", file=path)

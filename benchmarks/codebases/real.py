"""Real papers with their code: lay out the sources that are in a folder, read their papers.

A source is a clone `owner+name` (a work tree, or its git directory, also as `owner+name/repo`), or
a source distribution `name-version.tar.gz`. What is not there is left out and named: nothing is
fetched here, and nothing of the sources is run.
"""

import re
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.latex.folder import read_beside
from fumehood_tools.reading.latex.reader import read_sources
from fumehood_tools.reading.markdown_text import read_markdown

LIST = Path(__file__).with_name("real.toml")
_PAPER_FILES = ("*.tex", "*.bib", "*.bbl", "*.pdf", "paper.md")


class Pair(NamedTuple):
    """One source. paper: the file of its paper, "" if it is only a candidate."""

    source: str
    paper: str
    part: str
    """dev, held or fresh: see real.toml."""

    @property
    def name(self) -> str:
        """A short name."""
        return re.sub(r"^pypi:|==.*", "", self.source.rpartition("/")[2])

    @property
    def address(self) -> str:
        """The address that validation sees."""
        kind, _, rest = self.source.partition(":")
        return f"https://github.com/{rest}" if kind == "github" else f"pkg:{rest}"


def pairs() -> list[Pair]:
    """Return the list of sources."""
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))["pair"]
    return [Pair(it["source"], it.get("paper", ""), it.get("set", "held")) for it in listed]


def laid_out(pair: Pair, sources: Path, work: Path) -> Path | None:
    """Return a folder with the files of a source, None if `sources` does not have it."""
    kind, _, rest = pair.source.partition(":")
    target = work / pair.name
    if kind == "github":
        clone = sources / rest.replace("/", "+")
        clone = clone / "repo" if (clone / "repo").is_dir() else clone
        if not clone.is_dir():
            return None
        _check_out(clone, target)
        return target
    name, _, version = rest.partition("==")
    found = [
        it
        for form in (name, name.replace("-", "_"))
        for it in sources.glob(f"{form}-{version}.tar.gz")
    ]
    if not found:
        return None
    with tarfile.open(found[0]) as archive:
        archive.extractall(work / "unpacked", filter="data")
    shutil.move(work / "unpacked" / found[0].name.removesuffix(".tar.gz"), target)
    return target


def read_paper(folder: Path, paper: str) -> Document:
    """Return the paper that is in a folder."""
    path = folder / paper
    if path.suffix == ".tex":
        return read_sources(*read_beside(path))
    text = path.read_text(encoding="utf-8")
    document = read_markdown(text.encode())
    head = re.match(r"---\n(.*?)\n---", text, re.S)
    listed = yaml.safe_load(head[1]).get("authors") if head else None
    if isinstance(listed, list):
        names = [
            re.sub(r"\s*\(.*", "", str(it.get("name"))) for it in listed if isinstance(it, dict)
        ]
        document = document.model_copy(update={"authors": names})
    return document


def remove_paper(folder: Path, paper: str) -> None:
    """Remove the paper from its repository, so that it is not found by its own text."""
    for path in _papers(folder, paper):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _papers(folder: Path, paper: str) -> Iterator[Path]:
    if "/" in paper:
        yield folder / paper.rpartition("/")[0]
    for pattern in _PAPER_FILES:
        yield from list(folder.rglob(pattern))


def _check_out(clone: Path, target: Path) -> None:
    """Write the files of a clone's newest commit. Objects that the clone lacks are left out."""
    command = ["git", "clone", "--quiet", "--shared", "--no-tags", "--no-checkout"]
    subprocess.run([*command, str(clone), str(target)], check=True, timeout=300)
    listed = _git(target, "ls-tree", "-r", "-z", "HEAD").decode("utf-8", "replace")
    entries = [it.partition("\t") for it in listed.split("\0") if it.startswith("100")]
    names = {head.split()[2]: name for head, _, name in entries}
    read = subprocess.run(
        ["git", "-C", str(target), "cat-file", "--batch", "--buffer"],
        input="\n".join(names).encode(), capture_output=True, timeout=300, check=True,
    ).stdout  # fmt: skip
    at = 0
    while at < len(read):
        head, _, _ = read[at : at + 200].partition(b"\n")
        at += len(head) + 1
        words = head.decode().split()
        if words[-1] == "missing":
            continue
        size = int(words[2])
        path = target / names[words[0]]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(read[at : at + size])
        at += size + 1


def _git(folder: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, timeout=300, check=True).stdout

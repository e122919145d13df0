"""Choose the file of a LaTeX source that is the paper.

arXiv's 00README names it, as JSON, YAML or lines of text. Without one, the candidates are the files
that begin a document, themselves or through a file that they read in, and that no other file reads
in. They are compared by what a paper has: a title, an abstract, a bibliography, a .bbl of the same
name, parts that name it as their root. A letter, slides, a figure of its own, a supplement or a
template is taken only if there is nothing better.
"""

import json
import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.latex.project import SourceFiles, find_file, without_comments
from fumehood_tools.reading.latex.unpacking import is_code

MOST_OTHERS = 5
_MOST_READ = 500
_MOST_CANDIDATES = 80
_MOST_WHOLE = 1_000_000
"""Letters of a document that are looked at to tell whether it is the paper."""
_NO_MAIN = (
    ".sty",
    ".cls",
    ".bib",
    ".bbl",
    ".def",
    ".clo",
    ".inc",
    ".json",
    ".yaml",
    ".yml",
    ".xxx",
)
_USUAL = ("main", "paper", "ms", "article", "arxiv", "root", "manuscript")
_BEGINS = re.compile(r"\\begin\s*\{document\}")
_ANY_CLASS = re.compile(r"\\document(?:class|style)\b")
_CLASS = re.compile(r"\\document(?:class|style)\b\s*(?:\[[^\]]*\])?\s*\{\s*([^}]*?)\s*\}")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_NO_PAPER_CLASS = re.compile(
    r"subfiles|standalone|\w*letter\d?|lettre|dinbrief|brief|beamer|slides|seminar|powerdot|prosper"
    r"|\w*poster\w*|moderncv|europecv|leaflet|exam",
    re.I,
)
_READS = re.compile(
    r"\\(?:input|include|subfile|subfileinclude|@input|includestandalone)\s*(?:\[[^\]]*\]\s*)?"
    r"(?:\{((?:[^{}]|\{[^{}]*\}){1,300})\}|([^\s\\{}]{1,300}))"
    r"|\\(?:sub)?(?:import|inputfrom|includefrom)\*?\s*\{([^{}]{0,300})\}\s*\{([^{}]{1,300})\}"
)
_ROOT = re.compile(r"^%\s*!\s*TEX\s+root\s*=\s*([^\n]+)", re.M | re.I)
_TITLE = re.compile(
    r"\\(?:icml|jmlr|acl|tmlr)?title\*?\s*(?:\[[^\]]*\]\s*)?\{\s*([^}]{1,200})", re.I
)
_TEMPLATE = re.compile(
    r"\b(instructions|guidelines) (for|to)\b|\bformatting\b|\bsample\b|\btemplate\b"
    r"|(article|paper|your|full|insert|the) title\b|title of (the|your|this)\b",
    re.I,
)
_BESIDE = re.compile(
    r"(\w+ )?(supplement(s|ary|al)?|supporting information|appendi(x|ces)|rebuttal|responses?"
    r"|repl(y|ies)|cover letter|checklist)\b",
    re.I,
)
_BESIDE_WORD_LIST = (
    "supp suppl supplement supplements supplementary supplemental supmat suppmat appendix "
    "appendices rebuttal response responses reply replies checklist cover coverletter slides slide "
    "talk poster presentation diff old older backup bak template sample example instructions "
    "copyright todo notes changes si sm highlights"
)
_BESIDE_WORDS = frozenset(_BESIDE_WORD_LIST.split())
_SIDE_FOLDERS = {"anc", "old", "backup", "bak", "archive", "template", "templates", "examples"}
_BIBLIOGRAPHY = re.compile(
    r"\\(?:bibliography|printbibliography|addbibresource|begin\s*\{thebibliography\})\b|\\putbib\b"
)
_ABSTRACT = re.compile(r"\\begin\s*\{abstract\*?\}|\\abstract\b", re.I)


class MainFile(NamedTuple):
    """The file that is the paper, and other files of the source that could be it."""

    name: str
    others: list[str]


class _Document(NamedTuple):
    """A file with its text, and with the texts of all files that it reads in (no comments)."""

    name: str
    text: str
    points: int

    @property
    def rank(self) -> tuple[int, int, int, int, str]:
        """Return a sort key; the smallest belongs to the most likely main file."""
        stem = _stem(self.name)
        usual = _USUAL.index(stem) if stem in _USUAL else len(_USUAL)
        return -self.points, self.name.count("/"), usual, -len(self.text), self.name


def main_file(files: SourceFiles, asked: str | None = None) -> MainFile:
    """Return the main file. asked: the file to take instead. Raises Unreadable."""
    if asked is not None:
        return _asked(files, asked)
    possible = [name for name in files if _may_be_main(name)]
    if len(possible) == 1 and _COMMAND.search(files[possible[0]]):
        return MainFile(possible[0], [])
    tops, ignored = _named(files)
    documents = sorted(_documents(files, ignored), key=lambda document: document.rank)
    if tops:
        ranked = [it.name for it in documents if it.name in tops]
        ranked += [name for name in tops if name not in ranked]
        return MainFile(ranked[0], ranked[1 : MOST_OTHERS + 1])
    if not documents:
        raise Unreadable(
            "The source contains no LaTeX document: no file has \\documentclass. "
            "Read another source of this paper."
        )
    others = [it.name for it in documents[1:] if not _is_of_another_kind(it.text)]
    return MainFile(documents[0].name, others[:MOST_OTHERS])


def _asked(files: SourceFiles, asked: str) -> MainFile:
    found = find_file(files, asked)
    if found is None:
        known = ", ".join(name for name in files if _may_be_main(name))[:400]
        raise Unreadable(
            f"The source has no file {asked[:80]!r}. Its files are: {known}. Ask for one of these, "
            "or omit '#' and the name after it."
        )
    root = _root(found.name, files[found.name], files)
    return MainFile(found.name, [root] if root else [])


def _named(files: Mapping[str, str]) -> tuple[list[str], set[str]]:
    """Return the files that arXiv's 00README names as documents, and those to be ignored."""
    usages: list[tuple[str, str]] = []
    for name, text in files.items():
        if posixpath.basename(name).lower().startswith("00readme"):
            folder = posixpath.dirname(name)
            usages += [(posixpath.join(folder, it), usage) for it, usage in _usages(text)]
    usages = [(posixpath.normpath(name), usage) for name, usage in usages]
    tops = [name for name, usage in usages if usage.startswith("toplevel") and name in files]
    return tops, {name for name, usage in usages if usage == "ignore"}


def _usages(text: str) -> list[tuple[str, str]]:
    """Return (file, usage) pairs of a 00README in one of its three forms."""
    if text.lstrip().startswith("{"):
        try:
            listed = json.loads(text)["sources"]
            return [(str(it.get("filename", "")), str(it.get("usage", ""))) for it in listed]
        except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
            return []
    if re.search(r"^sources\s*:", text, re.M):
        items = re.split(r"^\s*-\s+", text, flags=re.M)[1:]
        pairs = [
            dict(re.findall(r"^\s*(\w+)\s*:\s*[\"']?(.*?)[\"']?\s*$", it, re.M)) for it in items
        ]
        return [(it.get("filename", ""), it.get("usage", "")) for it in pairs]
    return re.findall(r"^\s*(\S+)\s+(toplevelfile|ignore)\b", text, re.M)


def _documents(files: SourceFiles, ignored: set[str]) -> list[_Document]:
    """Return the documents among the files. Without \\documentclass, any TeX file is one."""
    texts = {name: without_comments(text) for name, text in files.items() if _may_be_main(name)}
    reads = {name: _read_by(name, text, files) for name, text in texts.items()}
    inner = {
        other
        for name, others in reads.items()
        for other in others
        if other != name and not name.endswith(".txt")
    }
    roots = Counter(_root(name, text, files) for name, text in files.items())
    names = [
        name
        for name, text in texts.items()
        if name not in ignored and (not name.endswith(".txt") or _COMMAND.match(text.lstrip()))
    ]
    tops = [name for name in names if name not in inner] or names
    # A file without a class can only be the paper if it reads in another one.
    likely = {name for name in tops if reads[name] or _ANY_CLASS.search(texts[name])}
    tops.sort(key=lambda name: (name not in likely, name.count("/"), name))
    tops = tops[:_MOST_CANDIDATES]
    whole = {name: _whole(name, texts, reads) for name in tops}
    classed = [name for name in tops if _ANY_CLASS.search(whole[name])]
    begun = [name for name in classed if _BEGINS.search(whole[name])]
    for found in (begun, classed, [name for name in tops if _COMMAND.search(texts[name])]):
        if len(found) == 1:
            return [_Document(found[0], whole[found[0]], 0)]
        if found:
            return [
                _Document(name, whole[name], _points(name, whole[name], files, roots))
                for name in found
            ]
    return []


def _may_be_main(name: str) -> bool:
    return (
        not name.lower().endswith(_NO_MAIN)
        and not is_code(name)
        and not _stem(name).startswith("00readme")
    )


def _read_by(name: str, text: str, files: SourceFiles) -> list[str]:
    """Return the files that a file reads in, as far as their names are written out."""
    found: list[str] = []
    for braced, bare, folder, imported in _READS.findall(text)[:_MOST_READ]:
        path = f"{folder}/{imported}" if imported else braced or bare
        if "\\" in path:
            path = posixpath.basename(path.replace("\\_", "_"))
        place = find_file(files, path, (posixpath.dirname(name), "")) if "\\" not in path else None
        if place is not None:
            found.append(place.name)
    return found


def _whole(name: str, texts: Mapping[str, str], reads: Mapping[str, list[str]]) -> str:
    """Return the text of a file, followed by the texts of all files that it reads in."""
    order = dict.fromkeys([name])
    waiting = [name]
    room = _MOST_WHOLE - len(texts[name])
    for place in waiting:
        for other in reads.get(place, ()):
            if other not in order and other in texts and len(texts[other]) <= room:
                order[other] = None
                waiting.append(other)
                room -= len(texts[other])
    return "\n".join(texts[it] for it in order)


def _root(name: str, text: str, files: SourceFiles) -> str:
    """Return the other file that a file names as its root (`%!TEX root = …`), or ''."""
    found = _ROOT.search(text)
    place = find_file(files, found[1], (posixpath.dirname(name), "")) if found else None
    return place.name if place is not None and place.name != name else ""


def _is_of_another_kind(text: str) -> bool:
    """Whether a document is a letter, slides or a figure by its class."""
    found = _CLASS.search(text)
    return found is not None and _NO_PAPER_CLASS.fullmatch(found[1]) is not None


def _points(name: str, whole: str, files: SourceFiles, roots: Mapping[str, int]) -> int:
    """Return how much a document looks like the paper of its source."""
    title = _TITLE.search(whole)
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _base(name)).lower()))
    folders = {part.lower() for part in name.split("/")[:-1]}
    signs = (
        (5, title is not None),
        (4, _ABSTRACT.search(whole) is not None),
        (3, _BIBLIOGRAPHY.search(whole) is not None),
        (4, f"{name.rpartition('.')[0] or name}.bbl" in files),
        (1, "\\maketitle" in whole or "\\icmltitle" in whole),
        (1, "\\author" in whole or "\\icmlauthor" in whole),
        (1, whole.count("\\section") > 2),
        (2, _stem(name) in _USUAL),
        (6, roots.get(name, 0) > 0),
        (-8, bool(_root(name, files[name], files))),
        (-6, bool(words & _BESIDE_WORDS)),
        (-6, title is not None and _BESIDE.match(title[1]) is not None),
        (-8, title is not None and _TEMPLATE.search(title[1]) is not None),
        (-6, bool(folders & _SIDE_FOLDERS)),
        (-20, "anc" in folders),
        (-20, _is_of_another_kind(whole)),
    )
    return sum(points for points, holds in signs if holds) - name.count("/")


def _base(name: str) -> str:
    return posixpath.basename(name).rsplit(".", 1)[0]


def _stem(name: str) -> str:
    return _base(name).lower()

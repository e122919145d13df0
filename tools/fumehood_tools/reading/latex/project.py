"""Decode the files of a LaTeX source, and find the main file.

Files are decoded as UTF-8, or as Latin-1 if that fails. The main file is the one that arXiv's
00README names. Without one, it is chosen among the files with \\begin{document}, by folder depth,
name (main, paper, ms, …) and length.
"""

import json
import posixpath
import re

from fumehood_tools.errors import Unreadable

_USUAL = ("main", "paper", "ms", "article", "arxiv", "root", "manuscript", "template")
_BEGINS = re.compile(r"^[^%\n]*\\begin\s*\{document\}", re.M)
_CLASS = re.compile(r"^[^%\n]*\\document(?:class|style)\b", re.M)
_SUBFILE = re.compile(
    r"^[^%\n]*\\documentclass\s*(?:\[[^\]\n]*\])?\s*\{(?:subfiles|standalone)\}", re.M
)


def decode(files: dict[str, bytes]) -> dict[str, str]:
    """Return the files as text. Decoding never fails."""
    return {name: _text(data) for name, data in files.items()}


def _text(data: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def main_file(files: dict[str, str]) -> str:
    """Return the name of the main file. Raises Unreadable if no file is LaTeX."""
    named = _named(files)
    if named in files:
        return named
    candidates = [name for name, text in files.items() if _is_paper(name, text)]
    if not candidates:
        candidates = [name for name, text in files.items() if _looks_like_tex(name, text)]
    if not candidates:
        raise Unreadable(
            "The source contains no LaTeX document: no file has \\documentclass. "
            "Read another source of this paper."
        )
    return min(candidates, key=lambda name: _rank(name, files[name]))


def _named(files: dict[str, str]) -> str:
    for name, text in files.items():
        if posixpath.basename(name).lower() == "00readme.json":
            return _named_in_json(text)
        if posixpath.basename(name).lower().startswith("00readme"):
            found = re.search(r"^(\S+\.tex)\s+toplevelfile", text, re.M)
            return found.group(1) if found else ""
    return ""


def _named_in_json(text: str) -> str:
    try:
        sources = json.loads(text).get("sources", [])
        tops = [source["filename"] for source in sources if source.get("usage") == "toplevel"]
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return ""
    return str(tops[0]) if tops else ""


def find_file(files: dict[str, str], name: str) -> str | None:
    """Return the file that TeX would read for a name, or None if there is no such file.

    As a last resort, a file of that name in another folder is accepted if there is only one.
    """
    name = re.sub(r"^(?:\./)+", "", name)
    for guess in (name, f"{name}.tex", f"{name}.ltx"):
        if guess in files:
            return guess
    tail = name.rsplit("/", 1)[-1]
    near = [known for known in files if known.rsplit("/", 1)[-1] in (tail, f"{tail}.tex")]
    return near[0] if len(near) == 1 else None


def inner_document(tokens: list[str]) -> list[str]:
    """Return the tokens inside the document environment, or all tokens if there is none."""
    if "\\begin{document}" not in tokens:
        return tokens
    start = tokens.index("\\begin{document}") + 1
    end = tokens.index("\\end{document}") if "\\end{document}" in tokens[start:] else len(tokens)
    return tokens[start:end]


def _is_paper(name: str, text: str) -> bool:
    return bool(
        not name.endswith((".sty", ".cls", ".bib", ".bbl"))
        and _BEGINS.search(text)
        and _CLASS.search(text)
    )


def _looks_like_tex(name: str, text: str) -> bool:
    return name.lower().endswith((".tex", ".ltx", ".txt")) and re.search(r"\\\w+", text) is not None


def _rank(name: str, text: str) -> tuple[bool, int, bool, int, int, str]:
    """Return a sort key for candidate main files; the smallest belongs to the most likely one."""
    stem = posixpath.basename(name).rsplit(".", 1)[0].lower()
    return (
        _SUBFILE.search(text) is not None,
        name.count("/"),
        "supp" in stem or "rebuttal" in stem or "response" in stem,
        _USUAL.index(stem) if stem in _USUAL else len(_USUAL),
        -len(text),
        name,
    )

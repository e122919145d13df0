"""Sources of test papers in the form in which arXiv sends them."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

PAPERS = Path(__file__).resolve().parents[1] / "tools" / "reading" / "papers"


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """Return the files as a .tar.gz archive. files: name -> content."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files.items():
            body = content if isinstance(content, bytes) else content.encode("utf-8")
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return data.getvalue()


def paper(name: str) -> bytes:
    """Return the packed source of a committed test paper."""
    folder = PAPERS / name
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return packed(
        {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in files
            if path.suffix != ".html"
        }
    )


def article(body: str, preamble: str = "") -> bytes:
    """Return the packed source of an article with one file."""
    text = f"\\documentclass{{article}}{preamble}\\begin{{document}}{body}\\end{{document}}"
    return packed({"main.tex": text})

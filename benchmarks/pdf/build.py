"""Rebuild the PDFs of the benchmark's papers with an installed LaTeX.

    python benchmarks/pdf/build.py [--papers NAME ...]

Needs pdflatex, bibtex and xelatex with the packages listed in README.md. Runs in a temporary copy
and stores only paper.pdf, and paper.bbl if the references come from a .bib file. Dates are fixed.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

PAPERS = Path(__file__).resolve().parent / "papers"
# A fixed date, so that a PDF changes only if its source does.
CLOCK = {"SOURCE_DATE_EPOCH": "1740000000", "FORCE_SOURCE_DATE": "1"}


def build(folder: Path) -> None:
    """Build one paper. Raises SystemExit with LaTeX's output when it fails."""
    labels = tomllib.loads((folder / "labels.toml").read_text(encoding="utf-8"))
    latex = [labels.get("engine", "pdflatex"), "-interaction=nonstopmode", "-halt-on-error"]
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(folder, Path(scratch) / folder.name))
        _call([*latex, "paper.tex"], copy)
        if (folder / "refs.bib").exists():
            _call(["bibtex", "-terse", "paper"], copy)
            shutil.copy(copy / "paper.bbl", folder)
        _call([*latex, "paper.tex"], copy)
        _call([*latex, "paper.tex"], copy)
        shutil.copy(copy / "paper.pdf", folder)


def _call(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **CLOCK}, capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{folder.name}: {done.stdout.decode(errors='replace')[-1500:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--papers", nargs="*", default=sorted(p.name for p in PAPERS.iterdir()))
    for name in parser.parse_args().papers:
        build(PAPERS / name)
        print(f"{name}: built")


if __name__ == "__main__":
    main()

"""Write truth.json of each paper from its labels.toml and its LaTeX source.

    python benchmarks/pdf/make_truth.py [--papers NAME ...]

Headings, tables, references, links and captions are labels written by hand. Only the sentences are
taken from the source, and only those without any markup, so that this script need not understand
LaTeX: floats, displays, listings and footnotes are cut out, and a sentence with a backslash, a
brace or a formula is skipped. It shares no code with the readers that it judges.
"""

import argparse
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
from score import Address, Caption, Entry, Heading, Row, Sentence, Truth

PAPERS = Path(__file__).resolve().parent / "papers"
CUT = (
    *("figure", "table", "wrapfigure", "longtable", "tabular", "algorithm", "tikzpicture"),
    *("verbatim", "lstlisting", "equation", "align", "widetext", "thebibliography", "comment"),
)
BREAK = (
    r"\\(?:(?:sub)*section|paragraph|keywords|label|todo|appendix|maketitle|item|noindent|begin|end|"
    r"newpage|onecolumn|tableofcontents|bibliography\w*|thispagestyle)\b\*?"
    r"(?:\[[^\]]*\])?(?:\{[^{}]*\})*"
)
SENTENCE = re.compile(r"[A-Z][^\\${}&%#^_~]*[.?!]")
MARKS = {"``": "“", "''": "”", "---": "—", "--": "–", "`": "‘", "'": "’"}


def read_truth(folder: Path) -> Truth:
    """Return the truth of one paper, from its labels, source and PDF."""
    labels = tomllib.loads((folder / "labels.toml").read_text(encoding="utf-8"))
    pdf = pypdfium2.PdfDocument(folder / "paper.pdf")
    pages = len(pdf)
    pdf.close()
    return Truth(
        title=labels["title"],
        authors=labels["authors"],
        headings=[_heading(*fields) for fields in _lines(labels, "headings")],
        sentences=list(_sentences(_body(folder))),
        tables=[
            [_row(line.split(" | ")) for line in table.strip().splitlines()]
            for table in labels["rows"].split("---\n")
        ],
        references=[Entry(year=int(y), text=t) for y, t in _lines(labels, "references")],
        links=[Address(kind=kind, url=url) for kind, url in _lines(labels, "links")],
        captions=[
            Caption(kind=kind.lower(), number=number, text=text)
            for kind, number, text in _lines(labels, "captions")
        ],
        equations=labels["equations"],
        absent=labels.get("absent", []),
        pages=pages,
    )


def _lines(labels: dict[str, Any], name: str) -> list[list[str]]:
    return [line.split(" | ") for line in labels[name].strip().splitlines()]


def _heading(level: str, number: str, text: str, run_in: str = "") -> Heading:
    return Heading(
        level=int(level), number=None if number == "-" else number, text=text, run_in=bool(run_in)
    )


def _row(cells: list[str]) -> Row:
    """Return a table row from a label; ^ marks a cell that spans several rows."""
    spanning = [place for place, text in enumerate(cells) if text.startswith("^")]
    return Row(cells=[text.removeprefix("^") for text in cells], spanning=spanning)


def _body(folder: Path) -> str:
    """Return the paper's source in reading order, without comments and unprinted text."""

    def read(path: Path) -> str:
        text = re.sub(r"(?<!\\)%.*", "", path.read_text(encoding="utf-8"))
        return re.sub(
            r"\\(?:input|include)\{([^}]*)\}", lambda hit: read(folder / f"{hit[1]}.tex"), text
        )

    text = read(folder / "paper.tex").partition(r"\begin{document}")[2]
    text = text.partition(r"\end{document}")[0]
    text = re.sub(r"\\if(?:long|false)\b.*?\\fi\b", "", text, flags=re.S)
    for name in CUT:
        # Text after a display belongs to the same sentence. The backslash makes that sentence
        # count as one with markup, so that it is skipped.
        text = re.sub(rf"\\begin\{{({name}\*?)\}}.*?\\end\{{\1\}}", r"\\cut ", text, flags=re.S)
    text = re.sub(r"\\\[.*?\\\]", r"\\cut ", text, flags=re.S)
    note = r"\\(?:footnote|thanks)\{(?:[^{}]|\{[^{}]*\})*\}"
    return re.sub(note, r"\\cut ", re.sub(rf"(?<=[.?!]){note}", "", text))


def _sentences(body: str) -> Iterator[Sentence]:
    abstract = re.search(r"\\begin\{abstract\}(.*?)\\end\{abstract\}", body, re.S)
    for paragraph in re.split(rf"\n\s*\n|{BREAK}|\\cut\s*(?=\n\s*\n|[A-Z])", body):
        for text in re.split(r"(?<=[.?!])\s+(?=[A-Z\\])", " ".join(paragraph.split())):
            if SENTENCE.fullmatch(text) and len(text.split()) > 4:
                inside = bool(abstract) and text in " ".join(abstract[1].split())
                for source, printed in MARKS.items():
                    text = text.replace(source, printed)
                yield Sentence(text=text, abstract=inside)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--papers", nargs="*", default=sorted(p.name for p in PAPERS.iterdir()))
    for name in parser.parse_args().papers:
        truth = read_truth(PAPERS / name)
        text = truth.model_dump_json(indent=1) + "\n"
        (PAPERS / name / "truth.json").write_text(text, encoding="utf-8")
        abstract = sum(sentence.abstract for sentence in truth.sentences)
        print(f"{name}: {len(truth.sentences)} sentences, {abstract} of them in the abstract")


if __name__ == "__main__":
    main()

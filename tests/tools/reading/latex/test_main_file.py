"""Of the documents in a source, the paper is read, and the others are named."""

import json
import zipfile
from io import BytesIO

import pytest
from fakes.paper_sources import packed

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.latex import read_latex

FILLER = "Rivers of ink were spilled over the banks of one small creek. " * 40


def document(body: str, style: str = "article", preamble: str = "") -> str:
    return f"\\documentclass{{{style}}}{preamble}\\begin{{document}}{body}\\end{{document}}"


def a_paper(title: str = "Creeks", inside: str = "") -> str:
    front = f"\\title{{{title}}}\\author{{Ida Moss}}\\maketitle"
    return document(
        f"{front}\\begin{{abstract}}We map.\\end{{abstract}}\\section{{Banks}}The paper. {inside}"
    )


OTHERS = {
    "a longer appendix": {"appendix.tex": document(f"\\section{{Proofs}}{FILLER}")},
    "a letter in main.tex": {"main.tex": document(f"\\opening{{Dear}} {FILLER}", "letter")},
    "slides": {"main.tex": document(f"\\title{{Creeks}}\\frame{{{FILLER}}}", "beamer")},
    "a talk with all that a paper has": {
        "main.tex": a_paper("Creeks: a talk", f"{FILLER}\\bibliography{{refs}}").replace(
            "{article}", "[11pt]{beamer}"
        )
    },
    "a poster": {"ms.tex": document(f"\\title{{Creeks}}{FILLER}", "tikzposter")},
    "a figure of its own": {"figures/map.tex": document(FILLER, "standalone")},
    "a supplement with a title": {"supplement.tex": a_paper("Supplement", FILLER)},
    "a supplement by its title": {"extra.tex": a_paper("Supporting Information: Creeks", FILLER)},
    "a rebuttal and a checklist": {
        "rebuttal.tex": document(FILLER),
        "checklist.tex": document(f"\\section{{Checklist}}{FILLER}"),
    },
    "the template of the meeting": {
        "meeting_2031.tex": a_paper("Formatting Instructions for Authors", FILLER)
    },
    "ancillary files": {"anc/code/main.tex": a_paper("Creeks, the long version", FILLER)},
    "notes about the paper": {"notes.txt": f"Compile \\input{{creeks}} twice. {FILLER}"},
    "an older version": {"old/creeks.tex": a_paper("Creeks", FILLER)},
    "the marked changes": {"creeks-diff.tex": a_paper("Creeks", FILLER)},
}


@pytest.mark.parametrize("beside", OTHERS, ids=str)
@pytest.mark.parametrize("name", ["creeks.tex", "iclr2031_conference.tex", "supports.tex"])
def test_the_paper_is_read_whatever_lies_beside_it(beside: str, name: str) -> None:
    read = read_latex(packed({**OTHERS[beside], name: a_paper()}))
    assert read.title == "Creeks"
    assert read.blocks[1].text == "The paper."


def test_a_bbl_of_the_same_name_and_parts_that_name_their_root_point_to_the_paper() -> None:
    two = {"first.tex": a_paper("First one"), "second.tex": a_paper("Second")}
    bbl = "\\begin{thebibliography}{1}\\bibitem{a} A. Author. 2030.\\end{thebibliography}"
    assert read_latex(packed({**two, "second.bbl": bbl})).title == "Second"
    part = "% !TeX root = ../second.tex\nMore."
    assert read_latex(packed({**two, "parts/more.tex": part})).title == "Second"


def test_a_file_that_another_one_reads_in_is_not_the_paper() -> None:
    inner = document(f"\\section{{Inner}}{FILLER}", "subfiles")
    outer = a_paper("Outer", "\\subfile{parts/main}")
    assert read_latex(packed({"parts/main.tex": inner, "zz.tex": outer})).title == "Outer"


def test_a_document_may_be_begun_by_the_macro_of_a_file_that_is_read_in() -> None:
    header = "\\documentclass{book}\\newcommand{\\open}{\\begin{document}}"
    header += "\\newcommand{\\shut}{\\end{document}}"
    for chapter in ("\\input{common/header}", "\\input common/header.tex "):
        files = {"common/header.tex": header, "one.tex": f"{chapter}\\open Words.\\shut Gone."}
        assert [block.text for block in read_latex(packed(files)).blocks] == ["Words."]


@pytest.mark.parametrize(
    "files",
    [
        {
            "arxiv.tex": "\\documentclass{article}\\input{body}",
            "body.tex": "\\title{Creeks}\\begin{document}\\maketitle Words.\\end{document}",
        },
        {"all.tex": "\\input{paper}", "paper.tex": a_paper()},
        {"main.tex": "\\input{pre}\\begin{document}Words.\\end{document}"}
        | {"pre.tex": "\\documentclass{article}\\title{Creeks}"},
    ],
)
def test_a_paper_may_be_read_in_by_a_file_that_begins_nothing(files: dict[str, str]) -> None:
    read = read_latex(packed(files))
    assert read.title == "Creeks" and read.warnings == []
    assert read.blocks[-1].text in ("Words.", "The paper.")


READMES = {
    "00README.XXX": "nohypertex\nzz.tex toplevelfile\nmain.tex ignore\n",
    "00README": "zz.tex toplevelfile\n",
    "00README.json": json.dumps(
        {
            "process": {"compiler": "pdflatex"},
            "sources": [
                {"filename": "main.tex", "usage": "ignore"},
                {"filename": "./zz.tex", "usage": "toplevel"},
            ],
        }
    ),
    "00README.yaml": "process:\n  compiler: tex\nsources:\n- filename: map.pdf\n  usage: append\n"
    "- usage: toplevel\n  filename: 'zz.tex'\n",
}


@pytest.mark.parametrize("name", READMES)
def test_the_file_that_arxiv_names_is_the_paper(name: str) -> None:
    files = {"main.tex": a_paper("Main", FILLER), "zz.tex": a_paper("Named")}
    assert read_latex(packed(files)).title == "Main"
    read = read_latex(packed({**files, name: READMES[name]}))
    assert read.title == "Named" and read.warnings == []


def test_a_file_that_arxiv_ignores_is_no_candidate() -> None:
    files = {"main.tex": a_paper("Main"), "b.tex": a_paper("Other")}
    assert read_latex(packed({**files, "00README.XXX": "main.tex ignore\n"})).title == "Other"


def test_other_documents_are_named_and_can_be_asked_for() -> None:
    files = {"main.tex": a_paper("Main"), "more/supplement.tex": a_paper("Supplement")}
    files["talk.tex"] = document("Talk.", "beamer")
    read = read_latex(packed(files))
    assert len(read.warnings) == 1
    assert "main.tex was read as the paper" in read.warnings[0]
    assert "more/supplement.tex. To read one, append '#'" in read.warnings[0]
    for asked in ("more/supplement.tex", "supplement.tex", "more/supplement"):
        assert read_latex(packed(files), asked).title == "Supplement"
    with pytest.raises(Unreadable, match=r"no file 'none\.tex'.*main\.tex"):
        read_latex(packed(files), "none.tex")


@pytest.mark.parametrize("name", ["9700001", "paper.latex", "hep-th.9711200", "PAPER", "a.revtex"])
def test_a_paper_whose_name_has_no_usual_ending_is_read(name: str) -> None:
    assert (
        read_latex(packed({name: a_paper(), "fig1.eps": "%!PS", "README": "x"})).title == "Creeks"
    )


def test_what_a_mac_and_git_leave_behind_is_no_paper() -> None:
    junk = {"__MACOSX/main.tex": a_paper("Junk"), ".git/config": "[core]", ".main.tex": a_paper()}
    read = read_latex(packed({**junk, "paper/main.tex": a_paper()}))
    assert read.title == "Creeks" and read.warnings == []


def test_a_zip_is_read_like_an_archive() -> None:
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("proj/main.tex", a_paper(inside="\\input{parts/more}"))
        archive.writestr("proj/parts/more.tex", "More.")
        archive.writestr("proj/map.png", b"\x89PNG")
    read = read_latex(data.getvalue())
    assert read.title == "Creeks" and read.blocks[1].text == "The paper. More."
    with pytest.raises(Unreadable, match="damaged"):
        read_latex(data.getvalue()[:200])

"""Letters of TeX's fonts: codes without names, tall brackets, accents, scripts and roots."""

from pathlib import Path

import pytest
from fakes.tex_pdf import HANGS, Shape, TexPage, read_tex_pdf

from fumehood_tools.reading.document import Document

STROKE = Shape("negationslash", (139, -215, 637, 716))


def _text(document: Document) -> str:
    return " ".join(block.text for block in document.blocks)


CODES = [
    ("CMMI10", 15, "epsilon1", "ϵ"),
    ("CMMI10", 36, "pi1", "ϖ"),
    ("CMMI7", 37, "rho1", "ϱ"),
    ("CMMIB10", 96, "lscript.unlisted", "ℓ"),
    ("CMSY10", 55, "mapsto.unlisted", "↦"),
    ("CMSY10", 28, "lessmuch.unlisted", "≪"),
    ("CMSY8", 60, "Rfractur.unlisted", "ℜ"),
    ("CMEX10", 2, "bracketleftbig", "["),
    ("CMEX10", 18, "parenleftbigg", "("),
    ("CMEX10", 40, "braceleftBigg", "{"),
    ("CMEX10", 80, "summationtext", "∑"),
    ("CMEX10", 84, "intersectiontext", "⋂"),
    ("CMEX10", 69, "angbracketrightBig", "⟩"),
    ("MSAM10", 54, "lessorequalslant", "⩽"),
    ("MSAM10", 38, "greaterorsimilar", "≳"),
    ("MSBM10", 63, "emptyset.unlisted", "∅"),
    ("MSBM10", 45, "notbar", "∤"),
    ("CMR10", 12, "f_i.unlisted", "fi"),
    ("CMR10", 11, "f_f.unlisted", "ff"),
    ("txexs", 0xD5, "summation.unlisted", "∑"),
]


def test_a_code_without_a_listed_name_is_read_as_what_is_printed(tmp_path: Path) -> None:
    page = TexPage().prose(4)
    for row, (font, code, name, _) in enumerate(CODES):
        y = 600 - 20 * row
        page.text("here", 72, y).glyph(Shape(name), code, 97, y, font=font).text("there", 107, y)
    text = _text(read_tex_pdf(tmp_path, page))
    assert [want for *_, want in CODES if f"here {want} there" not in text] == []


def test_no_control_character_and_no_private_code_reaches_a_reader(tmp_path: Path) -> None:
    page = TexPage().prose(4)
    fonts = ("CMEX10", "CMMI10", "CMSY10", "MSAM10", "MSBM10", "CMR10", "Unheard", "txexs")
    for row, font in enumerate(fonts):
        for code in range(256):
            x, y = 72 + 7 * (code % 64), 640 - 60 * row - 14 * (code // 64)
            page.glyph(Shape(f"unlisted{code}"), code, x, y, font=font)
    document = read_tex_pdf(tmp_path, page)
    text = " ".join([_text(document), *(it.text for it in document.hidden)])
    assert len(text) > 800
    bad = {char for char in text if ord(char) < 32 or 127 <= ord(char) < 160} - {"\n"}
    assert not bad and not any(0xE000 <= ord(char) < 0xF900 for char in text)


@pytest.mark.parametrize(
    ("names", "codes", "bracket"),
    [
        (("parenlefttp", "parenleftex", "parenleftbt"), (48, 66, 64), "("),
        (("parenrighttp", "parenrightbt"), (49, 65), ")"),
        (("bracketlefttp", "bracketleftex", "bracketleftbt"), (50, 54, 52), "["),
        (("bracketrightex", "bracketrightbt"), (55, 53), "⌋"),
        (("bracelefttp", "braceleftmid", "braceleftbt"), (56, 60, 58), "{"),
        (("lone", "lone", "lone"), (12, 12, 12), "|"),
    ],
)
def test_the_parts_of_a_tall_bracket_are_one_bracket(
    tmp_path: Path, names: tuple[str, ...], codes: tuple[int, ...], bracket: str
) -> None:
    page = TexPage().prose(4).text("before", 72, 500)
    top = 500 + 6 * len(codes)
    for row, (name, code) in enumerate(zip(names, codes, strict=True)):
        shape = Shape(name, HANGS)
        page.glyph(shape, code, 105, top - 12 * row, font="CMEX10")
    page.text("after", 115, 500)
    assert f"before {bracket} after" in _text(read_tex_pdf(tmp_path, page))


def test_a_sentence_with_large_brackets_stays_one_sentence(tmp_path: Path) -> None:
    page = TexPage().prose(4, y=700).text("the score", 72, 652)
    page.glyph(Shape("parenleftbig", HANGS), 0, 122, 660, font="CMEX10")
    page.text("x", 127, 652, font="CMMI10")
    page.glyph(Shape("parenrightbig", HANGS), 1, 132, 660, font="CMEX10")
    page.text("of a probe stays in its line of the page", 141, 652)
    document = read_tex_pdf(tmp_path, page)
    assert "a line the score (x) of a probe stays in its line" in _text(document)
    assert [block.kind for block in document.blocks] == ["paragraph"]


@pytest.mark.parametrize("sign", ["=", "≡"])
def test_the_stroke_of_an_inequality_is_no_number(tmp_path: Path, sign: str) -> None:
    page = TexPage().prose(4).text("if a", 72, 500).glyph(STROKE, 54, 97, 500, font="CMSY10")
    if sign == "=":
        page.text("=", 97, 500)
    else:
        page.glyph(Shape("equivalence"), 17, 97, 500, font="CMSY10")
    page.text("b holds", 107, 500)
    want = {"=": "≠", "≡": "≢"}[sign]
    assert f"if a {want} b holds" in _text(read_tex_pdf(tmp_path, page))


def _marked(page: TexPage, text: str, at: int, mark: Shape, y: float) -> TexPage:
    """Write text, and then a mark over its letter number `at`."""
    return page.text(text, 72, y).glyph(mark, 19, 72.2 + 5 * at, y, font="Accents")


@pytest.mark.parametrize(
    ("text", "at", "mark", "want"),
    [
        ("Jose", 3, "acute", "José"),
        ("andez-Valles", 0, "acute", "ández-Valles"),
        ("andez-Valles", 10, "grave", "andez-Vallès"),
        ("Cedomir", 0, "caron", "Čedomir"),
        ("Mohring", 1, "dieresis", "Möhring"),
        ("anu-with-many-letters-after-it-in-the-same-object", 1, "tilde", "añu-with-many-letters"),
    ],
)
def test_an_accent_finds_its_letter_however_late_it_is_drawn(
    tmp_path: Path, text: str, at: int, mark: str, want: str
) -> None:
    page = _marked(TexPage().prose(4), text, at, Shape(mark, (100, 500, 400, 700)), 500)
    page.text("and more", 72 + 5 * len(text) + 3.3, 500)
    found = _text(read_tex_pdf(tmp_path, page))
    assert want in found and "and more" in found
    assert not any(char in found for char in "´`ˇ¨˜")


def test_an_accent_before_its_letter_and_a_raised_one_are_put_on_it(tmp_path: Path) -> None:
    page = TexPage().prose(4).text("the", 72, 500)
    page.glyph(Shape("acute", (100, 500, 400, 700)), 19, 90.4, 500, font="Accents")
    page.text("ecole and", 90, 500).glyph(
        Shape("hatwide", (50, 550, 450, 750)), 98, 138.5, 502, font="CMEX10"
    )
    page.text("W", 138.5, 500, font="CMMI10").text("are", 147, 500)
    assert "the école and Ŵ are" in _text(read_tex_pdf(tmp_path, page))


def test_a_root_and_scripts_above_each_other_stay_in_their_line(tmp_path: Path) -> None:
    page = TexPage().prose(4, y=700).text("the term", 72, 652).text("W", 117, 652, font="CMMI10")
    page.text("abcd", 122, 656, 7, font="CMMI7").text("k", 122, 649, 7, font="CMMI7")
    page.text("over", 140, 652).glyph(
        Shape("radical", (50, -960, 450, 40)), 112, 163, 660, font="CMSY10"
    )
    page.text("d", 168, 652, font="CMMI10").text("is an average", 177, 652)
    page.text("of all that was seen", 72, 640)
    document = read_tex_pdf(tmp_path, page)
    assert [block.kind for block in document.blocks] == ["paragraph"]
    text = document.blocks[0].text
    assert "the term W^abcd" in text and text.endswith("is an average of all that was seen")


@pytest.mark.parametrize(
    ("base", "font", "script", "want"),
    [
        ("x", "CMMI10", "2", "x^2 here"),
        ("10", "CMR10", "3", "10^3 here"),
        ("f(x)", "CMMI10", "2", "f(x)^2 here"),
        ("R", "CMR10", "2", "R^2 here"),
        ("71.3%", "CMR10", "6", "71.3% here"),
        ("words", "CMR10", "6", "words here"),
        ("(seen)", "CMR10", "6", "(seen) here"),
    ],
)
def test_an_exponent_is_told_from_the_mark_of_a_footnote(
    tmp_path: Path, base: str, font: str, script: str, want: str
) -> None:
    page = TexPage().prose(4, y=700).text(base, 72, 652, font=font)
    x = 72 + 5 * len(base)
    page.text(script, x, 656, 7, font=font).text("here", x + 7, 652)
    assert want in _text(read_tex_pdf(tmp_path, page))


def test_a_small_fraction_in_a_line_is_one_number(tmp_path: Path) -> None:
    page = TexPage().prose(4, y=700).text("about", 72, 652).text("1", 100.4, 656, 7)
    page.text("2", 100.4, 648.5, 7).text("of all", 108, 652)
    assert "about 1/2 of all" in _text(read_tex_pdf(tmp_path, page))

"""Files in any encoding that LaTeX knows keep their letters."""

import pytest
from fakes.paper_sources import packed

from fumehood_tools.reading.latex import read_latex


def text_of(files: dict[str, bytes]) -> str:
    return " ".join(block.text for block in read_latex(packed(files)).blocks)


def source(preamble: str, text: str, encoding: str) -> bytes:
    return (
        f"\\documentclass{{article}}{preamble}\n\\begin{{document}}{text}\\end{{document}}"
    ).encode(encoding)


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [
        ("cp1252", "cp1252", "Café — “quotes” € and …"),
        ("ansinew", "cp1252", "naïve “x”"),
        ("latin1", "latin-1", "Größe naïve"),
        ("latin1", "cp1252", "Größe “naïve”"),
        ("latin2", "iso8859-2", "Łódź, Dvořák"),
        ("latin9", "iso8859-15", "Œuvre à 5 €"),
        ("latin5", "iso8859-9", "Işık ğ"),
        ("cp1250", "cp1250", "Řeka „žluť“"),
        ("cp1251", "cp1251", "Русский текст"),
        ("koi8-r", "koi8-r", "Русский текст"),
        ("cp866", "cp866", "Русский текст"),
        ("applemac", "mac_roman", "Café – “œuvre”"),
        ("cp850", "cp850", "Größe"),
        ("iso-8859-7", "iso8859-7", "Ελληνικά"),
        ("utf8,cp1251", "cp1251", "Русский текст"),
    ],
)
def test_the_declared_encoding_is_read(declared: str, encoding: str, text: str) -> None:
    preamble = f"\\usepackage[{declared}]{{inputenc}}"
    assert text_of({"main.tex": source(preamble, text, encoding)}) == text


@pytest.mark.parametrize(
    ("preamble", "encoding", "text"),
    [
        ("\\inputencoding{koi8-r}", "koi8-r", "Реки"),
        ("\n% !TEX encoding = IsoLatin2", "iso8859-2", "Łódź"),
        ("\n% -*- coding: cp1251 -*-", "cp1251", "Реки"),
        ("\n%\\usepackage[cp1251]{inputenc}", "cp1252", "“Café”"),
        ("\\usepackage[utf8]{inputenc}", "utf-8", "Łódź — Реки"),
        ("\\usepackage[latin1]{inputenc}", "utf-8", "Łódź — Реки"),
        ("", "utf-16", "Łódź"),
        ("", "utf-16-le", "Łódź"),
        ("", "utf-8-sig", "Łódź"),
    ],
)
def test_an_encoding_is_found_in_other_ways_too(preamble: str, encoding: str, text: str) -> None:
    assert text_of({"main.tex": source(preamble, text, encoding)}) == text


def test_the_parts_of_a_paper_are_read_in_its_encoding() -> None:
    preamble = "\\usepackage[cp1251]{inputenc}"
    main = source(preamble, "\\input{part} \\input{new}", "ascii")
    files = {"main.tex": main, "part.tex": "Реки".encode("cp1251"), "new.tex": "Łódź".encode()}
    assert text_of(files) == "Реки Łódź"


def test_one_wrong_byte_spoils_no_other_letter() -> None:
    data = source("", "Łódź, naïve, Dvořák, caf@.", "utf-8").replace(b"@", b"\xe9")
    assert text_of({"main.tex": data}) == "Łódź, naïve, Dvořák, café."


def test_chinese_in_an_environment_of_its_own_is_read() -> None:
    data = source("", "\\begin{CJK}{GBK}{song}河流\\end{CJK}", "gbk")
    assert text_of({"main.tex": data}) == "河流"

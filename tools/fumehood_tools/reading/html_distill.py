"""Bring a Distill article into the form in which other pages are read.

distill.pub, transformer-circuits.pub and many pages of this field are written with Distill's
elements (`d-cite`, `d-footnote`, `d-math`, ...; `dt-cite` and so on in its first version), which a
script displays. Here they become plain HTML: citations are numbered as the script does, footnotes
and formulas are marked as such, and the references come from the bibliography in the page. A
bibliography in a file of its own is not fetched, and a warning says so. Formulas that KaTeX or
MathJax has already displayed are read from their LaTeX, on any page.
"""

import json
import re
from typing import Any, NamedTuple

from fumehood_tools.papers.bibtex_entries import entries_of
from fumehood_tools.papers.identity import plain_latex
from fumehood_tools.papers.names import split_names
from fumehood_tools.quoting import one_line
from fumehood_tools.reading.document import Reference
from fumehood_tools.reading.html_text import Element
from fumehood_tools.reading.latex.authors import names_in
from fumehood_tools.reading.latex.bibliography import reference
from fumehood_tools.reading.latex.formulas import readable
from fumehood_tools.reading.latex.tokens import tokenize

MOST_NAMED = 5
MOST_DELIMITERS = 10
_VERBATIM = ("script", "style", "pre", "code", "math", "title")
_MARKS = ("d-article", "d-front-matter", "d-title", "d-cite", "dt-article", "dt-cite")
_FURNITURE = (
    *("d-contents", "d-toc", "dt-toc", "d-front-matter", "d-bibliography", "d-footnote-list"),
    *("d-citation-list", "d-references", "dt-bibliography", "distill-header", "distill-footer"),
    *("distill-appendix", "d-hover-box", "dt-banner", "dt-hover-box", "d-interstitial"),
    *("dt-header", "dt-footer", "d-byline", "dt-byline"),
)
_BIBTEX = ("text/bibliography", "text/bibtex", "application/x-bibtex")
_FRONT_MATTER = (
    *("//d-front-matter//script", "//script[@id='distill-front-matter']"),
    *("//script[@type='text/front-matter']", "//script[@type='text/json']"),
)
_FIGURES = ("d-figure", "dt-figure")
_YAML_AUTHOR = re.compile(r"^\s*-\s*[\"']?([^:\n\"']+?)[\"']?\s*(?::.*)?$")


class Front(NamedTuple):
    """What a Distill article says about itself outside its text."""

    title: str
    authors: list[str]
    references: list[Reference]
    warnings: list[str]


def is_distill(root: Element) -> bool:
    """Return whether a page is written with Distill's elements."""
    return next(root.iter(*_MARKS), None) is not None


def distill_body(root: Element) -> Element:
    """Return the element that holds title, article and appendix."""
    article = next(root.iter("d-article", "dt-article", "d-title"), None)
    around = root if article is None else article.getparent()
    bodies: list[Element] = root.xpath("//body")
    if bodies and (article is None or bodies[0] in article.iterancestors()):
        return bodies[0]
    # In a page without a body, a parser may take the article for a part of the head.
    for title in around.xpath("./title"):
        title.drop_tree()
    return around


def rewrite_formulas(root: Element) -> None:
    """Replace formulas that KaTeX or MathJax displays by `math` elements with their LaTeX."""
    for element in list(root.iter("span", "div", "script", "mjx-container")):
        kind = element.get("type") or ""
        named = (element.get("class") or "").split()
        if element.tag == "script":
            if kind.startswith("math/tex"):
                _to_formula(element, element.text or "", "mode=display" in kind)
        elif "katex" in named or "katex-display" in named or element.tag == "mjx-container":
            notes = element.xpath(".//*[local-name()='annotation']")
            if notes and (notes[0].text or "").strip():
                shown = "katex-display" in named or element.get("display") == "true"
                _to_formula(element, notes[0].text, shown)


def rewrite_distill(root: Element) -> Front:
    """Turn Distill's elements under `root` into plain HTML; return what they say besides."""
    said = _front_matter(root)
    works = _works(root)
    listed = _listed(root)
    numbers = _number_citations(root, {*works, *listed})
    title = _text(said.get("title")) or _first(root, "citation_title")
    authors = _authors(root, said)
    references = [
        _reference(f"[{number}]", works[key])
        if key in works
        else reference(f"[{number}]", *listed[key])
        for key, number in numbers.items()
        if number is not None
    ]
    sources = [str(source)[:200] for source in root.xpath("//d-bibliography/@src")]
    missing = [key for key, number in numbers.items() if number is None]
    for element in list(root.iter(*_FURNITURE)):
        if element.getparent() is not None:
            element.drop_tree()
    _rename(root)
    _read_delimited(root, said.get("katex"))
    return Front(title, authors, references, _warnings(sources, missing))


def _to_formula(element: Element, latex: str, is_display: bool) -> None:
    tail = element.tail
    element.clear()
    element.tail = tail
    element.tag = "math"
    element.set("alttext", latex.strip())
    if is_display:
        element.set("display", "block")


def _rename(root: Element) -> None:
    """Give the remaining elements the tags and classes that every page has."""
    for element in list(root.iter("d-footnote", "dt-fn", "d-math", "dt-math", "d-code", "dt-code")):
        kind = element.tag.partition("-")[2]
        is_block = element.get("block") is not None
        if kind == "math":
            _to_formula(element, "".join(element.itertext()), is_block)
        elif kind == "code":
            element.tag = "pre" if is_block else "code"
        else:
            element.tag = "span"
            element.set("class", "ltx_note")
    for element in root.iter(*_FIGURES):
        has_own = next(element.iterdescendants("figure"), None) is not None
        element.tag = "div" if has_own else "figure"
    # A note in the margin of the article is text; elsewhere an `aside` is part of the page.
    for element in root.xpath("//d-article//aside | //dt-article//aside | //d-aside"):
        element.tag = "div"
    for element in root.iter("d-abstract", "dt-abstract"):
        element.set("class", "abstract")


def _read_delimited(root: Element, katex: Any) -> None:
    """Replace formulas between the delimiters that the front matter names, such as dollars."""
    delimiters = katex.get("delimiters") if isinstance(katex, dict) else None
    pairs = [
        (str(pair.get("left") or ""), str(pair.get("right") or ""))
        for pair in (delimiters if isinstance(delimiters, list) else [])[:MOST_DELIMITERS]
        if isinstance(pair, dict)
    ]
    pairs = sorted((pair for pair in pairs if all(pair)), key=lambda pair: -len(pair[0]))
    if not pairs:
        return
    either = "|".join(
        rf"(?<!\\){re.escape(left)}((?:[^\\]|\\.){{1,2000}}?){re.escape(right)}"
        for left, right in pairs
    )
    pattern = re.compile(either, re.S)

    def shown(found: re.Match[str]) -> str:
        latex = next(group for group in found.groups() if group is not None)
        return readable(tokenize(latex).tokens)

    for element in root.iter():
        closed = element.tag in _VERBATIM or not isinstance(element.tag, str)
        if element.text and not closed:
            element.text = pattern.sub(shown, element.text)
        parent = element.getparent()
        if element.tail and parent is not None and parent.tag not in _VERBATIM:
            element.tail = pattern.sub(shown, element.tail)


def _front_matter(root: Element) -> dict[str, Any]:
    for script in [script for path in _FRONT_MATTER for script in root.xpath(path)]:
        text = script.text or ""
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = _from_yaml(text) if "text/front-matter" in (script.get("type") or "") else None
        if isinstance(said, dict) and ("authors" in said or "title" in said):
            return said
    return {}


def _from_yaml(text: str) -> dict[str, Any]:
    """Return title and authors of the front matter of Distill's first version."""
    title = re.search(r"^\s*title:\s*[\"']?(.*?)[\"']?\s*$", text, re.M)
    listed = re.search(r"^\s*authors:[ \t]*\n((?:\s*-.*\n?|\s*\n|\s{4,}.*\n?)+)", text, re.M)
    lines = listed[1].splitlines() if listed else []
    found = [_YAML_AUTHOR.match(line) for line in lines]
    return {"title": title[1] if title else "", "authors": [it[1] for it in found if it]}


def _authors(root: Element, said: dict[str, Any]) -> list[str]:
    """Return the authors: from the front matter, the byline, or the head of the page."""
    listed = said.get("authors")
    names = []
    for author in listed if isinstance(listed, list) else []:
        name = author.get("author") or author.get("name") if isinstance(author, dict) else author
        names += [_text(name)] if _text(name) else []
    names = names or _byline(root)
    if not names:
        heads = root.xpath("//meta[@name='citation_author' or @name='author']/@content")
        names = [name for head in heads for name in split_names(str(head))]
    return list(dict.fromkeys(names))


def _byline(root: Element) -> list[str]:
    """Return the names in a byline that is written out, and take it out of the text."""
    around = "contains(concat(' ', @class, ' '), ' {} ')"
    for byline in root.xpath(f"//d-byline | //dt-byline | //*[{around.format('byline')}]"):
        named = byline.xpath(f".//*[{around.format('author')} or {around.format('authors')}]")
        inner = [it for part in named for it in part.xpath(f".//*[{around.format('name')}]")]
        for mark in byline.xpath(".//sup"):
            mark.drop_tree()
        said = [one_line(" ".join(part.itertext())) for part in inner or named]
        names = [name.strip(" ,*†‡") for text in said for name in names_in(text)]
        if names:
            if byline.getparent() is not None:
                byline.drop_tree()
            return names
    return []


def _works(root: Element) -> dict[str, dict[str, str]]:
    """Return the entries of the bibliography in the page, by key."""
    works: dict[str, dict[str, str]] = {}
    kinds = " or ".join(f"@type='{kind}'" for kind in _BIBTEX)
    for script in root.xpath(f"//d-bibliography//script | //dt-bibliography | //script[{kinds}]"):
        text = script.text or ""
        try:
            entries = _from_json(json.loads(text))
        except (ValueError, RecursionError):
            entries = {entry.key: entry.fields for entry in reversed(entries_of(text).entries)}
        for key, fields in entries.items():
            works.setdefault(key, fields)
    return works


def _from_json(said: Any) -> dict[str, dict[str, str]]:
    """Return the entries that Distill stores as [[key, fields], ...] or {key: fields}."""
    pairs = said.items() if isinstance(said, dict) else said if isinstance(said, list) else []
    return {
        str(pair[0]): {str(name).lower(): str(value) for name, value in pair[1].items()}
        for pair in pairs
        if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[1], dict)
    }


def _listed(root: Element) -> dict[str, tuple[str, list[str]]]:
    """Return key -> text and addresses of the references that are written out in the page."""
    found = {}
    for item in root.xpath("//d-citation-list//li[@id] | //dt-bibliography//li[@id]"):
        addresses = [str(address) for address in item.xpath(".//a/@href")]
        text = one_line(" ".join(item.itertext()))
        found[str(item.get("id"))] = (re.sub(r"\s*\[(?:link|PDF|HTML)\]", ".", text), addresses)
    return found


def _number_citations(root: Element, known: set[str]) -> dict[str, int | None]:
    """Number the citations in the text by their order; None stands for a work not in the page."""
    numbers: dict[str, int | None] = {}
    for cite in list(root.iter("d-cite", "dt-cite")):
        written = cite.get("key") or cite.get("bibtex-key") or ""
        keys = [key for key in re.split(r"[\s,;]+", written) if key]
        for key in keys:
            numbers.setdefault(key, len(numbers) + 1 if key in known else None)
        cite.tag = "cite"
        shown = ", ".join(str(numbers[key] or key) for key in keys)
        if len(cite):
            cite[-1].tail = f"{cite[-1].tail or ''} [{shown}]"
        else:
            cite.text = f"{cite.text or ''} [{shown}]" if shown else cite.text
    return numbers


def _reference(label: str, fields: dict[str, str]) -> Reference:
    said = {name: plain_latex(value) for name, value in fields.items() if name != "author"}
    names = ", ".join(plain_latex(name) for name in split_names(fields.get("author", "")))
    venue = said.get("journal") or said.get("journaltitle") or said.get("booktitle") or ""
    year = said.get("year") or said.get("date", "")[:4]
    parts = [names, said.get("title", ""), venue, said.get("publisher", ""), year]
    links = [fields[name] for name in ("url", "doi") if fields.get(name)]
    eprint = said.get("eprint", "")
    parts += [f"arXiv:{eprint}"] if re.fullmatch(r"\d{4}\.\d{4,5}(?:v\d+)?", eprint) else []
    return reference(label, ". ".join(part.rstrip(".") for part in parts if part), links)


def _warnings(sources: list[str], missing: list[str]) -> list[str]:
    if not missing:
        return []
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    elsewhere = f" It loads references from {sources[0]!r}, which was not read." if sources else ""
    return [
        f"Cited, but not among the references in this page: {', '.join(missing[:MOST_NAMED])}"
        f"{more}. Their citation keys stand in the text.{elsewhere}"
    ]


def _text(value: Any) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _first(root: Element, name: str) -> str:
    found = root.xpath(f"//meta[@name='{name}']/@content")
    return one_line(str(found[0])) if found else ""

"""Read references from \\bibitem lists, biblatex's .bbl, or the cited entries of .bib files.

The label is the printed number, '[3]', if the order of the entries is known. Otherwise it is the
printed label of an alpha style, or the citation key. Year, arXiv id, DOI and web address are
extracted from the text and links of the entry.
"""

import posixpath
import re

from fumehood_tools.papers.bibtex_entries import entries_of
from fumehood_tools.papers.names import family_of_first, split_names
from fumehood_tools.reading.document import Reference
from fumehood_tools.reading.latex.composing import Composer, tidy
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.tokens import plain, settle, tokenize

MOST_REFERENCES = 5_000
MOST_NAMED = 5
_LARGEST_BIB = 20_000_000
_ARXIV = re.compile(
    r"(?:arxiv(?:\.org/(?:abs|pdf)/|\s*preprint\s*)?[:\s./]*(?:arxiv[:\s]*)?|CoRR,?\s*abs/)"
    r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})",
    re.I,
)
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>{},]+")
_YEAR = re.compile(r"(?<![\d./:-])(1[6-9]\d\d|20\d\d)(?=[a-z]?(?![\d/-]|\.\d))")
_IN_BRACKETS = re.compile(r"\(((?:1[6-9]|20)\d\d)[a-z]?\)")
_BY_CITATION = ("unsrt", "ieeetr", "ieeetran", "unsrtnat", "apsrev", "naturemag", "elsarticle-num")
_BY_NAME = ("plain", "acm-reference-format", "siam", "splncs04", "abbrv")
_GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
_ENTRY = re.compile(r"\\entry\{([^{}]*)\}\{(\w+)\}.*?\\endentry", re.S)


def references(composer: Composer, main: str) -> list[Reference]:
    """Return the bibliography of a composed paper.

    Tried in order: \\bibitem lists in the text, .bbl files, then the cited entries of .bib files.
    """
    if not composer.bibliography:
        for text in _bbl_files(composer, main):
            if "\\entry{" in text:
                return _from_biblatex(composer, text)
            composer.inline(tokenize(text).tokens)
            if composer.bibliography and not composer.state.bibliographies:
                break
    if composer.bibliography:
        return _from_items(composer, composer.bibliography)
    return _from_bib(composer)


def cited_text(composer: Composer, kind: str, key: str) -> str:
    """Return the title of a reference, or all of it; its label if they are not known."""
    said = composer.titles_of.get(f"{kind} {key}")
    if said and kind == "citetitle":
        said = composer.inline(tokenize(said).tokens)
    return said or composer.labels_of.get(key, key)


def reference(label: str, text: str, links: list[str]) -> Reference:
    """Return a reference with the year and the identifiers found in its text and links."""
    everything = " ".join([text, *links])
    arxiv = _ARXIV.search(everything)
    doi = _DOI.search(everything)
    named = doi.group().rstrip(".;)]") if doi else None
    if named and named.lower().startswith("10.48550/arxiv."):
        arxiv, named = arxiv or _ARXIV.search(named[9:]), named
    urls = re.findall(r"https?://[^\s<>\"]+", everything)
    own = [url for url in urls if "doi.org/" not in url and "arxiv.org/" not in url]
    years = _IN_BRACKETS.findall(text) or _YEAR.findall(re.sub(r"https?://\S+", "", text))
    return Reference(
        label=label,
        text=text,
        year=int(years[-1]) if years else None,
        arxiv=arxiv.group(1) if arxiv else None,
        doi=named,
        url=(own or urls or [""])[0].rstrip(".,;)") or None,
    )


def _bbl_files(composer: Composer, main: str) -> list[str]:
    """Return the contents of the .bbl files, beginning with the one named like the main file."""
    files = composer.state.files
    main = posixpath.splitext(main)[0]
    wanted = {posixpath.basename(main), *composer.state.bibliographies}
    lists = [name for name in files if name.lower().endswith(".bbl")]
    several = [name for name in lists if posixpath.basename(name)[:-4] in wanted]
    names = sorted(
        several if composer.state.bibliographies and several else lists,
        key=lambda name: (name != f"{main}.bbl", name.count("/"), name),
    )
    return [files[name] for name in names]


def _from_items(composer: Composer, tokens: list[str]) -> list[Reference]:
    found: list[Reference] = []
    stream = Stream(composer.state, tokens)
    stream.until(("\\bibitem",))
    while item := _next_item(stream):
        printed, key, rest = item
        before = len(composer.links)
        text = composer.inline(rest)
        links = [link.url for link in composer.links[before:]]
        if key and composer.titles_of.get(f"bibentry {key}") == text:
            # Another list of the paper has it too.
            continue
        label = _label(composer, printed, key, len(found) + 1)
        # A key that stands for two works, or an empty one, is cited as the first of them.
        composer.titles_of.setdefault(f"bibentry {key}", text)
        composer.labels_of.setdefault(key, label)
        if text and len(found) < MOST_REFERENCES:
            entry = reference(label, text, links)
            year = _IN_BRACKETS.search(composer.inline(printed)) if printed else None
            found.append(entry.model_copy(update={"year": int(year.group(1))}) if year else entry)
    return found


def _next_item(stream: Stream) -> tuple[list[str] | None, str, list[str]] | None:
    printed = stream.optional()
    key = plain(stream.argument()).strip()
    rest = stream.until(("\\bibitem",))
    return (printed, key, rest) if key or rest else None


def _label(composer: Composer, printed: list[str] | None, key: str, count: int) -> str:
    """Return '[3]' for numbered styles, '[Knu84]' for labeled ones, the key for author-year."""
    if printed is None or (_is_author_year(printed) and _natbib_numbers(composer)):
        return f"[{count}]"
    if _is_author_year(printed):
        return key
    said = settle(composer.inline(printed))
    return f"[{said}]" if said and len(said) <= 20 else key


def _is_author_year(printed: list[str]) -> bool:
    return bool(
        re.search(r"\(\s*(?:\{?\s*)?\d{4}|\(\w*\)|\\protect|\\citeauthoryear", plain(printed))
    )


def _natbib_numbers(composer: Composer) -> bool:
    packages = composer.state.packages
    numbered = any("numbers" in options or "super" in options for options in packages.values())
    return numbered or any(name.lower().startswith("revtex") for name in packages)


def _from_biblatex(composer: Composer, text: str) -> list[Reference]:
    options = composer.state.packages.get("biblatex", "")
    style = re.search(r"\bstyle\s*=\s*([\w-]+)", options)
    numbered = style is None or style.group(1).startswith(("numeric", "ieee", "nature", "science"))
    found: list[Reference] = []
    for match in list(_ENTRY.finditer(text))[:MOST_REFERENCES]:
        fields = _biblatex_fields(match.group())
        label = f"[{len(found) + 1}]" if numbered else match.group(1)
        composer.labels_of[match.group(1)] = label
        found.append(_from_fields(composer, label, fields))
        _remember(composer, match.group(1), fields, found[-1])
    return found


def _remember(composer: Composer, key: str, fields: dict[str, str], entry: Reference) -> None:
    """Store what \\citetitle and \\bibentry print."""
    composer.titles_of[f"citetitle {key}"] = fields.get("title", "").strip('"')
    composer.titles_of[f"bibentry {key}"] = entry.text


def _biblatex_fields(entry: str) -> dict[str, str]:
    """Return the fields of one \\entry in a biblatex .bbl file."""
    fields = {
        match.group(1): match.group(2)
        for match in re.finditer(r"\\(?:field|strng)\{(\w+)\}\{([^\n]*)\}[ \t]*\n", entry)
    }
    for match in re.finditer(r"\\verb\{(\w+)\}\s*\\verb ([^\n]*)\n", entry):
        fields[match.group(1)] = match.group(2).strip()
    names = re.search(
        r"\\name\{author\}.*?(?=\\name\{(?!author)|\\(?:strng|field|list)\{)", entry, re.S
    )
    if names:
        people = []
        for person in names.group().split("hash=")[1:]:
            given = re.search(rf"given={_GROUP}", person)
            family = re.search(rf"family={_GROUP}", person)
            parts = [match.group(1) for match in (given, family) if match]
            people.append(" ".join(parts))
        fields["author"] = " and ".join(filter(None, people))
    publisher = re.search(r"\\list\{publisher\}\{\d+\}\{%?\s*\{(.*?)\}%?\s*\}", entry, re.S)
    if publisher:
        fields["publisher"] = publisher.group(1)
    return fields


def _from_bib(composer: Composer) -> list[Reference]:
    """Return the cited entries, ordered and labeled as the bibliography style would."""
    entries = _bib_entries(composer)
    key_of = _keys_of_cited(composer, entries)
    keys = list(entries if "*" in composer.cited else dict.fromkeys(key_of.values()))
    style = composer.bibliography_style.lower()
    by_citation = style.startswith(_BY_CITATION)
    numbered = by_citation or (style.startswith(_BY_NAME) and not style.startswith("plainnat"))
    if not by_citation:
        keys.sort(key=lambda key: _sort_key(entries[key]))
    found: list[Reference] = []
    for key in keys[:MOST_REFERENCES]:
        label = f"[{len(found) + 1}]" if numbered else key
        composer.labels_of[key] = label
        found.append(_from_fields(composer, label, entries[key]))
        _remember(composer, key, entries[key], found[-1])
    composer.labels_of |= {
        name: composer.labels_of[key] for name, key in key_of.items() if key in composer.labels_of
    }
    return found


def _keys_of_cited(composer: Composer, entries: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return cited name -> key of its entry. BibTeX finds an entry whatever the case of its key."""
    spelled = {key.lower(): key for key in reversed(entries)}
    keys = {name: name if name in entries else spelled.get(name.lower()) for name in composer.cited}
    missing = [name for name, key in keys.items() if key is None and name != "*"]
    if missing and entries:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        composer.state.warn(
            f"Cited, but in none of the .bib files: {', '.join(missing[:MOST_NAMED])}{more}."
        )
    return {name: key for name, key in keys.items() if key is not None}


def _sort_key(fields: dict[str, str]) -> tuple[str, str, str]:
    family = family_of_first(fields.get("author") or fields.get("editor", ""))
    return re.sub(r"[{}\\]", "", family).lower(), fields.get("year", ""), fields.get("title", "")


def _bib_entries(composer: Composer) -> dict[str, dict[str, str]]:
    files = composer.state.files
    named = [
        name if name.endswith(".bib") else f"{name}.bib" for name in composer.bibliography_files
    ]
    names = [name for name in dict.fromkeys(named) if name in files] or [
        name for name in files if name.endswith(".bib")
    ]
    entries: dict[str, dict[str, str]] = {}
    strings: dict[str, str] = {}
    cited = None if "*" in composer.cited else composer.cited
    for name in names:
        if len(files[name]) > _LARGEST_BIB:
            composer.state.warn(f"{name!r} is too large: its references were left out.")
            continue
        found = entries_of(files[name], cited, strings)
        twice = [
            entry.key
            for entry in found.entries
            if entries.setdefault(entry.key, entry.fields) != entry.fields
        ]
        for note in found.notes:
            composer.state.warn(f"{name!r}: {note}")
        if same := [key for key in twice if key in composer.cited]:
            composer.state.warn(
                f"{name!r}: the key {same[0]!r} stands for two different works, and the first "
                f"one was taken, as BibTeX does (keys like this: {len(same)})."
            )
    return entries


def _from_fields(composer: Composer, label: str, fields: dict[str, str]) -> Reference:
    before = len(composer.links)

    def said(name: str) -> str:
        text = fields.get(name, "").strip()
        return composer.inline(tokenize(text).tokens) if text else ""

    names = split_names(fields.get("author") or fields.get("editor", ""))
    people = ", ".join(composer.inline(tokenize(name).tokens) for name in names)
    venue = said("journal") or said("journaltitle") or said("booktitle") or said("howpublished")
    year = said("year") or said("date")[:4]
    house = said("publisher") or said("institution") or said("school") or said("organization")
    parts = [people, said("title"), venue, house, year]
    eprint = fields.get("eprint", "").strip()
    if re.fullmatch(r"\d{4}\.\d{4,5}(v\d+)?|[a-z-]+(\.[A-Z]{2})?/\d{7}", eprint):
        parts.append(f"arXiv:{eprint}")
    links = [link.url for link in composer.links[before:]]
    links += [
        re.sub(r"\\([%#_&])", r"\1", fields[name].strip())
        for name in ("url", "doi")
        if name in fields
    ]
    text = ". ".join(part.rstrip(".") for part in parts if part)
    entry = reference(label, tidy(text), links)
    return entry.model_copy(update={"year": int(year)}) if re.fullmatch(r"\d{4}", year) else entry

"""Split a BibTeX text into entries, with what BibTeX itself would resolve already resolved.

bibtexparser splits the text. Here `#` joins strings, `@string` names are replaced, fields are
inherited through `crossref` and `xdata`, and what bibtexparser gives up (a key or a field that
stands twice, a brace that is never closed, a missing comma) is kept as far as it can be made out.
Nothing is left out without a note. Values keep their LaTeX.
"""

import logging
import re
from collections.abc import Container, Iterable, Iterator
from typing import Any, NamedTuple

MOST_NAMED = 3
_NO_KEY = "an entry without a key"
_MOST_PARENTS = 8
_MOST_PARTS = 1_000
_LONGEST = 200_000
# bibtexparser wants the brace on the line of the entry's type, a key, and a comma behind it.
_OPENED_LATER = re.compile(r"^([ \t]*@[A-Za-z]+)\s*\n\s*(?=[{(])", re.M)
_STARTS = re.compile(r"@[A-Za-z]+\s*[{(]\s*[^\s,{}()=\"]+\s*,")
_HEAD = re.compile(r"@([A-Za-z]+)\s*[{(]\s*(?:([^,={}\"\n]*?)\s*(?:,|\n)|(?=[A-Za-z]+\s*=))")
_UNREAD = re.compile(r"^[ \t]*@(?!comment|preamble|string)[A-Za-z]+\b.*", re.M | re.I)
_NO_ENTRIES = ("comment", "preamble", "string")
_KNOWN = (
    "abstract|address|archiveprefix|author|booktitle|chapter|crossref|date|doi|edition|editor|"
    "eprint|eprinttype|file|howpublished|institution|isbn|issn|journal|journaltitle|key|keywords|"
    "month|note|number|organization|pages|primaryclass|publisher|school|series|subtitle|title|"
    "type|url|urldate|volume|year"
)
_FIELD = re.compile(rf"(?<![\w-])({_KNOWN})\s*=\s*(?=[{{\"\w])", re.I)
_HEADLESS = re.compile(
    rf"(@(?!string\b)[A-Za-z]+\s*[{{(])\s*([^\s,={{}}\"]*(?=\s))?\s*(?=(?:{_KNOWN})\s*=)", re.I
)
_NAME = re.compile(r"\s*,?\s*([A-Za-z][\w:.+-]*)\s*=(?!=)\s*")
_LOST_FIELDS = re.compile(rf"[\s}},]*(?:{_KNOWN})\s*=", re.I)
_NOT_INHERITED = {"crossref", "xref", "xdata", "entryset", "ids", "label", "sortkey"}
_IN_COLLECTIONS = {"inproceedings", "conference", "incollection", "inbook", "suppbook"}


class BibEntry(NamedTuple):
    """One entry. The names of its fields are in lower case."""

    kind: str
    key: str
    fields: dict[str, str]


class BibText(NamedTuple):
    """The entries of a text in its order, and one sentence for each kind of trouble met."""

    entries: list[BibEntry]
    notes: list[str]


def entries_of(
    text: str, cited: Container[str] | None = None, strings: dict[str, str] | None = None
) -> BibText:
    """Return the entries of a BibTeX text. It never fails.

    cited: the keys that matter; troubles with other entries are not noted. None: all matter.
    strings: those of the files read before this one, to which its own are added.
    """
    reader = _Reader({} if strings is None else strings)
    reader.read(_HEADLESS.sub(r"\1\2,", _OPENED_LATER.sub(r"\1", text)))
    by_key: dict[str, BibEntry] = {}
    for entry in reader.entries:
        by_key.setdefault(entry.key.lower(), entry)
    entries = [
        entry._replace(fields=_with_inherited(entry, by_key))
        for entry in reader.entries
        if entry.kind not in ("xdata", "set")
    ]
    return BibText(entries, reader.notes(cited))


class _Reader:
    """Collects entries and strings, and the keys of those that had to be mended."""

    def __init__(self, strings: dict[str, str]) -> None:
        self.entries: list[BibEntry] = []
        self._strings = strings
        self._mended: list[str] = []
        self._unread: list[str] = []
        self._twice: list[tuple[str, str]] = []

    def read(self, text: str) -> None:
        from bibtexparser import model, parse_string

        # What it gives up on is read here, or noted.
        logging.getLogger("bibtexparser").setLevel(logging.ERROR)
        broken = ""
        for block in parse_string(text, parse_stack=[]).blocks:
            inner = getattr(block, "ignore_error_block", None) or block
            if broken:
                # The parser gives up in the middle of an entry; the rest of it comes as a comment.
                is_rest = isinstance(inner, model.ImplicitComment)
                self._mend(f"{broken} {inner.comment}" if is_rest else broken)
                broken = ""
                if is_rest:
                    continue
            if isinstance(inner, model.String):
                self._strings[inner.key.lower()] = self._value(str(inner.value))[0]
            elif isinstance(inner, model.Entry):
                self._take(inner.entry_type, inner.key, self._fields(inner.fields))
            elif isinstance(inner, model.ImplicitComment):
                self._take_leftover(inner.comment)
            elif isinstance(inner, model.ParsingFailedBlock):
                broken = str(inner.raw or "")
        if broken:
            self._mend(broken)

    def notes(self, cited: Container[str] | None) -> list[str]:
        """Return one sentence for each kind of trouble with the entries that are cited."""
        notes = []
        if mended := [key for key in self._mended if cited is None or key in cited]:
            notes.append(
                f"{_listed(mended)}: a brace, quotation mark or comma is missing or too many, so "
                "only what could be made out was read."
            )
        if self._unread:
            notes.append(f"Could not be read and was left out: {_listed(self._unread)}.")
        fields = [it for it in self._twice if cited is None or it[1] in cited]
        if twice := [f"{name} of {key or _NO_KEY}" for name, key in fields]:
            notes.append(
                f"Given twice with different values, and the first one is used: {_listed(twice)}."
            )
        return notes

    def _take(self, kind: str, key: str, pairs: Iterable[tuple[str, str]]) -> None:
        key = key.strip()
        fields: dict[str, str] = {}
        for name, value in pairs:
            earlier = fields.setdefault(name, value)
            if not earlier:
                fields[name] = value
            elif value and earlier != value:
                self._twice.append((name, key))
        self.entries.append(BibEntry(kind.lower(), key, fields))

    def _fields(self, fields: Iterable[Any]) -> Iterator[tuple[str, str]]:
        for field in fields:
            name, rest = str(field.key), str(field.value)
            while True:
                value, rest = self._value(rest)
                # What stands before a name on other lines is left over from a missing comma.
                yield name.split()[-1].lower() if name.split() else "", value
                following = _NAME.match(rest)
                if not following:
                    break
                name, rest = following[1], rest[following.end() :]

    def _value(self, raw: str) -> tuple[str, str]:
        """Return the value at the start of a text, its parts joined, and what follows it."""
        said, rest, joined = "", raw.lstrip(), True
        for _ in range(_MOST_PARTS):
            if not rest or len(said) > _LONGEST:
                break
            if rest.startswith("#"):
                rest, joined = rest[1:].lstrip(), True
                continue
            if rest.startswith("%"):
                rest = rest.partition("\n")[2].lstrip()
                continue
            if rest[0] in "})" or (said and not joined and _NAME.match(rest)):
                break
            part, rest = self._part(rest)
            said += part if joined else f" {part}"
            rest, joined = rest.lstrip(), False
        return said.strip(), rest

    def _part(self, text: str) -> tuple[str, str]:
        """Return one part of a value (in braces, in quotes or a name), and what follows it."""
        if text[0] in '{"':
            end = _end_of(text)
            return text[1:end], text[end + 1 :]
        found = re.match(r"[^\s#{\"]+", text)
        word = found.group() if found else text[0]
        return self._strings.get(word.lower(), word), text[len(word) :]

    def _take_leftover(self, comment: str) -> None:
        """Read fields behind a brace too many, and note what looks like an entry."""
        if self.entries and _LOST_FIELDS.match(comment):
            last = self.entries[-1]
            for name, value in self._loose_fields(comment):
                last.fields.setdefault(name, value)
            self._mended.append(last.key)
        self._unread += [line.strip()[:60] for line in _UNREAD.findall(comment)]

    def _mend(self, raw: str) -> None:
        """Read an entry that is never closed, and those that it has swallowed."""
        raw = raw.strip()
        starts = [0, *(found.start() for found in _STARTS.finditer(raw) if found.start())]
        if len(starts) > 1:
            for start, end in zip(starts, [*starts[1:], len(raw)], strict=True):
                self.read(raw[start:end])
            return
        head = _HEAD.match(raw)
        is_entry = head is not None and head[1].lower() not in _NO_ENTRIES
        fields = list(self._loose_fields(raw[head.end() :])) if head and is_entry else []
        if head and fields:
            key = (head[2] or "").strip()
            self._mended.append(key)
            self._take(head[1], key, fields)
        else:
            self._unread.append(raw.partition("\n")[0][:60])

    def _loose_fields(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the fields of a text whose braces can't be trusted, found by their names."""
        places = list(_FIELD.finditer(text))
        for number, found in enumerate(places, 1):
            end = places[number].start() if number < len(places) else len(text)
            raw = text[found.end() : end].strip(" ,\n\t\r")
            if number == len(places) and raw[:1] in ("{", '"') and raw[-1] not in '})"':
                # Nothing says where this value ends, so it is not made out.
                continue
            value, rest = self._value(raw)
            if raw[:1] in ("{", '"') and rest.strip("}), \n\t"):
                value = raw
            yield (
                found[1].lower(),
                _balanced(value).strip(', \n\t"' if raw[:1] == '"' else ", \n\t"),
            )


def _end_of(text: str) -> int:
    """Return the place where a part in braces or quotes ends, or the end of the text."""
    depth, quoted = 0, text[0] == '"'
    for place, character in enumerate(text):
        if place and text[place - 1] == "\\" and character in "{}":
            continue
        depth += (character == "{") - (character == "}")
        if place and depth == 0 and character == ('"' if quoted else "}"):
            return place
    return len(text)


def _balanced(text: str) -> str:
    """Return a text without the braces that have no partner."""
    opened: list[int] = []
    drop: set[int] = set()
    for place, character in enumerate(text):
        if character == "{":
            opened.append(place)
        elif character == "}":
            if opened:
                opened.pop()
            else:
                drop.add(place)
    drop.update(opened)
    return "".join(it for place, it in enumerate(text) if place not in drop)


def _with_inherited(entry: BibEntry, by_key: dict[str, BibEntry]) -> dict[str, str]:
    """Return the fields of an entry and those that it lacks and its parents have."""
    fields, asked = dict(entry.fields), {entry.key.lower()}
    waiting = _parents(entry)
    while waiting and len(asked) < _MOST_PARENTS:
        name = waiting.pop(0)
        parent = by_key.get(name)
        if parent is None or name in asked:
            continue
        asked.add(name)
        if parent.kind not in ("xdata", entry.kind) and entry.kind in _IN_COLLECTIONS:
            # A collection's title is the book's title of what stands in it.
            _fill(fields, "booktitle", parent.fields.get("booktitle") or parent.fields.get("title"))
            inherited = {name: it for name, it in parent.fields.items() if name != "title"}
        else:
            inherited = parent.fields
        for field, value in inherited.items():
            if field not in _NOT_INHERITED:
                _fill(fields, field, value)
        waiting += _parents(parent)
    return fields


def _fill(fields: dict[str, str], name: str, value: str | None) -> None:
    if value and not fields.get(name):
        fields[name] = value


def _parents(entry: BibEntry) -> list[str]:
    named = [entry.fields.get("crossref", ""), *entry.fields.get("xdata", "").split(",")]
    return [name.strip().lower() for name in named if name.strip()]


def _listed(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    distinct = [name or _NO_KEY for name in dict.fromkeys(names)]
    more = len(distinct) - MOST_NAMED
    return ", ".join(distinct[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")

"""Acronyms and glossary entries, as the packages acronym, acro and glossaries print them.

At its first use, an acronym is printed as "sparse autoencoder (SAE)", later as "SAE". The entries
may be declared after their use, so uses are stored as marks, which `acronym_text` fills in.
"""

from typing import NamedTuple

from fumehood_tools.reading.latex.acronym_entries import Acronym
from fumehood_tools.reading.latex.boxes import options_of
from fumehood_tools.reading.latex.composing import Composer, Environment, Handler
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.tokens import plain

_ENVIRONMENT = "acronym"
_MOST_ENTRIES = 2_000
_MOST_MISSING = 200


class _Use(NamedTuple):
    """How a command prints an entry. form: short, long, full, or full at the first use only."""

    form: str
    several: bool = False
    capital: bool = False


def _use(use: _Use, *, takes_insert: bool) -> Handler:
    """Return a handler. takes_insert: the command is of glossaries, where a star is no matter."""

    def handler(composer: Composer, stream: Stream) -> None:
        starred = stream.starred()
        stream.optional()
        key = plain(stream.argument()).strip()
        inserted = _insert(composer, stream) if takes_insert else ""
        acronyms = composer.state.acronyms
        form = use.form
        if form == "first":
            form = "short" if key in acronyms.used else "full"
            if not starred or takes_insert:
                acronyms.used.add(key)
        kind = f"{'several' if use.several else 'one'}{'Capital' if use.capital else ''}"
        composer.mark(f"acronym{'long' if form == 'full' else form}", f"{kind} {key}")
        composer.out.append(inserted)
        if form == "full":
            composer.mark("acronymparenthesis", f"{kind} {key}")

    return handler


def _insert(composer: Composer, stream: Stream) -> str:
    """Return the text that glossaries' commands take after the key, as in `\\gls{sae}['s]`."""
    token = stream.pull()
    stream.push([token] if token else [])
    given = stream.optional() if token == "[" else None
    return composer.inline(given) if given else ""


def acronym_text(composer: Composer, kind: str, key: str) -> str:
    """Return what a mark of an acronym prints: the key of an entry that is not declared."""
    how, _, name = key.partition(" ")
    part = kind.removeprefix("acronym")
    acronyms = composer.state.acronyms
    if (entry := acronyms.entries.get(name)) is None:
        if name and len(acronyms.missing) < _MOST_MISSING:
            acronyms.missing[name] = None
        return "" if part == "parenthesis" else name
    said = entry.form(part, several=how.startswith("several"))
    if part == "parenthesis" or not how.endswith("Capital"):
        return said
    return said[:1].upper() + said[1:]


def missing_acronyms(composer: Composer) -> list[str]:
    """Return a warning about acronyms that the source does not declare, if there are any."""
    names = list(composer.state.acronyms.missing)
    if not names:
        return []
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return [
        f"The source does not declare these acronyms, which are shown by their keys: "
        f"{', '.join(name[:60] for name in names[:10])}{more}."
    ]


def _store(composer: Composer, key: str, entry: Acronym) -> None:
    entries = composer.state.acronyms.entries
    if key and len(entries) < _MOST_ENTRIES:
        entries[key] = entry


def _with_plurals(composer: Composer, key: str, short: str, long: str) -> None:
    """Set the plural forms of an entry, which may have been declared already or not yet."""
    entry = composer.state.acronyms.entries.get(key, Acronym(key))
    _store(composer, key, entry._replace(short_plural=short, long_plural=long))


def _new_acronym(composer: Composer, stream: Stream) -> None:
    """Handle `\\newacronym[options]{key}{short}{long}` of glossaries."""
    options = options_of(stream.optional() or [])
    key = plain(stream.argument()).strip()
    short, long = composer.inline(stream.argument()), composer.inline(stream.argument())
    plurals = [composer.inline(options.get(name, [])) for name in ("shortplural", "longplural")]
    _store(composer, key, Acronym(short, long, *plurals))


def _glossary_entry(composer: Composer, stream: Stream) -> None:
    """Handle `\\newglossaryentry{key}{name=…, text=…, plural=…, description=…}`."""
    key = plain(stream.argument()).strip()
    options = options_of(stream.argument())
    said = composer.inline(options.get("text") or options.get("name") or [])
    _store(
        composer,
        key,
        Acronym(said or key, short_plural=composer.inline(options.get("plural", []))),
    )


def _declare_acronym(composer: Composer, stream: Stream) -> None:
    """Handle `\\DeclareAcronym{key}{short=…, long=…}` of acro."""
    key = plain(stream.argument()).strip()
    options = options_of(stream.argument())

    def said(name: str) -> str:
        return composer.inline(options.get(name, []))

    short, long = said("short") or key, said("long")
    plurals = [
        said(f"{name}-plural-form") or (f"{form}{end}" if (end := said(f"{name}-plural")) else "")
        for name, form in (("short", short), ("long", long))
    ]
    _store(composer, key, Acronym(short, long, *plurals))


def _acro(composer: Composer, stream: Stream) -> None:
    """Handle `\\acro{key}[short]{long}` of acronym, which is printed in a list of acronyms."""
    entry = _acro_definition(composer, stream)
    if composer.lists and composer.lists[-1] == _ENVIRONMENT:
        composer.end_paragraph()
        composer.out.append(f"{entry.short} {entry.long}")


def _silent_acro(composer: Composer, stream: Stream) -> None:
    _acro_definition(composer, stream)


def _acro_definition(composer: Composer, stream: Stream) -> Acronym:
    key = plain(stream.argument()).strip()
    short = stream.optional()
    entry = Acronym(
        key if short is None else composer.inline(short), composer.inline(stream.argument())
    )
    _store(composer, key, entry)
    return entry


def _acro_plural(composer: Composer, stream: Stream) -> None:
    """Handle `\\acroplural{key}[short]{long}` of acronym."""
    key = plain(stream.argument()).strip()
    short = stream.optional()
    _with_plurals(
        composer,
        key,
        "" if short is None else composer.inline(short),
        composer.inline(stream.argument()),
    )


def _forget(composer: Composer, stream: Stream) -> None:
    composer.state.acronyms.used.clear()


def _set_used(*, used: bool) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        keys = {key.strip() for key in plain(stream.argument()).split(",")}
        known = composer.state.acronyms.used
        composer.state.acronyms.used = known | keys if used else known - keys

    return handler


def _list_of_acronyms(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    stream.optional()
    composer.lists.append(_ENVIRONMENT)


def _end_of_list(composer: Composer, stream: Stream, name: str) -> None:
    composer.end_paragraph()
    if composer.lists and composer.lists[-1] == _ENVIRONMENT:
        composer.lists.pop()


_USES = {
    "ac gls": _Use("first"),
    "acp glspl": _Use("first", several=True),
    "Ac Gls GLS": _Use("first", capital=True),
    "Acp Glspl GLSpl": _Use("first", several=True, capital=True),
    "acs acsu acrshort glsxtrshort glsentryshort glsentrytext glsentryname glstext glsname": (
        _Use("short")
    ),
    "acsp acrshortpl glsxtrshortpl glsentryshortpl glsentryplural glsplural": (
        _Use("short", several=True)
    ),
    "acl aclu acrlong glsxtrlong glsentrylong": _Use("long"),
    "aclp acrlongpl glsxtrlongpl glsentrylongpl": _Use("long", several=True),
    "Acl Acrlong Glsxtrlong Glsentrylong": _Use("long", capital=True),
    "Aclp Acrlongpl Glsxtrlongpl Glsentrylongpl": _Use("long", several=True, capital=True),
    "acf acfi acfu acrfull glsxtrfull glsfirst glsentryfull": _Use("full"),
    "acfp acrfullpl glsxtrfullpl glsfirstplural": _Use("full", several=True),
    "Acf Acrfull Glsxtrfull Glsfirst": _Use("full", capital=True),
}
_OF_GLOSSARIES = ("gls", "acr")
ACRONYM_HANDLERS: dict[str, Handler] = {
    **{
        f"\\{name}": _use(use, takes_insert=name.lower().startswith(_OF_GLOSSARIES))
        for names, use in _USES.items()
        for name in names.split()
    },
    **dict.fromkeys(("\\newacronym", "\\newabbreviation"), _new_acronym),
    "\\newglossaryentry": _glossary_entry,
    "\\DeclareAcronym": _declare_acronym,
    "\\acro": _acro,
    **dict.fromkeys(("\\acrodef", "\\newacro"), _silent_acro),
    **dict.fromkeys(("\\acroplural", "\\acrodefplural", "\\newacroplural"), _acro_plural),
    **dict.fromkeys(("\\acresetall", "\\glsresetall"), _forget),
    **dict.fromkeys(("\\acused", "\\acuse", "\\glsunset"), _set_used(used=True)),
    **dict.fromkeys(("\\acreset", "\\glsreset"), _set_used(used=False)),
}
ACRONYM_ENVIRONMENTS: dict[str, Environment] = {
    _ENVIRONMENT: _list_of_acronyms,
    f"end {_ENVIRONMENT}": _end_of_list,
}

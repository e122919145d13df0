"""Write a report: check the prose, put in what its references say, add our parts, and store it.

A fault is named with its place, and nothing is stored then. The stored entry lists every reference
with the value shown and every receipt, so that a later change of one is noticed.

Costs about 1 ms per run in the study's sandboxes, 1 s per GB of weights, and 3 s per figure.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import BadRequest, FumehoodError
from fumehood_tools.quoting import one_line
from fumehood_tools.registry.kinds import known_metrics
from fumehood_tools.studies.entries import ReportWritten
from fumehood_tools.studies.notebook import append
from fumehood_tools.studies.prose import (
    Fault,
    Names,
    faults_of,
    filled_in,
    references_in,
    without_references,
)
from fumehood_tools.studies.references.resolving import Resolved, Resolver
from fumehood_tools.studies.references.seeds import WITHDRAWN, Unsound
from fumehood_tools.studies.report import parts
from fumehood_tools.studies.report.code import code_part, measured_parents, sources_of
from fumehood_tools.studies.report.facts import Facts, gather
from fumehood_tools.studies.report.figures import Figure, figures_of
from fumehood_tools.studies.report.html import page_of, parser
from fumehood_tools.studies.report.markdown import plain
from fumehood_tools.studies.report.reproducing import (
    FindPaper,
    Head,
    commands,
    ledger_head,
    ledger_part,
    papers_part,
    papers_used,
)
from fumehood_tools.timestamps import now

MARKDOWN, HTML = "report.md", "report.html"
MOST_FAULTS = 12
_SENTINEL = "the end of the part"
_MOST_RECEIPTS_NAMED = 12
PARTS = ("plan", "code", "walk_through", "results", "limitations")
Draw = Callable[[Facts], tuple[list[Figure], list[str]]]


class Prose(BaseModel, frozen=True):
    """What the author writes. Markdown, with {{references}} instead of numbers."""

    plan: str
    code: str
    walk_through: str
    results: str
    limitations: str

    def parts(self) -> dict[str, str]:
        """Return the parts by name, in order."""
        return {name: getattr(self, name) for name in PARTS}


class Written(BaseModel, frozen=True):
    """A report that was stored."""

    entry: int
    markdown: str = Field(description="path in the workspace")
    html: str = Field(description="path in the workspace; one file without network")
    numbers: int = Field(description="references shown")
    receipts: int = Field(description="receipts it rests on")
    exploratory: list[str] = Field(description="references that are marked exploratory")
    notes: list[str]


class Rendered(NamedTuple):
    """A report that was rendered, and not stored yet."""

    content: ReportWritten
    files: Mapping[str, bytes]
    exploratory: list[str]
    notes: list[str]


def write_report(
    resolver: Resolver,
    title: str,
    prose: Prose,
    shelf: Shelf,
    find_paper: FindPaper,
    fonts: Path | None = None,
) -> Written:
    """Render a report and append it to the study.

    shelf: the records of the workspace. fonts: folder for matplotlib's list of fonts. Raises
    BadRequest with every fault of the prose and its place; Unsound if a receipt was changed, is
    gone, or was put back. A figure that could not be drawn is named in the report.
    """

    def draw(facts: Facts) -> tuple[list[Figure], list[str]]:
        return figures_of(facts, resolver.workspace, shelf, fonts)

    done = render(resolver, title, prose, draw, find_paper)
    entry = append(resolver.workspace, resolver.study.name, done.content, done.files)
    return Written(
        entry=entry.number,
        markdown=f"{entry.place}/{MARKDOWN}",
        html=f"{entry.place}/{HTML}",
        numbers=len(done.content.references),
        receipts=len(done.content.receipts),
        exploratory=done.exploratory,
        notes=done.notes,
    )


def render(
    resolver: Resolver, title: str, prose: Prose, draw: Draw, find_paper: FindPaper
) -> Rendered:
    """Return a report with its files. Raises as `write_report`."""
    texts = prose.parts()
    found, faults = _resolved(resolver, texts)
    cited = {one.reference.sandbox for one in found.values()} - {""}
    facts = gather(resolver, sorted(cited))
    names = _names(resolver, facts)
    faults += [fault.text("title") for fault in faults_of(title, names)]
    for part, text in texts.items():
        typed = faults_of(text, names)
        faults += [fault.text(part.replace("_", "-")) for fault in typed]
        faults += _structure_faults(part, text) or _split_words(part, text, typed, names)
    if faults:
        shown = [*faults[:MOST_FAULTS], *(["…"] if len(faults) > MOST_FAULTS else [])]
        raise BadRequest("\n".join(["The report was not written.", *shown]))
    figures, notes = draw(facts)
    return _assembled(resolver, title, texts, found, facts, figures, notes, find_paper)


def _resolved(
    resolver: Resolver, texts: Mapping[str, str]
) -> tuple[dict[str, Resolved], list[str]]:
    """Return the references of all parts in order of appearance, and what cannot be resolved."""
    found: dict[str, Resolved] = {}
    faults = []
    for part, text in texts.items():
        for said, line, column in references_in(text):
            try:
                one = resolver.resolve(said)
                found.setdefault(one.reference.text, one)
            except Unsound:
                raise
            except FumehoodError as error:
                faults.append(f"{part}, line {line}, column {column}: {error}")
    return found, faults


def _names(resolver: Resolver, facts: Facts) -> Names:
    """Return the names of the study that may have digits."""
    found = {facts.study.name, *facts.sandboxes, *known_metrics()}
    for run in facts.runs:
        found |= {run.label, run.content.variant, run.basis.record.get("subject") or ""}
    for own in facts.own:
        found |= {own.variant, *own.metrics}
    for _, plan in facts.plans:
        found |= {one.name for one in (*plan.variants, plan.baseline)}
    kinds = {one.number: one.kind for one in resolver.study.entries}
    return Names(found, kinds)


def _structure_faults(part: str, text: str) -> list[str]:
    """Return what in a part would change the report around it."""
    if not text.strip():
        return [f"{part}: it is empty. Write it; what is not known is said in words."]
    md = parser()
    md.options["html"] = True
    tokens = md.parse(f"{text}\n\n## {_SENTINEL}\n")
    inner = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in (*tokens, *inner)}
    heads = [token for token in tokens if token.type == "heading_open"]
    faults = []
    if kinds & {"html_block", "html_inline"}:
        faults.append(f"{part}: it has raw HTML. Write Markdown.")
    if "image" in kinds:
        faults.append(f"{part}: it has an image. The figures are drawn from the receipts.")
    is_last = heads and heads[-1].level == 0 and tokens[-2].content == _SENTINEL
    if not is_last:
        faults.append(f"{part}: a block at its end is not closed. Close the code block.")
    if any(token.tag in ("h1", "h2") for token in heads[:-1]):
        faults.append(f"{part}: a heading within a part starts with ###.")
    return faults


def _split_words(part: str, text: str, typed: Sequence[Fault], names: Names) -> list[str]:
    """Return numbers and verdicts that appear only when the Markdown is rendered: sup**port**ed."""
    said = {fault.said for fault in typed}
    inline = [token for token in parser().parse(without_references(text)) if token.children]
    shown = "\n".join(
        "".join(
            child.content or " " * (child.type == "softbreak") for child in token.children or ()
        )
        for token in inline
    )
    found = faults_of(unicodedata.normalize("NFKC", shown), names)
    return [
        f"{part}: {fault.said!r} is {fault.why}. It is there when the part is rendered."
        for fault in found
        if fault.said not in said
    ]


def _assembled(
    resolver: Resolver,
    title: str,
    texts: Mapping[str, str],
    found: Mapping[str, Resolved],
    facts: Facts,
    figures: Sequence[Figure],
    notes: list[str],
    find_paper: FindPaper,
) -> Rendered:
    quoted = [one.reference.name for one in found.values() if one.reference.kind == "quote"]
    papers, missing = papers_used(facts, quoted, find_paper)
    head = ledger_head(resolver.workspace)
    ours = {
        "plan": parts.plans(facts),
        "code": code_part(sources_of(facts, resolver.workspace), measured_parents(facts)),
        "results": "\n\n".join(
            [parts.results(facts), *(one.markdown for one in figures), *map(plain, notes)]
        ),
        "limitations": parts.limitations(facts),
    }
    after = {
        "All tries": parts.tries(facts),
        "Commands to reproduce": commands(facts),
        "Papers": papers_part(papers, missing),
        "Ledger": ledger_part(head),
    }
    markdown = _markdown([f"# {plain(title)}", _introduction(resolver)], texts, ours, after, found)
    files = {name: content for figure in figures for name, content in figure.files.items()}
    images = {name: content for name, content in files.items() if name.endswith(".svg")}
    page = page_of(one_line(title), markdown, images)
    return Rendered(
        _content(title, found, facts, head),
        {MARKDOWN: markdown.encode(), HTML: page.encode(), **files},
        [text for text, one in found.items() if one.stated.exploratory],
        notes + [f"{name} is not in the library" for name in missing],
    )


def _markdown(
    top: list[str],
    texts: Mapping[str, str],
    ours: Mapping[str, str],
    after: Mapping[str, str],
    found: Mapping[str, Resolved],
) -> str:
    """Return the report: the author's parts with ours below each, our own parts, footnotes."""
    numbers = {text: number for number, text in enumerate(found, 1)}

    def value(said: str) -> str:
        one = found[" ".join(said.split())]
        return f"{plain(one.stated.shown)}[^{numbers[one.reference.text]}]"

    blocks = top
    for part, text in texts.items():
        heading = part.replace("_", "-").capitalize()
        blocks += [f"## {heading}", filled_in(text, value).strip(), ours.get(part, "")]
    for heading, text in after.items():
        blocks += [f"## {heading}", text]
    blocks += [_footnote(number, found[text]) for text, number in numbers.items()]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _content(title: str, found: Mapping[str, Resolved], facts: Facts, head: Head) -> ReportWritten:
    """Return the entry of a report: every number that it shows, and what each rests on."""
    rests = {
        basis.place: basis.receipt
        for one in found.values()
        for basis in (*one.basis, *one.behind)
        if basis.kind != WITHDRAWN
    }
    return ReportWritten(
        title=one_line(title),
        references={text: one.stated.shown for text, one in found.items()},
        receipts={**facts.receipts, **rests},
        basis={text: [basis.place for basis in one.basis] for text, one in found.items()},
        ledger_head=head.last,
        ledger_lines=head.lines,
        written=now(),
    )


def _introduction(resolver: Resolver) -> str:
    study = resolver.study
    return (
        f"Study {plain(study.name)}: {plain(study.opened.question)}\n\n"
        "Every number in the text is resolved from a signed receipt, which its footnote names. "
        "Tables, code, the list of all tries and the commands were generated from the receipts; "
        "the author could not leave any of them out."
    )


def _footnote(number: int, one: Resolved) -> str:
    """Return the footnote of a reference: where it is from."""
    said = f"[^{number}]: `{one.reference.text.replace('`', chr(39))}`"
    if not one.receipts:
        return said
    receipts = [f"{place} `{mac[:12]}`" for place, mac in one.receipts.items()]
    shown = receipts[:_MOST_RECEIPTS_NAMED]
    more = f", and {len(receipts) - len(shown)} more" if len(receipts) > len(shown) else ""
    return f"{said}. Receipts: {', '.join(shown)}{more}."

"""What a validation needs of a paper: title, authors, ids, cited code, the text of its method."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from fumehood_tools.papers.identity import arxiv_id, doi, title_key
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.outline import Outline, Section, outline_of
from fumehood_tools.repositories.address import keys_in

MOST_BEFORE, MOST_AFTER = 120, 60
"""Letters that are quoted around a place. An evidence's quote has at most 200."""
LEAST_METHOD = 600
"""Sections on the method with fewer characters say too little to compare code with."""
_METHOD = re.compile(
    r"method|approach|model|architecture|algorithm|framework|training|implementation|setup|set-up"
    r"|settings|hyper-?param|detail|optimi[sz]|loss|objective|inference|formulation|proposed"
    r"|experiment|design|procedure|pipeline|construction|estimat|sampl",
    re.I,
)
_NOT_METHOD = re.compile(
    r"introduction|related|background|acknowledg|conclusion|discussion|limitation|references"
    r"|bibliography|contributions|ethic|impact|funding|availability|summary|statement of need",
    re.I,
)
_OWN = re.compile(
    r"\b(?:code|implementation|software|notebooks?|package|repository|source|weights|pipeline|tool"
    r"|scripts|archive|material|harness)\b[^.]{0,200}\b(?:available|released?|found|open[- ]?source"
    r"|hosted|accessible|public|at)\b"
    r"|\bwe (?:release|publish|provide|open-?source|make)\b|\bcode\s*(?:and\s+\w+\s*)?:"
    r"|\b(?:github|repository|code)\s*:|notebooks? and weights\s*:|project page",
    re.I,
)
_USED = re.compile(
    r"\b(?:we (?:use|used|build|built|follow|adapt|rely)|us(?:es|ed|ing)|based on|built on"
    r"|harvested|provided by|implementation of|librar(?:y|ies)|thanks to|taken from|official)\b",
    re.I,
)
_ACRONYM = re.compile(r"^([A-Za-z][\w.+-]{2,24})\s*[:–—]\s")  # noqa: RUF001
_COINED = re.compile(
    r"(?:call(?:ed)?|named?|propose|introduce|present|describe|dub(?:bed)?|term(?:ed)?)\s+"
    r"(?:it\s+|this\s+\w+\s+)?\**([A-Z][A-Za-z]*[A-Z][\w-]*|[A-Z]{4,})\b"
)
_DATA_SETS = re.compile(
    r"\b(ImageNet|CIFAR-?100?|MNIST|WikiText(?:-\d+)?|OpenWebText|The Pile|C4|RedPajama|FineWeb"
    r"|GSM8K|MMLU|HumanEval|MBPP|SQuAD|GLUE|SuperGLUE|COCO|D4RL|AntMaze|LibriSpeech|TIMIT|wTIMIT"
    r"|PDB|SAbDab|Gaia|DESI|Peptides|TriviaQA|PopQA|HotpotQA|BookCorpus|LAION|KITTI|Cityscapes"
    r"|AIME|MATH-?500|TruthfulQA|HellaSwag|ARC-Challenge|[A-Z][A-Za-z]+[A-Z]\w*(?=\s+data\s?set))\b"
)


class Cited(NamedTuple):
    """An address of code in the paper. own: the paper calls it its own code."""

    key: str
    own: bool
    quote: str


class PaperFacts(NamedTuple):
    """One paper. text: all of it; method: the sections that describe what was done, else all."""

    id: str
    title: str
    authors: tuple[str, ...]
    arxiv: str
    doi: str
    name: str
    cited: tuple[Cited, ...]
    method: str
    describes_method: bool
    text: str
    symbols: tuple[str, ...]
    data_sets: tuple[str, ...]

    @property
    def title_words(self) -> list[str]:
        """The words of the title, in lower case."""
        return title_key(self.title).split()


def paper_facts(paper: str, document: Document) -> PaperFacts:
    """Return the facts of a stored paper. paper: its id."""
    outline = outline_of(document)
    text = "\n".join([document.abstract, *(it.text for it in outline.chunks)])
    method = _method_text(outline)
    equations = " ".join(it.latex or it.text for it in document.blocks if it.kind == "equation")
    return PaperFacts(
        id=paper,
        title=document.title,
        authors=tuple(document.authors),
        arxiv=(arxiv_id(paper) or "").split("v")[0],
        doi=doi(paper) or "",
        name=_name(document),
        cited=tuple(_cited(document, text)),
        method=method if len(method) >= LEAST_METHOD else text,
        describes_method=len(method) >= LEAST_METHOD,
        text=text,
        symbols=_symbols(f"{equations} {method}"),
        data_sets=tuple(dict.fromkeys(_DATA_SETS.findall(text)))[:12],
    )


def _method_text(outline: Outline) -> str:
    wanted = {it.id for it in outline.sections if _is_method(it)}
    return "\n".join(it.text for it in outline.chunks if it.section in wanted)


def _is_method(section: Section) -> bool:
    if section.level == 0 or section.is_bibliography:
        return False
    if any(_NOT_METHOD.search(title) for title in section.path):
        return False
    # Sections named after the method itself have no common word; results are no method.
    return bool(_METHOD.search(" ".join(section.path))) or not re.search(
        r"\bresults?\b|evaluation|analysis", " ".join(section.path), re.I
    )


def _name(document: Document) -> str:
    """Return the name of the method: before the title's colon, or coined in the abstract."""
    if found := _ACRONYM.match(document.title):
        return found[1].removesuffix(".py")
    coined = _COINED.search(document.abstract)
    return coined[1] if coined else ""


def _cited(document: Document, text: str) -> Iterator[Cited]:
    found: dict[str, Cited] = {}
    body = "\n".join([text, *(it.text for it in document.blocks if it.kind == "footnote")])
    joined = re.sub(r"\s+", " ", body)
    for link in document.links:
        for key in keys_in(link.url):
            found.setdefault(key, _cited_as(key, joined, link.text))
    for key in keys_in(joined):
        known = found.get(key)
        if known is None or not known.own:
            found[key] = _cited_as(key, joined, "")
    for entry in document.references:
        for key in keys_in(f"{entry.url or ''} {entry.text}"):
            found.setdefault(key, Cited(key, own=False, quote=entry.text))
    yield from found.values()


def _cited_as(key: str, text: str, words: str) -> Cited:
    """Return an address as the text cites it, by itself or as a link on some words."""
    path = key.split("/", 1)[1].lower()
    at = text.lower().find(path)
    shown = path
    if at < 0 and len(words) > 3:
        at, shown = text.find(words), words
    if at < 0:
        return Cited(key, own=False, quote="")
    start = max(text.rfind(". ", 0, max(0, at - 20)) + 1, at - 220, 0)
    context = text[start : at + len(path) + 60].strip()
    return Cited(key, _is_own(context, key), passage(text, at, at + len(shown)))


def passage(text: str, start: int, end: int) -> str:
    """Return what stands before and after a place in a text, in whole words."""
    first, last = max(0, start - MOST_BEFORE), end + MOST_AFTER
    before = text[first:start]
    if (sentence := before.rfind(". ")) >= 0:
        before = before[sentence + 2 :]
    elif first:
        before = f"…{before.partition(' ')[2]}"
    after = text[end:last]
    if (stop := after.find(". ")) >= 0:
        after = after[: stop + 1]
    elif last < len(text):
        after = f"{after.rpartition(' ')[0]}…"
    return f"{before}{text[start:end]}{after}".strip()


def _is_own(context: str, key: str) -> bool:
    """Whether the sentence calls the address the paper's own code, not something that it uses."""
    at = context.lower().find(key.split("/", 1)[1].lower())
    before = context[:at] if at >= 0 else context
    used = _USED.search(before.rsplit(". ", 1)[-1])
    return bool(_OWN.search(context)) and not used


def _symbols(text: str) -> tuple[str, ...]:
    """Return names of the equations with at least 4 letters: W_enc as wenc, TopK as topk."""
    found = re.findall(
        r"([A-Za-z]{1,12})_\{?(?:\\(?:text|mathrm|mathit)\{)?([A-Za-z]{2,14})\b", text
    )
    names = [(a + b).lower() for a, b in found]
    names += [
        it.lower() for it in re.findall(r"\\(?:operatorname|mathrm|text)\{([A-Za-z]{3,})\}", text)
    ]
    return tuple(dict.fromkeys(it for it in names if len(it) >= 4))[:20]

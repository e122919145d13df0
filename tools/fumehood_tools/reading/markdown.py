"""Write a document as Markdown or JSON, for people, files and agents.

Markdown keeps headings, lists, tables, equations, code, captions, footnotes, references and links.
Text at the start of a line that would be taken for markup is escaped. Hidden text is omitted. JSON
keeps everything: `Document.model_validate_json` restores the document.
"""

import re

from fumehood_tools.reading.document import Block, Document, Reference
from fumehood_tools.reading.outline import BIBLIOGRAPHY, caption_text

_MARKUP = re.compile(r"^(\s*)(#{1,6}\s|>|\||[-+*]\s|`{3}|~{3}|\d+[.)]\s)", re.M)


def to_markdown(document: Document) -> str:
    """Return the document as Markdown. The title is the only first-level heading."""
    parts = [f"# {_line(document.title)}"] if document.title else []
    if document.authors:
        parts.append(", ".join(_line(author) for author in document.authors))
    if document.abstract:
        parts.append(f"**Abstract.** {_prose(document.abstract)}")
    references = "\n".join(map(_reference, document.references))
    kind = ""
    for block in document.blocks:
        text = _block(block)
        if block.kind == "heading" and references and BIBLIOGRAPHY.fullmatch(block.text):
            text, references = f"{text}\n\n{references}", ""
        if kind == block.kind == "list_item":
            parts[-1] += f"\n{text}"
        else:
            parts.append(text)
        kind = block.kind
    links = "\n".join(dict.fromkeys(f"- {_link(it.text, it.url)}" for it in document.links))
    parts += [f"## References\n\n{references}"] if references else []
    parts += [f"## Links\n\n{links}"] if links else []
    return "\n\n".join(parts) + "\n"


def to_json(document: Document) -> str:
    """Return the document as JSON, from which it can be restored unchanged."""
    return document.model_dump_json(indent=1)


def _block(block: Block) -> str:
    match block.kind:
        case "heading":
            title = " ".join(part for part in (block.number, _line(block.text)) if part)
            return f"{'#' * min(6, (block.level or 1) + 1)} {title}"
        case "list_item":
            return f"- {_line(block.text)}"
        case "table":
            return "\n\n".join(
                part for part in (_caption(block), table_markdown(block.rows)) if part
            )
        case "figure":
            return _caption(block)
        case "equation":
            tag = f" \\tag{{{block.number}}}" if block.number else ""
            return f"$$\n{block.latex or block.text}{tag}\n$$"
        case "code":
            runs = re.findall(r"`{3,}", block.text)
            fence = "`" * (max(map(len, runs)) + 1 if runs else 3)
            return f"{fence}\n{block.text}\n{fence}"
        case "footnote":
            return f"> {_line(block.text)}"
        case _:
            return _prose(block.text)


def _caption(block: Block) -> str:
    return f"*{_line(caption_text(block))}*"


def table_markdown(rows: list[list[str]]) -> str:
    """Return a pipe table with the first row as its header, or '' if there are no rows."""
    if not rows:
        return ""
    width = max(len(row) for row in rows)
    lines = [_pipes([*row, *[""] * (width - len(row))]) for row in rows]
    return "\n".join([lines[0], _pipes(["---"] * width), *lines[1:]])


def _pipes(cells: list[str]) -> str:
    return f"| {' | '.join(_line(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _reference(entry: Reference) -> str:
    known = [
        f"https://arxiv.org/abs/{entry.arxiv}" if entry.arxiv else None,
        f"https://doi.org/{entry.doi}" if entry.doi else None,
        entry.url,
    ]
    missing = [url for url in known if url and url not in entry.text]
    return " ".join(["-", _line(entry.label), _line(entry.text), *(f"<{url}>" for url in missing)])


def _link(text: str, url: str) -> str:
    words = _line(text)
    if not words or words == url:
        return f"<{url}>"
    escaped = words.replace("[", "\\[").replace("]", "\\]")
    return f"[{escaped}](<{url}>)"


def _line(text: str) -> str:
    return " ".join(text.split())


def _prose(text: str) -> str:
    return _MARKUP.sub(r"\1\\\2", text.strip())

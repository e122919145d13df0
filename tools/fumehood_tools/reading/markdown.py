"""A document as Markdown, for people and for agents that read files."""

from collections.abc import Iterator

from fumehood_tools.reading.document import Block, Document

_ESCAPED = str.maketrans({"|": "\\|", "\n": " "})


def to_markdown(document: Document) -> str:
    """Return the whole document: headings, pipe tables, equations, captions, references, links."""
    return "\n\n".join(part for part in _parts(document) if part) + "\n"


def table_markdown(block: Block) -> str:
    """Return a table's rows as a pipe table, its first row as the header."""
    width = max((len(row) for row in block.rows), default=0)
    if not width:
        return ""
    rows = [row + [""] * (width - len(row)) for row in block.rows]
    lines = ["| " + " | ".join(cell.translate(_ESCAPED) for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _parts(document: Document) -> Iterator[str]:
    yield f"# {document.title}" if document.title else ""
    yield ", ".join(document.authors)
    if document.abstract:
        yield "## Abstract"
        yield document.abstract
    for block in document.blocks:
        yield _block(block)
    if document.references:
        yield "## References"
        yield "\n".join(f"- {it.label} {it.text}".strip() for it in document.references)
    if document.links:
        yield "## Links"
        urls = dict.fromkeys(
            f"- <{it.url}>{f' ({it.text})' if it.text else ''}" for it in document.links
        )
        yield "\n".join(urls)


def _block(block: Block) -> str:
    label = f" {block.number}" if block.number else ""
    match block.kind:
        case "heading":
            number = f"{block.number} " if block.number else ""
            return f"{'#' * min(6, (block.level or 1) + 1)} {number}{block.text}"
        case "list_item":
            return f"- {block.text}"
        case "table":
            return f"**Table{label}:** {block.text}\n\n{table_markdown(block)}".strip()
        case "figure":
            return f"**Figure{label}:** {block.text}"
        case "equation":
            number = f" \\tag{{{block.number}}}" if block.number and block.latex else ""
            if block.latex:
                return f"$$\n{block.latex}{number}\n$$"
            return f"{block.text}{f' ({block.number})' if block.number else ''}"
        case "code":
            return f"```\n{block.text}\n```"
        case "footnote":
            return f"> {block.text}"
    return block.text

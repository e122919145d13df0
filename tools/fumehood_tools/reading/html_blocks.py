"""Tell which elements of an HTML page are blocks and which are part of running text."""

from fumehood_tools.reading.html_text import Element, classes

INLINE = {
    *("span", "a", "em", "strong", "b", "i", "u", "sub", "sup", "code", "cite", "small", "math"),
    *("q", "abbr", "mark", "kbd", "samp", "var", "br", "time", "font", "tt", "s", "del", "ins"),
}
_BLOCK_TAGS = {"p", "div", "table", "ul", "ol", "dl", "pre", "figure", "section", "blockquote"}
_BLOCK_CLASSES = {"ltx_equation", "ltx_equationgroup", "ltx_listing", "ltx_tabular", "ltx_itemize"}


def holds_blocks(element: Element) -> bool:
    """Return whether an inline element or paragraph contains block elements, ignoring notes."""
    if element.tag == "math":
        return bool(element.get("display") == "block")
    return any(
        (part.tag in _BLOCK_TAGS or bool(classes(part) & _BLOCK_CLASSES))
        and not inside_note(part, element)
        for part in element.iterdescendants(*_BLOCK_TAGS, "span")
    )


def is_block(element: Element) -> bool:
    """Return whether an inline element is displayed as a block, or contains one."""
    return bool(classes(element) & _BLOCK_CLASSES) or holds_blocks(element)


def inside_note(element: Element, top: Element) -> bool:
    """Return whether an element is part of a footnote inside another element."""
    for around in element.iterancestors():
        if around is top:
            return False
        if "ltx_note" in classes(around):
            return True
    return False

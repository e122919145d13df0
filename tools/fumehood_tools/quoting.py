"""Make text from untrusted sources safe to display and store."""

MOST_QUOTED = 200


def quotable(text: str) -> str:
    """Return text without control characters or lone surrogates, safe for terminals and files."""
    if all(line.isprintable() for line in text.split("\n")):
        return text
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in whole
    )


def one_line(text: str) -> str:
    """Return text on one line: unprintable characters become spaces, runs of spaces one space."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def quoted(said: object) -> str:
    """Return a child's error text as ASCII, too short to contain a row of activations."""
    text = str(said).encode("ascii", "replace").decode("ascii")
    return text if len(text) <= MOST_QUOTED else f"{text[: MOST_QUOTED - 30]} ... {text[-25:]}"

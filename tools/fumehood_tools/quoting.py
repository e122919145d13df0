"""Text that came from outside, made fit to be shown and stored."""


def quotable(text: str) -> str:
    """Return what a child said as text that every terminal and file takes, without controls."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in whole
    )


def one_line(text: str) -> str:
    """Return text on one line: what cannot be printed and runs of blanks become one blank."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())

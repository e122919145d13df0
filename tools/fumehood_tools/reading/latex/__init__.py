"""Read papers from their LaTeX source: `read_latex(archive)` returns a Document."""

from fumehood_tools.reading.latex.reader import read_latex, read_sources

__all__ = ["read_latex", "read_sources"]

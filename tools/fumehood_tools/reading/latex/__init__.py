"""Papers from their LaTeX source."""

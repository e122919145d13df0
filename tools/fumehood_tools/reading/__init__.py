"""Reading papers: from LaTeX, HTML or PDF to one document model, and records held to the text."""

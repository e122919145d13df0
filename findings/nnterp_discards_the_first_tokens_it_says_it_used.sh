#!/usr/bin/env bash
# nnterp 1.3.0: for a tokenizer that puts a space in front of each text, get_first_tokens says that it used another
# way to find the tokens without the space, and returns the answer without them.
#
# Expected: the first tokens "of 'word' and ' word' for all words". When the tokenizer adds the space itself, "Used
# hacky implementation instead" means that the tokens of the word without a space were found by it and are returned.
# Found: they are computed and dropped, once per word. Only the tokens with the space come back, so with tokenizers like
# those of Llama 2 or Mistral the probability of a target leaves out the answer without a space, which is the likely
# one after a quote or a bracket. use_hacky_implementation=True returns the others, and only these.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 "numpy<2" \
    transformers==4.57.3 nnsight==0.7.0 nnterp==1.3.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

from nnterp.prompt_utils import get_first_tokens
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PIECES = ["[unk]", "\u2581", "\u2581cat", "cat", "\u2581dog", "dog", "\N{PEAR}", "\u2581\N{PEAR}"]


def tokenizer_with(scheme):
    """Return a tokenizer that puts a space in front of each text ("always") or never."""
    inner = Tokenizer(models.Unigram([(piece, -float(place)) for place, piece in enumerate(PIECES)], unk_id=0))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    inner.decoder = decoders.Metaspace(prepend_scheme=scheme)
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[unk]")


print(f"nnterp {version('nnterp')}")
found = {}
for scheme in ("never", "always"):
    tokenizer = tokenizer_with(scheme)
    for hacky in (False, True):
        ids = get_first_tokens(["cat", "dog"], tokenizer, use_hacky_implementation=hacky)
        found[scheme, hacky] = sorted(PIECES[one].replace("\u2581", "_") for one in ids)
        print(f"space in front {scheme}, use_hacky_implementation={hacky}: {found[scheme, hacky]}")
assert found["never", False] == ["_cat", "_dog", "cat", "dog"]
assert found["never", True] == found["always", True] == ["cat", "dog"]
assert found["always", False] == ["_cat", "_dog"], "the tokens without a space are returned now"
PYTHON

#!/usr/bin/env bash
# circuit-tracer 0.5.0: a BOS token whose id is 0 is passed over: attribute puts the next special token in front
# of the prompt.
#
# Expected: the tokenizer's BOS token, which comes first in the list of candidates, as it does with any other id.
# Found: candidates are sorted out by whether they are true, and 0 is false like None. With BOS 0 and EOS 1 the
# prompt begins with EOS, which the model has seen at the ends of documents. The graph is of another input than
# the one that the tokenizer makes of the same text, without a warning. Where 0 is the only special token, as
# where one token is BOS, EOS and padding, StopIteration is raised.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0
pip transformers==4.57.3 einops==0.8.2 jaxtyping==0.3.11 beartype==0.23.1 fancy-einsum==0.0.3 better-abc==0.0.3 \
  datasets==5.0.1 sentencepiece==0.2.3 wandb==0.31.0 rich==15.0.0 typeguard==4.6.1 protobuf==7.36.2
pip --no-deps transformer-lens==3.2.1 circuit-tracer==0.5.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from circuit_tracer import ReplacementModel, attribute
from circuit_tracer.transcoder import SingleLayerTranscoder, TranscoderSet
from tokenizers import Tokenizer, models, pre_tokenizers
from transformer_lens import HookedTransformerConfig
from transformers import PreTrainedTokenizerFast

WORDS = [f"w{i}" for i in range(17)]


def first_token(vocabulary, **special):
    """Return the token in front of the prompt in the graph, or the exception's name."""
    torch.manual_seed(0)
    cpu = torch.device("cpu")
    transcoder = SingleLayerTranscoder(16, 64, torch.relu, 0, device=cpu, dtype=torch.float32)
    transcoder.W_enc.data.normal_()
    transcoder.W_dec.data.normal_()
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token=vocabulary[-1]))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=inner, **special).save_pretrained("tokenizer")
    config = HookedTransformerConfig(
        n_layers=1, d_model=16, n_ctx=8, d_head=8, n_heads=2, d_mlp=32, d_vocab=len(vocabulary), act_fn="gelu",
        normalization_type="LN", seed=0, device="cpu", model_name="tiny",
    )
    model = ReplacementModel.from_config(
        config, TranscoderSet({0: transcoder}, feature_input_hook="mlp.hook_in", feature_output_hook="hook_mlp_out"),
        tokenizer=PreTrainedTokenizerFast.from_pretrained("tokenizer"),
    )
    try:
        return vocabulary[attribute("w1 w2 w3", model).input_tokens[0]]
    except StopIteration as error:
        return type(error).__name__
    finally:
        del model  # at the end of the program its finalizer would print a traceback


both = {"bos_token": "<bos>", "eos_token": "<eos>"}
at_0 = first_token(["<bos>", "<eos>", *WORDS], **both)
at_1 = first_token(["<eos>", "<bos>", *WORDS], **both)
only = first_token(["<both>", *WORDS], bos_token="<both>", eos_token="<both>", pad_token="<both>")
print(f"circuit-tracer {version('circuit-tracer')}: BOS has id 0: {at_0}; id 1: {at_1}; one special token, of id 0: {only}")
assert at_1 == "<bos>", "BOS is not put in front with another id either"
assert at_0 == "<eos>" and only == "StopIteration", "a token of id 0 is put in front now"
PYTHON

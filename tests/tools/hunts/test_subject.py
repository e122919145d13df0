"""A language model's site is read and steered where the activations of SAEs come from."""

import warnings
from typing import Any

import pytest
import torch

from fumehood_tools.errors import BadRequest
from fumehood_tools.hunts.subject import LanguageSubject
from fumehood_tools.spec import SandboxSpec, SubjectSpec

WORDS = ("<s>", "Ġsun", "ĠSea", "Ġtea", "sun", "Ġ9", "Ġ")


def language_subject(site: str, layer: int) -> LanguageSubject:
    """Return a random llama of three layers, with a tokenizer of a few words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel
        from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    known = {word: number for number, word in enumerate(WORDS)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(known, "<s>")), bos_token="<s>", eos_token="<s>"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        bos_token_id=0,
        eos_token_id=0,
    )
    model: Any = LlamaForCausalLM(config)
    chosen = SubjectSpec.model_validate({"name": "llama", "layer": layer, "site": site})
    return LanguageSubject(SandboxSpec(subject=chosen), model.eval(), tokenizer)


@torch.no_grad()
def test_the_residual_stream_is_read_and_steered_after_its_block() -> None:
    subject, tokens_BT = language_subject("resid_post", 1), torch.tensor([[0, 1, 2, 3, 4]])
    whole = subject.model(input_ids=tokens_BT, output_hidden_states=True)
    assert torch.allclose(subject.read(tokens_BT), whole.hidden_states[2], atol=1e-5)
    assert torch.allclose(subject.logits(tokens_BT, torch.zeros(16)), whole.logits, atol=1e-5)
    added = torch.randn(16)
    last = language_subject("resid_post", 2)
    # hidden_states ends after the final norm, so the sum is made of the two parts before it.
    before = last.read(tokens_BT)
    expected = last.head(last.body.norm(before + added))
    assert torch.allclose(last.logits(tokens_BT, added), expected, atol=1e-5)
    assert torch.allclose(last.written(added), last.head(added * last.body.norm.weight), atol=1e-5)


@torch.no_grad()
def test_what_is_added_to_the_output_of_an_mlp_is_added_to_the_residual_stream() -> None:
    tokens_BT, added = torch.tensor([[0, 1, 3]]), torch.randn(16)
    at_mlp = language_subject("mlp_out", 1).logits(tokens_BT, added)
    at_residual = language_subject("resid_post", 1).logits(tokens_BT, added)
    assert torch.allclose(at_mlp, at_residual, atol=1e-5)
    steered = language_subject("mlp_in", 1).logits(tokens_BT, added)
    assert not torch.allclose(steered, at_residual, atol=1e-3)


def test_a_concept_is_a_letter_with_which_a_word_begins_in_either_case() -> None:
    subject = language_subject("resid_post", 0)
    assert subject.labels("s", torch.tensor([[0, 1, 2, 3, 4, 5, 6]])).tolist() == [
        [False, True, True, False, False, False, False]
    ]
    assert subject.writes("t").tolist() == [3] and subject.writes("w").tolist() == []
    for wrong in ([], [7], [1] * 129):
        with pytest.raises(BadRequest):
            subject.row(wrong)

"""Reading activations from Hugging Face models: tiny random ones, of every layout we claim."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fumehood_tools.errors import BadRequest, RunFailed
from fumehood_tools.harvest.engine import ModelReader
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.harvest.shards import write_split
from fumehood_tools.subjects.sites import find_blocks, find_mlp

LAYOUTS = ("llama", "gpt_neox", "gpt2")


def tiny(layout: str, seed: int = 0) -> Any:
    """Return a random causal LM with 3 layers of width 32."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, LlamaConfig
    shape: dict[str, Any] = {
        "vocab_size": 100,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    configs: dict[str, Any] = {
        "llama": lambda: LlamaConfig(**shape),
        "gpt_neox": lambda: GPTNeoXConfig(**shape),
        "gpt2": lambda: GPT2Config(
            vocab_size=100, n_embd=32, n_layer=3, n_head=4, bos_token_id=0, eos_token_id=0
        ),
    }
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(configs[layout]()).eval()


TOKENS = torch.randint(1, 100, (4, 16), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_residual_stream_equals_the_whole_models_hidden_state(layout: str) -> None:
    with torch.no_grad():
        whole = tiny(layout)(input_ids=TOKENS, output_hidden_states=True).hidden_states
    reader = ModelReader(tiny(layout), 1, "resid_post")
    torch.testing.assert_close(reader.read(TOKENS), whole[2], rtol=1e-5, atol=1e-6)
    assert reader.d_model == 32


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_enters_the_mlp_gives_what_leaves_it(layout: str) -> None:
    entering = ModelReader(tiny(layout), 1, "mlp_in").read(TOKENS)
    leaving = ModelReader(tiny(layout), 1, "mlp_out").read(TOKENS)
    mlp = find_mlp(find_blocks(tiny(layout).base_model, 3)[1])
    with torch.no_grad():
        torch.testing.assert_close(mlp(entering), leaving, rtol=1e-5, atol=1e-6)


def test_blocks_above_the_site_are_not_run() -> None:
    model = tiny("llama")
    blocks = find_blocks(model.base_model, 3)
    for above in (blocks[2], model.base_model.norm, model.lm_head):
        above.register_forward_pre_hook(lambda *_: pytest.fail("ran"))
    ModelReader(model, 1, "resid_post").read(TOKENS)
    assert len(blocks) == 2


def test_padding_on_the_right_does_not_change_what_stands_before_it() -> None:
    reader = ModelReader(tiny("llama"), 2, "resid_post")
    padded = torch.cat([TOKENS, torch.zeros(4, 5, dtype=torch.long)], dim=1)
    torch.testing.assert_close(reader.read(padded)[:, :16], reader.read(TOKENS))


def test_activations_that_are_not_finite_are_refused_with_the_way_out() -> None:
    model = tiny("llama")
    model.base_model.embed_tokens.weight.data[TOKENS[0, 0]] = torch.nan
    with pytest.raises(RunFailed, match="FUMEHOOD_DTYPE=float32"):
        ModelReader(model, 1, "resid_post").read(TOKENS)


def test_a_layer_the_model_has_not_is_refused() -> None:
    with pytest.raises(BadRequest, match="0 to 2"):
        ModelReader(tiny("gpt2"), 3, "resid_post")


class Huge:
    """A subject with massive activations at even tokens."""

    d_model = 4

    def read(self, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Return 90,000 for token 2 and 1 for all others."""
        return torch.where(tokens_BT == 2, 9e4, 1.0).unsqueeze(-1).expand(-1, -1, 4)


def test_activations_too_large_for_float16_are_kept_in_float32(tmp_path: Path) -> None:
    rows = np.ones((300, 129), dtype=np.int32)
    rows[290, 5] = 2
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        phase = Reporter(log).phase("activations", 300 * 128)
        first, *_, last = write_split(rows, tmp_path, Huge(), phase)
    assert np.load(first).dtype == np.float16 and np.load(last).dtype == np.float32
    assert np.load(last).max() == 9e4

"""Reading activations from tiny random Hugging Face models of every supported layout."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fumehood_tools.errors import BadRequest, RunFailed
from fumehood_tools.harvest import Site
from fumehood_tools.harvest.engine import ModelReader
from fumehood_tools.harvest.reporting import Reporter
from fumehood_tools.harvest.shards import Target, write_split
from fumehood_tools.spec import SiteName
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


def read(model: Any, layer: int, site: SiteName, tokens_BT: torch.Tensor) -> torch.Tensor:
    """Return the activations at one site of a model. Removes the blocks above it."""
    place = Site(layer=layer, site=site)
    (x_BTD,) = ModelReader(model, [place]).read(tokens_BT, [place])
    return x_BTD


TOKENS = torch.randint(1, 100, (4, 16), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_residual_stream_equals_the_whole_models_hidden_state(layout: str) -> None:
    with torch.no_grad():
        whole = tiny(layout)(input_ids=TOKENS, output_hidden_states=True).hidden_states
    found = read(tiny(layout), 1, "resid_post", TOKENS)
    torch.testing.assert_close(found, whole[2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_enters_the_mlp_gives_what_leaves_it(layout: str) -> None:
    entering = read(tiny(layout), 1, "mlp_in", TOKENS)
    leaving = read(tiny(layout), 1, "mlp_out", TOKENS)
    mlp = find_mlp(find_blocks(tiny(layout).base_model, 3)[1])
    with torch.no_grad():
        torch.testing.assert_close(mlp(entering), leaving, rtol=1e-5, atol=1e-6)


def test_blocks_above_the_site_are_not_run() -> None:
    model = tiny("llama")
    blocks = find_blocks(model.base_model, 3)
    for above in (blocks[2], model.base_model.norm, model.lm_head):
        above.register_forward_pre_hook(lambda *_: pytest.fail("ran"))
    read(model, 1, "resid_post", TOKENS)
    assert len(blocks) == 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_many_sites_in_one_pass_give_the_values_of_each_site_alone(layout: str) -> None:
    names: tuple[SiteName, ...] = ("resid_post", "mlp_in", "mlp_out")
    sites = [Site(layer=layer, site=name) for layer in (2, 0, 1) for name in names]
    reader = ModelReader(tiny(layout), sites)
    together = reader.read(TOKENS, sites)
    for site, x_BTD in zip(sites, together, strict=True):
        assert x_BTD.equal(read(tiny(layout), site.layer, site.site, TOKENS)), site
        assert reader.read(TOKENS, [site])[0].equal(x_BTD)
    assert reader.d_model == 32


def test_a_pass_ends_at_the_deepest_site_that_is_wanted() -> None:
    model = tiny("llama")
    model.base_model.layers[1].register_forward_pre_hook(lambda *_: pytest.fail("ran"))
    shallow, deep = Site(layer=0, site="resid_post"), Site(layer=2, site="resid_post")
    ModelReader(model, [deep, shallow]).read(TOKENS, [shallow])


def test_padding_on_the_right_does_not_change_what_stands_before_it() -> None:
    padded = torch.cat([TOKENS, torch.zeros(4, 5, dtype=torch.long)], dim=1)
    longer = read(tiny("llama"), 2, "resid_post", padded)
    torch.testing.assert_close(longer[:, :16], read(tiny("llama"), 2, "resid_post", TOKENS))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_activations_that_are_not_finite_are_refused_with_the_way_out(value: float) -> None:
    model = tiny("gpt2")
    model.base_model.h[1].mlp.c_proj.bias.data[7] = value
    with pytest.raises(RunFailed, match="FUMEHOOD_DTYPE=float32"):
        read(model, 1, "resid_post", TOKENS)


def test_a_layer_the_model_has_not_is_refused() -> None:
    with pytest.raises(BadRequest, match="0 to 2"):
        ModelReader(tiny("gpt2"), [Site(layer=3)])


class Huge:
    """A subject with massive activations at even tokens."""

    d_model = 4

    def read(self, tokens_BT: torch.Tensor, sites: Sequence[Site]) -> list[torch.Tensor]:
        """Return -90,000 for token 2 and 1 for all others."""
        return [torch.where(tokens_BT == 2, -9e4, 1.0).unsqueeze(-1).expand(-1, -1, 4)]


def test_activations_too_large_for_float16_are_kept_in_float32(tmp_path: Path) -> None:
    rows = np.ones((300, 129), dtype=np.int32)
    rows[290, 5] = 2
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        phase = Reporter(log).phase("activations", 300 * 128)
        target = Target(Site(layer=0), tmp_path)
        ((first, *_, last),) = write_split(rows, [target], Huge(), 4096, phase)
    assert np.load(first).dtype == np.float16 and np.load(last).dtype == np.float32
    assert np.load(last).min() == -9e4

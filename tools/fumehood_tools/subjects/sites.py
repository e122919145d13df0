"""Sites: the places in a block where activations are read, and their names in other libraries.

resid_post  the residual stream after the block
mlp_in      the input of the MLP, after its norm (what a transcoder reads)
mlp_out     the output of the MLP, before it is added to the residual stream
"""

from typing import TYPE_CHECKING

from fumehood_tools.errors import BadRequest
from fumehood_tools.kinds import SiteName

if TYPE_CHECKING:
    import torch

_HOOKS: dict[SiteName, str] = {
    "resid_post": "hook_resid_post",
    # Not ln2.hook_normalized, which is before the norm's weight. Verified with forward hooks.
    "mlp_in": "mlp.hook_in",
    "mlp_out": "hook_mlp_out",
}
_MLP_NAMES = ("mlp", "feed_forward", "ffn")


def hook_name(site: SiteName, layer: int) -> str:
    """Return the name of a site in TransformerLens' TransformerBridge (layer counts from 0)."""
    return f"blocks.{layer}.{_HOOKS[site]}"


def find_blocks(body: "torch.nn.Module", n_layers: int) -> "torch.nn.ModuleList":
    """Return the list of transformer blocks in a model body (a model without its head).

    In Llama, GPT-NeoX, GPT-2 and related models, it is the only ModuleList with as many entries as
    the model has layers. Raises BadRequest if there is no such list.
    """
    import torch

    for module in body.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_layers:
            return module
    raise BadRequest(
        f"{type(body).__name__} has no list of {n_layers} blocks. Choose a decoder-only model."
    )


def find_mlp(block: "torch.nn.Module") -> "torch.nn.Module":
    """Return the MLP of a block. Raises BadRequest if it is not a separate module."""
    import torch

    for name in _MLP_NAMES:
        module = getattr(block, name, None)
        if isinstance(module, torch.nn.Module):
            return module
    raise BadRequest(f'{type(block).__name__} has no MLP module. Set subject.site to "resid_post".')

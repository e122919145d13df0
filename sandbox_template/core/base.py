"""BaseSAE: what a variant's CustomSAE starts from.

B = tokens, D = activation_dim, F = dict_size. All activations are in normalised space: divided by
one number, so that the mean of |x|^2 over the training split is 1.

    f     = relu(W_enc (x - bias) + b_enc)      encode, [B, D] -> [B, F]
    x_hat = W_dec f + b_dec + bias              decode, [B, F] -> [B, D]

`bias` is subtracted before the encoder and added after the decoder; the decoder, a Linear, has a
bias of its own besides (as in the 2025 pilot). Override encode, decode or both; add parameters in
__init__ with defaults for every further argument.

A subclass may define skip(x), [B, D] -> [B, D], for a path past the latents, in a file that says
SKIP = True: then forward returns decode(encode(x)) + skip(x). Metrics are of the latents alone.
"""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from core.kernels import rectified
from core.library import Dictionary

INITIAL_NORM = 0.1


class BaseSAE(Dictionary):
    """A one-layer SAE with ReLU latents."""

    def __init__(self, activation_dim: int, dict_size: int) -> None:
        """Make an SAE with tied weights: decoder columns of norm 0.1, all biases 0."""
        super().__init__()
        self.activation_dim = activation_dim
        self.dict_size = dict_size
        self.bias = nn.Parameter(torch.zeros(activation_dim))
        self.encoder = nn.Linear(activation_dim, dict_size, bias=True)
        self.decoder = nn.Linear(dict_size, activation_dim, bias=True)
        W_dec_DF = torch.randn(activation_dim, dict_size)
        W_dec_DF = INITIAL_NORM * W_dec_DF / W_dec_DF.norm(dim=0, keepdim=True)
        self.decoder.weight = nn.Parameter(W_dec_DF)
        self.encoder.weight = nn.Parameter(W_dec_DF.T.contiguous())
        nn.init.zeros_(self.encoder.bias)
        nn.init.zeros_(self.decoder.bias)

    def encode(self, x: Tensor) -> Tensor:
        """Return latents [B, F] of activations [B, D]; none is negative."""
        if torch.is_grad_enabled() or type(self.encoder) is not nn.Linear:
            return torch.relu(self.encoder(x - self.bias))
        return rectified(x - self.bias, self.encoder.weight, self.encoder.bias)

    def decode(self, f: Tensor) -> Tensor:
        """Return reconstructions [B, D] of latents [B, F]."""
        x_hat: Tensor = self.decoder(f) + self.bias
        return x_hat

    def forward(self, x: Tensor, output_features: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Return x_hat [B, D], or (x_hat, f [B, F]) with output_features."""
        f = self.encode(x)
        x_hat = self.decode(f)
        if (skip := getattr(type(self), "skip", None)) is not None:
            x_hat = x_hat + skip(self, x)
        return (x_hat, f) if output_features else x_hat

    @classmethod
    def from_pretrained(cls, path: Path | str, device: str | None = None, **kwargs: Any) -> Self:
        """Load a `sae.safetensors` as this class (a subclass stays one). kwargs go to __init__."""
        from safetensors.torch import load_file

        weights = load_file(path, device=device or "cpu")
        dict_size, activation_dim = weights["encoder.weight"].shape
        sae = cls(activation_dim, dict_size, **kwargs).to(device or "cpu")
        sae.load_state_dict(weights, strict=True)
        return sae

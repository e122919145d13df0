"""BaseTranscoder and its relatives: what a variant's CustomTranscoder starts from.

A transcoder reads x, the input of an MLP after its norm, and predicts y, the MLP's output.
B = tokens, D = activation_dim, F = dict_size. Both are in normalised space: each is divided by one
number of its own, so that the mean of |x|^2 and of |y|^2 over the training split is 1.

    f     = relu(W_enc x + b_enc)                       encode, [B, D] -> [B, F]
    y_hat = W_dec f + b_dec                             decode, [B, F] -> [B, D]
    y_hat = W_dec f + b_dec + W_skip x                  of a skip transcoder

Dunefsky, Chlenski, Nanda 2024, arXiv 2406.11944; with a skip path Paulo, Shabalin, Belrose 2025,
arXiv 2501.18823. Neither subtracts the decoder's bias from x: input and output differ.

Initial weights. All: W_enc as nn.Linear draws it, b_enc = 0. Where decoder columns are kept at unit
norm (ReLU, JumpReLU), they begin as random directions, as in Dunefsky et al.'s code. Where they are
not (TopK, BatchTopK), W_dec begins at 0, as does W_skip: EleutherAI's sparsify, the code of Paulo
et al., does so. The encoder is not the decoder's transpose: the two live in different spaces. The
trainers put the biases at the data's means before the first step (`centre`).
"""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from core.kernels import Latents, latent_major, rectified, topk_encode
from core.library import Dictionary

FIRST_THRESHOLD = 0.001


class BaseTranscoder(Dictionary):
    """A one-layer transcoder with ReLU latents and unit decoder columns.

    Override encode, decode or both; add parameters in __init__ with defaults for every further
    argument. A file whose class has a method skip(x), [B, D] -> [B, D], says SKIP = True.
    """

    def __init__(self, activation_dim: int, dict_size: int) -> None:
        super().__init__()
        self.activation_dim = activation_dim
        self.dict_size = dict_size
        self.encoder = nn.Linear(activation_dim, dict_size)
        self.decoder = nn.Linear(dict_size, activation_dim)
        nn.init.zeros_(self.encoder.bias)
        nn.init.zeros_(self.decoder.bias)
        self.start_decoder()

    @torch.no_grad()
    def start_decoder(self) -> None:
        """Set the decoder's initial weight: random columns of norm 1."""
        W_DF = torch.randn(self.activation_dim, self.dict_size)
        self.decoder.weight.copy_(W_DF / W_DF.norm(dim=0, keepdim=True))

    @torch.no_grad()
    def centre(self, x: Tensor, y: Tensor) -> None:
        """Set both biases from a first batch: mean pre-activation 0, constant output mean y."""
        self.encoder.bias.copy_(-self.encoder.weight @ x.mean(dim=0))
        self.decoder.bias.copy_(y.mean(dim=0))

    def encode(self, x: Tensor) -> Tensor:
        """Return latents [B, F] of activations x [B, D]; none is negative."""
        if torch.is_grad_enabled() or type(self.encoder) is not nn.Linear:
            return torch.relu(self.encoder(x))
        return rectified(x, self.encoder.weight, self.encoder.bias)

    def decode(self, f: Tensor) -> Tensor:
        """Return predictions [B, D] of latents [B, F], without the skip path."""
        y_hat: Tensor = self.decoder(f)
        return y_hat

    def forward(self, x: Tensor, output_features: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Return y_hat [B, D], or (y_hat, f [B, F]) with output_features."""
        f = self.encode(x)
        y_hat = self.decode(f)
        if (skip := getattr(type(self), "skip", None)) is not None:
            y_hat = y_hat + skip(self, x)
        return (y_hat, f) if output_features else y_hat

    @classmethod
    def from_pretrained(cls, path: Path | str, device: str | None = None, **kwargs: Any) -> Self:
        """Load a `transcoder.safetensors` as this class. kwargs go to __init__."""
        from safetensors.torch import load_file

        weights = load_file(path, device=device or "cpu")
        dict_size, activation_dim = weights["encoder.weight"].shape
        made = cls(activation_dim, dict_size, **kwargs).to(device or "cpu")
        made.load_state_dict(weights, strict=True)
        return made


class TopKTranscoder(BaseTranscoder):
    """Keeps the k largest latents of every token; W_dec begins at 0 and is not constrained.

    Paulo et al. 2025, arXiv 2501.18823. Override `select` to keep other latents.
    """

    k: Tensor

    def __init__(self, activation_dim: int, dict_size: int, k: int = 32) -> None:
        super().__init__(activation_dim, dict_size)
        self.register_buffer("k", torch.tensor(k, dtype=torch.int))

    @torch.no_grad()
    def start_decoder(self) -> None:
        """Set the decoder's initial weight: zeros, each latent's numbers side by side."""
        self.decoder.weight.data = latent_major(torch.zeros_like(self.decoder.weight))

    def select(self, x: Tensor) -> Latents:
        """Return the latents that are kept of x [B, D], in training and in evaluation."""
        return topk_encode(x, self.encoder.weight, self.encoder.bias, int(self.k))

    def scores(self, x: Tensor) -> Tensor:
        """Return relu(W_enc x + b_enc), [B, F]: for a `select` that needs all of them."""
        return torch.relu(self.encoder(x))

    def encode(self, x: Tensor) -> Tensor:
        """Return latents [B, F] of activations x [B, D]; at most k per row are above 0."""
        return self.select(x).dense()


class BatchTopKTranscoder(TopKTranscoder):
    """Keeps the k * B largest latents of a batch in training; in evaluation those above threshold.

    The BatchTopK of SAEs (Bussmann, Leask, Nanda 2024, arXiv 2412.06410), with targets.
    """

    threshold: Tensor

    def __init__(self, activation_dim: int, dict_size: int, k: int = 32) -> None:
        super().__init__(activation_dim, dict_size, k)
        self.register_buffer("threshold", torch.tensor(-1.0))

    def encode(self, x: Tensor) -> Tensor:
        """Return the latents [B, F] above the threshold; each row depends on itself only."""
        floor = max(0.0, float(self.threshold))
        return rectified(x, self.encoder.weight, self.encoder.bias, floor)


class JumpReluTranscoder(BaseTranscoder):
    """A threshold per latent, learned: f = relu(a) * 1[a > threshold], a = W_enc x + b_enc.

    Rajamanoharan et al. 2024, arXiv 2407.14435; as a transcoder in Gemma Scope, arXiv 2408.05147.
    """

    def __init__(self, activation_dim: int, dict_size: int) -> None:
        super().__init__(activation_dim, dict_size)
        self.threshold = nn.Parameter(torch.full((dict_size,), FIRST_THRESHOLD))

    def encode(self, x: Tensor) -> Tensor:
        """Return latents [B, F] of activations x [B, D]."""
        floor_F = self.threshold.clamp(min=0.0)
        return rectified(x, self.encoder.weight, self.encoder.bias, floor_F)


class LinearSkip:
    """A mixin, put before a transcoder: skip(x) = W_skip x, of which the offset is b_dec.

    W_skip is [D of y, D of x] and begins at 0. A file that uses it says SKIP = True.
    """

    def __init__(self, activation_dim: int, dict_size: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(activation_dim, dict_size, *args, **kwargs)  # type: ignore[call-arg]
        self.W_skip = nn.Parameter(torch.zeros(activation_dim, activation_dim))

    def skip(self, x: Tensor) -> Tensor:
        """Return W_skip x, [B, D] -> [B, D]: the path past the latents."""
        return nn.functional.linear(x, self.W_skip)


class SkipTopKTranscoder(LinearSkip, TopKTranscoder):
    """The skip transcoder of Paulo et al. 2025: TopK latents beside an affine map of x."""

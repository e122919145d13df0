"""Our own transcoder.safetensors and config.json, from and to weights for raw activations.

Our files hold weights in normalised space, with both scales in config.json. Packaged transcoders
can be read: their activation shows in the weights (k, and a threshold of one number or of one per
latent). Those of a variant's own class can have weights that mean something else, and are refused.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fumehood_tools.errors import BadRequest
from fumehood_tools.exchange.tensors import load_tensors, needed, save_tensors
from fumehood_tools.exchange.weights import TranscoderWeights
from fumehood_tools.files import read_json, write_json
from fumehood_tools.kinds import TRANSCODER

if TYPE_CHECKING:
    from torch import Tensor

CONFIG = "config.json"
_COMMON = frozenset(["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias", "W_skip"])


def read_own(folder: Path) -> TranscoderWeights:
    """Return the transcoder of a result's folder, for raw activations.

    Raises BadRequest for weights that none of the packaged transcoders has, StorageFailed.
    """
    config = read_json(folder / CONFIG)
    tensors = load_tensors(folder / TRANSCODER.weights_file)
    other = tensors.keys() - _COMMON - {"k", "threshold"}
    if other:
        raise BadRequest(
            f"{', '.join(sorted(other)[:6])}: weights of a class of its own, which no other "
            "library computes with. Only what the packaged transcoders have can be converted."
        )
    k, threshold = tensors.get("k"), tensors.get("threshold")
    W_enc = needed(tensors, "encoder.weight")
    weights = TranscoderWeights(
        W_enc=W_enc,
        b_enc=needed(tensors, "encoder.bias"),
        W_dec=needed(tensors, "decoder.weight"),
        b_dec=needed(tensors, "decoder.bias"),
        activation="jumprelu" if threshold is not None else "topk" if k is not None else "relu",
        W_skip=tensors.get("W_skip"),
        # BatchTopK keeps k as well, and its threshold decides in evaluation.
        k=int(k) if k is not None and threshold is None else None,
        threshold=None if threshold is None else _per_latent(threshold, len(W_enc)),
    )
    return weights.scaled(float(config["scale"]), float(config["target_scale"]))


def write_own(weights: TranscoderWeights, folder: Path, scale: float, target_scale: float) -> None:
    """Write transcoder.safetensors and the scales of config.json, as our classes load them.

    scale, target_scale: roots of the mean of |x|^2 and |y|^2, by which activations are divided. The
    class is BaseTranscoder, TopKTranscoder or JumpReluTranscoder, with LinearSkip where there is a
    skip path. It counts as no training of ours. Raises StorageFailed.
    """
    import torch

    inner = weights.scaled(1 / scale, 1 / target_scale)
    tensors: dict[str, Tensor] = {
        "encoder.weight": inner.W_enc,
        "encoder.bias": inner.b_enc,
        "decoder.weight": inner.W_dec,
        "decoder.bias": inner.b_dec,
    }
    if inner.W_skip is not None:
        tensors["W_skip"] = inner.W_skip
    if inner.threshold is not None:
        tensors["threshold"] = inner.threshold
    if inner.k is not None:
        tensors["k"] = torch.tensor(inner.k)
    save_tensors(folder / TRANSCODER.weights_file, tensors)
    said = {"template": TRANSCODER.name, "trained": False}
    write_json(folder / CONFIG, {**said, "scale": scale, "target_scale": target_scale})


def _per_latent(threshold: "Tensor", latents: int) -> "Tensor":
    """Return thresholds [F]; below 0, where none was set yet, relu's own decides."""
    return threshold.clamp(min=0.0).flatten().expand(latents).clone()

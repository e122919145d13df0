"""Read and write the layer files of circuit-tracer 0.5.

layer_N.safetensors: W_enc and W_dec, both [latents, D]; b_enc; b_dec; W_skip [D, D], used as
x @ W_skip.T; activation_function.threshold where it is JumpReLU. Without thresholds it is ReLU:
topk is not kept in the files, so it is refused here (see TranscoderWeights.with_threshold). The
hooks are not in the files: weights that act on our activations go with the hooks in HOOKS.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fumehood_tools.errors import BadRequest
from fumehood_tools.exchange.tensors import load_tensors, needed, save_tensors
from fumehood_tools.exchange.weights import TranscoderWeights

if TYPE_CHECKING:
    from torch import Tensor

HOOKS = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "hook_mlp_out"}
"""For weights that act on x after the norm's weight. `at_norm` makes those for a model whose norm
is folded into the MLP, and for ln2.hook_normalized."""
THRESHOLD = "activation_function.threshold"


def write_circuit_tracer(weights: TranscoderWeights, folder: Path, layer: int) -> Path:
    """Write layer_N.safetensors and return its path. `weights` act on raw activations.

    Raises BadRequest for topk, which would be read as relu: StorageFailed.
    """
    if weights.k is not None:
        raise BadRequest(
            "circuit-tracer's files do not hold topk: it would come back as relu, with another L0. "
            "Pass weights.with_threshold(x)[0], with activations x that are typical."
        )
    tensors: dict[str, Tensor] = {
        "W_enc": weights.W_enc,
        "b_enc": weights.b_enc,
        "W_dec": weights.W_dec.T,
        "b_dec": weights.b_dec,
    }
    if weights.W_skip is not None:
        tensors["W_skip"] = weights.W_skip
    if weights.threshold is not None:
        # Its JumpReLU has no relu: below 0, a threshold would let negative latents through.
        tensors[THRESHOLD] = weights.threshold.clamp(min=0.0)
    path = folder / f"layer_{layer}.safetensors"
    save_tensors(path, tensors)
    return path


def read_circuit_tracer(path: Path) -> TranscoderWeights:
    """Return the transcoder in a layer file. It acts on what its feature_input_hook gives.

    Raises BadRequest for shapes that do not fit, StorageFailed.
    """
    tensors = load_tensors(path)
    threshold = tensors.get(THRESHOLD)
    W_enc = needed(tensors, "W_enc")
    return TranscoderWeights(
        W_enc=W_enc,
        b_enc=needed(tensors, "b_enc"),
        W_dec=needed(tensors, "W_dec").T.contiguous(),
        b_dec=needed(tensors, "b_dec"),
        activation="relu" if threshold is None else "jumprelu",
        W_skip=tensors.get("W_skip"),
        threshold=None if threshold is None else threshold.flatten().expand(len(W_enc)).clone(),
    )

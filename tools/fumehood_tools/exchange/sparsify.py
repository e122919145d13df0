"""Read and write the folders of EleutherAI's sparsify (the distribution eai-sparsify, 1.3).

sae.safetensors: encoder.weight and W_dec, both [latents, D]; encoder.bias; b_dec; W_skip [D, D],
used as x @ W_skip.T. cfg.json: k, num_latents, transcode, skip_connection, activation, d_in. The
name of the folder is the hookpoint, such as layers.10.mlp: the module whose input and output are
used, so x is the MLP's input with the norm's weight. sparsify knows topk, and groupmax, which we do
not. Other activations are refused: it would load them as topk.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fumehood_tools.errors import BadRequest
from fumehood_tools.exchange.tensors import load_tensors, needed, save_tensors
from fumehood_tools.exchange.weights import TranscoderWeights
from fumehood_tools.files import read_json, write_json

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, CONFIG = "sae.safetensors", "cfg.json"


def write_sparsify(weights: TranscoderWeights, folder: Path) -> None:
    """Write a folder that SparseCoder.load_from_disk reads. `weights` act on raw activations.

    Raises BadRequest for another activation than topk, StorageFailed.
    """
    if weights.k is None:
        raise BadRequest(
            f"sparsify's files hold topk only, and this transcoder has {weights.activation}. Use "
            "write_circuit_tracer, which keeps relu and jumprelu."
        )
    latents, width = weights.W_enc.shape
    tensors: dict[str, Tensor] = {
        "encoder.weight": weights.W_enc,
        "encoder.bias": weights.b_enc,
        "W_dec": weights.W_dec.T,
        "b_dec": weights.b_dec,
    }
    if weights.W_skip is not None:
        tensors["W_skip"] = weights.W_skip
    config = {
        "activation": "topk",
        "expansion_factor": max(1, latents // width),
        "normalize_decoder": False,
        "num_latents": latents,
        "k": weights.k,
        "multi_topk": False,
        "skip_connection": weights.W_skip is not None,
        "transcode": True,
        "d_in": width,
    }
    save_tensors(folder / WEIGHTS, tensors)
    write_json(folder / CONFIG, config)


def read_sparsify(folder: Path) -> TranscoderWeights:
    """Return the transcoder in a folder that sparsify wrote; it acts on raw activations.

    Raises BadRequest for an SAE, groupmax, and shapes that do not fit; StorageFailed.
    """
    config: dict[str, Any] = read_json(folder / CONFIG)
    if not config.get("transcode"):
        raise BadRequest(
            f"{folder.name} is an SAE of sparsify, not a transcoder: its encoder subtracts b_dec. "
            "Name the folder of a transcoder."
        )
    if config.get("activation", "topk") != "topk":
        raise BadRequest(
            f"{folder.name} uses {config['activation']}, which is not read. Name one with topk."
        )
    tensors = load_tensors(folder / WEIGHTS)
    return TranscoderWeights(
        W_enc=needed(tensors, "encoder.weight"),
        b_enc=needed(tensors, "encoder.bias"),
        W_dec=needed(tensors, "W_dec").T.contiguous(),
        b_dec=needed(tensors, "b_dec"),
        activation="topk",
        W_skip=tensors.get("W_skip"),
        k=int(config.get("k", 32)),
    )

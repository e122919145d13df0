"""Read activations at a site: the forward pass ends there.

Blocks above the site, the final norm and the head are never run, which is what makes a harvest to
layer 10 of 30 three times faster than a whole pass. B = rows, T = positions, D = d_model.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from fumehood_tools.errors import BadRequest, RunFailed
from fumehood_tools.machine import RealDtype
from fumehood_tools.sandbox.spec import SiteName, SubjectSpec
from fumehood_tools.subjects.catalogue import SYNTHETIC
from fumehood_tools.subjects.loading import load_language_model
from fumehood_tools.subjects.sites import find_blocks, find_mlp
from fumehood_tools.subjects.synthetic import BOS, SyntheticSubject

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Reader(Protocol):
    """Gives activations for tokens."""

    d_model: int

    def read(self, tokens_BT: Tensor) -> Tensor:
        """Return activations_BTD, float32 on the CPU. Raises RunFailed when one is not finite."""
        ...


class _Reached(Exception):
    """Carries the activation out of the forward pass at the site."""

    def __init__(self, x_BTD: Tensor) -> None:
        super().__init__("site reached")
        self.x_BTD = x_BTD


class ModelReader:
    """Reads one site of a Hugging Face causal LM. Cuts the blocks above it off the given model."""

    def __init__(self, model: "PreTrainedModel", layer: int, site: SiteName) -> None:
        body: Any = model.base_model
        blocks = find_blocks(body, model.config.get_text_config().num_hidden_layers)
        if layer >= len(blocks):
            raise BadRequest(f"The model has layers 0 to {len(blocks) - 1}, not {layer}.")
        self._body, self._site, self._layer = body, site, layer
        self._device = next(body.parameters()).device
        self.d_model = int(model.config.get_text_config().hidden_size)
        _stop_at(blocks[layer], site)
        del blocks[layer + 1 :]

    @torch.no_grad()
    def read(self, tokens_BT: Tensor) -> Tensor:
        """Return activations_BTD, float32 on the CPU. Right padding needs no mask: causal."""
        try:
            self._body(input_ids=tokens_BT.to(self._device), use_cache=False)
        except _Reached as reached:
            return _finite(reached.x_BTD, f"{self._site} of layer {self._layer}")
        raise RunFailed(
            f"The forward pass never reached {self._site} of layer {self._layer}. "
            "This architecture is not supported: choose another site or subject."
        )


def _stop_at(block: torch.nn.Module, site: SiteName) -> None:
    def leave_with_output(module: torch.nn.Module, args: Any, output: Any) -> None:
        raise _Reached(output[0] if isinstance(output, tuple) else output)

    def leave_with_input(module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        raise _Reached(args[0] if args else next(iter(kwargs.values())))

    if site == "resid_post":
        block.register_forward_hook(leave_with_output)
    elif site == "mlp_out":
        find_mlp(block).register_forward_hook(leave_with_output)
    else:
        find_mlp(block).register_forward_pre_hook(leave_with_input, with_kwargs=True)


class SyntheticReader:
    """Reads the only site of the synthetic subject."""

    def __init__(self, subject: SyntheticSubject) -> None:
        self.subject = subject
        self.d_model = subject.dictionary.shape[1]

    @torch.no_grad()
    def read(self, tokens_BT: Tensor) -> Tensor:
        """Return activations_BTD, float32 on the CPU."""
        return _finite(self.subject.activations(tokens_BT.long()), "the synthetic subject")


def _finite(x_BTD: Tensor, where: str) -> Tensor:
    x_BTD = x_BTD.float().cpu()
    if not bool(torch.isfinite(x_BTD).all()):
        raise RunFailed(
            f"Activations at {where} are not finite. Repeat with FUMEHOOD_DTYPE=float32; "
            "if they still are not, the model's weights are damaged."
        )
    return x_BTD


class TextEncoder:
    """A Hugging Face tokenizer, as corpora use it: no special tokens, known BOS and padding."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self._tokenizer: Callable[..., Any] = tokenizer
        ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
        special = [one for one in ids if isinstance(one, int)]
        if not special:
            raise BadRequest(
                "The subject's tokenizer has no BOS, EOS or padding token. Choose another."
            )
        self.bos = special[0]
        self.pad = special[-1]
        self.special = frozenset(special)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        found = self._tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [list(ids) for ids in found["input_ids"]]


class Source:
    """A loaded subject: what reads activations, and what turns text into tokens."""

    def __init__(self, reader: Reader, encoder: TextEncoder | None, bos: int) -> None:
        self.reader, self.encoder, self.bos = reader, encoder, bos


def open_source(subject: SubjectSpec, cache: Path, dtype: RealDtype, device: str) -> Source:
    """Load a subject up to the site. Raises PartMissing, BadRequest, StorageFailed."""
    if subject.name == SYNTHETIC:
        if subject.site != "resid_post":
            raise BadRequest(
                'The synthetic subject has the one site "resid_post". Set subject.site.'
            )
        return Source(SyntheticReader(SyntheticSubject()), None, BOS)
    model, tokenizer = load_language_model(subject, cache, dtype, device)
    encoder = TextEncoder(tokenizer)
    return Source(ModelReader(model, subject.layer, subject.site), encoder, encoder.bos)

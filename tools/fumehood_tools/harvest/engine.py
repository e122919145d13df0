"""Read activations at one or more sites, in a forward pass that stops at the deepest of them.

The blocks above it, the final norm and the head never run. A harvest at layer 10 of 30 is therefore
three times as fast as complete passes. B = rows, T = positions, D = d_model.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from fumehood_tools.errors import BadRequest, RunFailed
from fumehood_tools.harvest.records import Site
from fumehood_tools.machine import RealDtype
from fumehood_tools.spec import SubjectSpec
from fumehood_tools.subjects.catalogue import SYNTHETIC
from fumehood_tools.subjects.loading import load_language_model
from fumehood_tools.subjects.sites import find_blocks, find_mlp, hook_name
from fumehood_tools.subjects.synthetic import BOS, SyntheticSubject

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Reader(Protocol):
    """Computes activations for tokens."""

    d_model: int

    def read(self, tokens_BT: Tensor, sites: Sequence[Site]) -> list[Tensor]:
        """Return activations_BTD for each site, float32 on the CPU, from one forward pass.

        The sites must be among those that the reader was created for. Raises RunFailed if a value
        is not finite.
        """
        ...


class _Reached(Exception):
    """Stops the forward pass, because every requested site has been read."""


class ModelReader:
    """Reads sites of a Hugging Face causal LM. Removes the blocks above them from the model."""

    def __init__(self, model: "PreTrainedModel", sites: Sequence[Site]) -> None:
        body: Any = model.base_model
        blocks = find_blocks(body, model.config.get_text_config().num_hidden_layers)
        deepest = max(site.layer for site in sites)
        if deepest >= len(blocks):
            raise BadRequest(
                f"The model has no layer {deepest}. Choose a layer from 0 to {len(blocks) - 1}."
            )
        self._body = body
        self._device = next(body.parameters()).device
        self._wanted: frozenset[Site] = frozenset()
        self._found: dict[Site, Tensor] = {}
        self.d_model = int(model.config.get_text_config().hidden_size)
        for site in set(sites):
            self._watch(blocks[site.layer], site)
        del blocks[deepest + 1 :]

    @torch.no_grad()
    def read(self, tokens_BT: Tensor, sites: Sequence[Site]) -> list[Tensor]:
        """Return activations_BTD for each site.

        No attention mask is needed: in a causal model, padding on the right changes nothing before
        it.
        """
        self._wanted, self._found = frozenset(sites), {}
        try:
            self._body(input_ids=tokens_BT.to(self._device), use_cache=False)
        except _Reached:
            return [
                _finite(self._found[site], f"{site.site} of layer {site.layer}") for site in sites
            ]
        missed = next(site for site in sites if site not in self._found)
        raise RunFailed(
            f"The forward pass never reached {missed.site} of layer {missed.layer}. "
            "This architecture is not supported: choose another site or subject."
        )

    def _watch(self, block: torch.nn.Module, site: Site) -> None:
        def take(x_BTD: Tensor) -> None:
            if site in self._wanted:
                # Copy the values, because later operations may change them in place.
                self._found[site] = x_BTD.to("cpu", torch.float32, copy=True)
                if len(self._found) == len(self._wanted):
                    raise _Reached

        def output_hook(module: torch.nn.Module, args: Any, output: Any) -> None:
            take(output[0] if isinstance(output, tuple) else output)

        def input_hook(module: torch.nn.Module, args: Any, kwargs: Any) -> None:
            take(args[0] if args else next(iter(kwargs.values())))

        if site.site == "resid_post":
            block.register_forward_hook(output_hook)
        elif site.site == "mlp_out":
            find_mlp(block).register_forward_hook(output_hook)
        else:
            find_mlp(block).register_forward_pre_hook(input_hook, with_kwargs=True)


class SyntheticReader:
    """Reads the sites of the synthetic subject."""

    def __init__(self, subject: SyntheticSubject) -> None:
        self.subject = subject
        self.d_model = subject.dictionary.shape[1]

    @torch.no_grad()
    def read(self, tokens_BT: Tensor, sites: Sequence[Site]) -> list[Tensor]:
        """Return activations_BTD for each site, float32 on the CPU."""
        found = (self.subject.at(hook_name(site.site, 0), tokens_BT.long()) for site in sites)
        return [_finite(x_BTD, "the synthetic subject") for x_BTD in found]


def _finite(x_BTD: Tensor, where: str) -> Tensor:
    # A NaN or an infinity shows in the minimum or maximum: one pass, no temporary tensor.
    if not bool(torch.isfinite(torch.stack(x_BTD.aminmax())).all()):
        raise RunFailed(
            f"Activations at {where} are not finite. Repeat with FUMEHOOD_DTYPE=float32; "
            "if they still are not, the model's weights are damaged."
        )
    return x_BTD


class TextEncoder:
    """A Hugging Face tokenizer that adds no special tokens and always has BOS and padding ids.

    Falls back to other special tokens if the tokenizer has no BOS or padding token.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self._tokenizer: Callable[..., Any] = tokenizer
        ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
        special = [one for one in ids if isinstance(one, int)]
        if not special:
            raise BadRequest(
                "The subject's tokenizer has no BOS, EOS or padding token. Choose another subject."
            )
        self.bos = special[0]
        self.pad = special[-1]
        self.special = frozenset(special)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        found = self._tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [list(ids) for ids in found["input_ids"]]


class Source:
    """A loaded subject: its reader, its tokenizer (None for the synthetic one) and its BOS id."""

    def __init__(self, reader: Reader, encoder: TextEncoder | None, bos: int) -> None:
        self.reader, self.encoder, self.bos = reader, encoder, bos


def open_source(
    subject: SubjectSpec, sites: Sequence[Site], cache: Path, dtype: RealDtype, device: str
) -> Source:
    """Load a subject up to the deepest site. Raises PartMissing, BadRequest, StorageFailed."""
    if subject.name == SYNTHETIC:
        return Source(SyntheticReader(SyntheticSubject()), None, BOS)
    model, tokenizer = load_language_model(subject, cache, dtype, device)
    encoder = TextEncoder(tokenizer)
    return Source(ModelReader(model, sites), encoder, encoder.bos)

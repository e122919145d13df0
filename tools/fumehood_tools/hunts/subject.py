"""The subjects of hunts: their texts, their concepts, and passes in which a vector is added.

B = rows, T = positions, D = width of the site, V = vocabulary. Position 0 of a row is BOS; nothing
is measured there.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor

from fumehood_tools.errors import BadRequest, RunFailed
from fumehood_tools.harvest.engine import TextEncoder
from fumehood_tools.hunts.asking import MOST_TOKENS
from fumehood_tools.hunts.concepts import TokenSet, concept_named
from fumehood_tools.hunts.drawing import FEATURES
from fumehood_tools.spec import CorpusSpec, SandboxSpec
from fumehood_tools.studies.holdout.unseen import unseen_rows
from fumehood_tools.subjects.catalogue import SYNTHETIC
from fumehood_tools.subjects.loading import load_language_model
from fumehood_tools.subjects.sites import find_blocks, find_mlp
from fumehood_tools.subjects.synthetic import BOS, SyntheticSubject

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WRITES = 16
"""Tokens that a planted feature is said to write: those whose logits it raises most."""
_TOLD = 6
_SHARE = 0.5
"""A held-back token has a planted feature if that is at least this active."""


class Held(NamedTuple):
    """Held-back rows. detect_BT: for detection; steer_BT: fewer, for steering."""

    detect_BT: Tensor
    steer_BT: Tensor


class HuntSubject(Protocol):
    """A subject with one site. vocabulary: number of its tokens. held: of held-back tokens."""

    vocabulary: int
    held: int

    def told(self, word: str) -> str:
        """Return what an agent is told about a concept."""

    def labels(self, word: str, tokens_BT: Tensor) -> Tensor:
        """Return which tokens have a concept, bool [B, T]."""

    def writes(self, word: str) -> Tensor:
        """Return the numbers of the vocabulary that a concept is about when it is written."""

    def tokens_of(self, text: str) -> list[int]:
        """Return the tokens of a text, without BOS. Raises BadRequest."""

    def shown(self, tokens: Sequence[int]) -> list[str]:
        """Return tokens as text."""

    def row(self, tokens: Sequence[int]) -> Tensor:
        """Return tokens_BT of one row, with BOS. Raises BadRequest for a token out of range."""

    def read(self, tokens_BT: Tensor) -> Tensor:
        """Return activations_BTD at the site, float32."""

    def logits(self, tokens_BT: Tensor, added_D: Tensor) -> Tensor:
        """Return logits_BTV of a pass in which a vector is added at every position of the site."""

    def written(self, direction_D: Tensor) -> Tensor:
        """Return the direct effect of a direction on the logits, [V]."""

    def held_back(self, seed: int) -> Held:
        """Return rows that no tool shows, drawn with a secret."""


def open_subject(spec: SandboxSpec, cache: Path) -> HuntSubject:
    """Load the subject of a sandbox. Raises PartMissing, BadRequest."""
    if spec.subject.name == SYNTHETIC:
        return PlantedSubject(spec.corpus)
    model, tokenizer = load_language_model(spec.subject, cache)
    return LanguageSubject(spec, model, tokenizer)


class PlantedSubject:
    """The synthetic subject: a concept is a planted feature, given by its number."""

    ROWS, STEERED = 32, 12

    def __init__(self, corpus: CorpusSpec) -> None:
        self.model, self.context = SyntheticSubject(), corpus.context
        self.held = self.ROWS * (corpus.context - 1)
        assert len(self.model.dictionary) == FEATURES
        self.vocabulary = len(self.model.current_VG)

    def told(self, word: str) -> str:
        """Return some tokens that carry the feature."""
        carried_V = self.model.current_VG[:, int(word)]
        tokens = carried_V.argsort(descending=True)[:_TOLD].tolist()
        return (
            f"planted feature {word}: it is active on the tokens {tokens} (and on others), "
            "whatever precedes them. Each token carries four features, and two of the one before."
        )

    def labels(self, word: str, tokens_BT: Tensor) -> Tensor:
        """Return where the feature is active, from the ground truth."""
        found: Tensor = self.model.features(tokens_BT)[..., int(word)] >= _SHARE
        return found

    def writes(self, word: str) -> Tensor:
        """Return the tokens whose logits the planted direction raises most."""
        return self.written(self.model.dictionary[int(word)]).topk(WRITES).indices

    def tokens_of(self, text: str) -> list[int]:
        """Raise BadRequest: this subject has no text."""
        raise BadRequest(
            "The synthetic subject has no text. Pass tokens: numbers from 1 to 511, e.g. [7, 300]."
        )

    def shown(self, tokens: Sequence[int]) -> list[str]:
        """Return the numbers of tokens."""
        return [str(one) for one in tokens]

    def row(self, tokens: Sequence[int]) -> Tensor:
        """Return one row."""
        return _row(tokens, BOS, self.vocabulary)

    @torch.no_grad()
    def read(self, tokens_BT: Tensor) -> Tensor:
        """Return activations."""
        return self.model.activations(tokens_BT)

    def logits(self, tokens_BT: Tensor, added_D: Tensor) -> Tensor:
        """Return logits, which are linear in the activation."""
        return self.model.logits(self.model.activations(tokens_BT) + added_D)

    def written(self, direction_D: Tensor) -> Tensor:
        """Return the direction's logits."""
        return self.model.logits(direction_D)

    def held_back(self, seed: int) -> Held:
        """Return rows of another stream of the generator."""
        rows_BT = self.model.sample_documents(self.ROWS, self.context, seed, self.context - 1)
        return Held(rows_BT, rows_BT[: self.STEERED])


class _Reached(Exception):
    """Stops a pass at the site."""


class LanguageSubject:
    """A language model: a concept is a set of tokens, see concepts.py."""

    ROWS, STEERED, STEERED_TOKENS = 40, 6, 48

    def __init__(self, spec: SandboxSpec, model: Any, tokenizer: "PreTrainedTokenizerBase") -> None:
        self.spec, self.model, self.tokenizer = spec, model, tokenizer
        self.held = self.ROWS * (spec.corpus.context - 1)
        self.encoder = TextEncoder(tokenizer)
        self.head: Any = self.model.get_output_embeddings()
        self.body: Any = model.base_model
        blocks = find_blocks(self.body, model.config.get_text_config().num_hidden_layers)
        self.vocabulary = int(self.head.weight.shape[0])
        self.block = blocks[spec.subject.layer]

    def told(self, word: str) -> str:
        """Return the concept, in words."""
        return (
            f"the token {_concept(word).told}; steering with it should make such tokens likelier "
            "as the next token"
        )

    def labels(self, word: str, tokens_BT: Tensor) -> Tensor:
        """Return which tokens belong to a concept."""
        return torch.isin(tokens_BT, self.writes(word))

    @functools.cache  # noqa: B019  (one subject lives as long as its process)
    def writes(self, word: str) -> Tensor:
        """Return the tokens that belong to a concept."""
        has = _concept(word).has
        return torch.tensor([n for n, text in enumerate(self.texts) if has(text)], dtype=torch.long)

    @functools.cached_property
    def texts(self) -> list[str]:
        """The text of each token. Takes about a second."""
        numbers = list(range(self.vocabulary))
        found: list[str] = self.tokenizer.batch_decode([[n] for n in numbers])
        raw: Any = self.tokenizer.convert_ids_to_tokens(numbers)
        # How byte-level and sentence-piece tokenizers write a space. The latter drop it at the
        # beginning of a text.
        return [
            f" {text.lstrip(' Ġ')}" if piece and len(piece) > 1 and piece[0] in "Ġ▁" else text
            for text, piece in zip(found, raw, strict=True)
        ]

    def tokens_of(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return self.encoder.encode([text])[0]

    def shown(self, tokens: Sequence[int]) -> list[str]:
        """Return tokens as text."""
        return [str(self.tokenizer.decode([one])) for one in tokens]

    def row(self, tokens: Sequence[int]) -> Tensor:
        """Return one row."""
        return _row(tokens, self.encoder.bos, self.vocabulary)

    @torch.no_grad()
    def read(self, tokens_BT: Tensor) -> Tensor:
        """Return activations, from passes of a few rows that stop at the site."""
        return torch.cat([self._read(some) for some in torch.split(tokens_BT, 8)])

    def logits(self, tokens_BT: Tensor, added_D: Tensor) -> Tensor:
        """Return the logits of a whole pass."""
        with _Hooked(self, lambda x_BTD: x_BTD + added_D):
            found: Tensor = self.model(input_ids=tokens_BT, use_cache=False).logits
        return found

    @torch.no_grad()
    def written(self, direction_D: Tensor) -> Tensor:
        """Return the direction times the weight of the final norm and the unembedding."""
        names = ("norm", "final_layer_norm", "ln_f", "final_layernorm")
        norms = [one for name in names if (one := getattr(self.body, name, None)) is not None]
        weight_D = norms[0].weight if norms else 1.0
        found: Tensor = self.head.weight @ (direction_D * weight_D)
        return found

    def held_back(self, seed: int) -> Held:
        """Return rows of documents that neither split of the sandbox comes from."""
        rows = unseen_rows(self.spec.corpus, self.encoder, seed).rows
        rows_BT = torch.from_numpy(rows[: self.ROWS]).long()
        return Held(rows_BT, rows_BT[: self.STEERED, : self.STEERED_TOKENS])

    def _read(self, tokens_BT: Tensor) -> Tensor:
        kept: list[Tensor] = []

        def take(x_BTD: Tensor) -> Tensor:
            kept.append(x_BTD.float().clone())
            raise _Reached

        try:
            with _Hooked(self, take):
                self.body(input_ids=tokens_BT, use_cache=False)
        except _Reached:
            return kept[0]
        raise RunFailed("The pass never reached the site. This architecture is not supported.")


def _concept(word: str) -> TokenSet:
    found = concept_named(word)
    assert found is not None, f"{word} was checked when the hunt was opened"
    return found


class _Hooked:
    """While it is entered, the activation at the site is replaced by `change` of it."""

    def __init__(self, subject: LanguageSubject, change: Callable[[Tensor], Tensor]) -> None:
        self.subject, self.change = subject, change

    def __enter__(self) -> None:
        site, block = self.subject.spec.subject.site, self.subject.block

        def after(module: Any, args: Any, output: Any) -> Any:
            if isinstance(output, tuple):
                return (self.change(output[0]), *output[1:])
            return self.change(output)

        def before(module: Any, args: Any, kwargs: Any) -> Any:
            if args:
                return (self.change(args[0]), *args[1:]), kwargs
            first, *others = kwargs
            return args, {first: self.change(kwargs[first]), **{n: kwargs[n] for n in others}}

        if site == "mlp_in":
            self.handle = find_mlp(block).register_forward_pre_hook(before, with_kwargs=True)
        else:
            module = block if site == "resid_post" else find_mlp(block)
            self.handle = module.register_forward_hook(after)

    def __exit__(self, *exc: object) -> None:
        self.handle.remove()


def _row(tokens: Sequence[int], bos: int, vocabulary: int) -> Tensor:
    if not tokens or len(tokens) > MOST_TOKENS:
        raise BadRequest(f"A question has 1 to {MOST_TOKENS} tokens; this one has {len(tokens)}.")
    if wrong := [one for one in tokens if not 0 <= one < vocabulary]:
        raise BadRequest(f"There is no token {wrong[0]}. Use numbers from 0 to {vocabulary - 1}.")
    return torch.tensor([[bos, *tokens]])

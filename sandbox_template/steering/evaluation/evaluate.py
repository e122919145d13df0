"""Effect of steering vectors at matched damage, on text that no variant has seen.

For each concept: the vector is added to the residual stream after one block, at every token. Its
length is searched so that the model's next-token distributions on neutral text move by DAMAGE nats
per token (KL from unsteered to steered). At that length, the effect is the log-odds of the
concept's words after held-out prompts, steered minus unsteered. A vector for which no such length
is found gets no effect: NotMeasured is raised. Costs some forward passes of the subject on 11 short
texts per concept.

B = texts, T = tokens of one, N = tokens of all, V = vocabulary, D = d_model.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

DAMAGE = 0.1
STEPS, FIRST, LOWEST, HIGHEST = 24, 0.3, 0.001, 30.0
ENOUGH = 0.02
"""The search ends when the damage is this close to DAMAGE, as a share of it."""


class NotMeasured(ValueError):
    """The arrays cannot be measured. The message says why, and is shown with the variant."""


def evaluate(produced: dict[str, Tensor], context: Any) -> dict[str, float]:
    """Return the mean over concepts of effect, damage and strength."""
    held = json.loads((context.data / "held_out.json").read_text(encoding="utf-8"))
    steering = Steering(context, held["neutral"], held["prompts"])
    found = [
        steering.measured(name, vector_D, held["words"][name])
        for name, vector_D in zip(held["concepts"], produced["vectors"], strict=True)
    ]
    means = torch.tensor(found, dtype=torch.float64).mean(dim=0).tolist()
    return dict(zip(("effect", "damage", "strength"), means, strict=True))


class Steering:
    """The subject, with neutral text and prompts."""

    def __init__(self, context: Any, neutral: list[str], prompts: list[str]) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(context.subject)
        self.model = AutoModelForCausalLM.from_pretrained(context.subject, dtype=torch.float32)
        self.model.eval()
        self.block = self.model.model.layers[context.layer]
        self.neutral, self.prompts = self.rows(neutral), self.rows(prompts)
        self.norm = 1.0
        norms: list[Tensor] = []
        with self.hooked(lambda hidden_BTD: norms.append(hidden_BTD.norm(dim=-1))):
            self.before_NV = self.neutral.taken(self.logprobs(self.neutral))
        # The first token is an outlier.
        self.norm = float(norms[0][:, 1:][self.neutral.mask_BT[:, 1:]].mean())
        self.unsteered_BV = self.prompts.last(self.logprobs(self.prompts))

    def rows(self, texts: list[str]) -> "Rows":
        """Return texts as one batch, padded on the right, which a causal model does not see."""
        tokens = [self.tokenizer(text)["input_ids"] for text in texts]
        width = max(map(len, tokens))
        padded = torch.tensor([row + [0] * (width - len(row)) for row in tokens])
        lengths = torch.tensor([len(row) for row in tokens])
        return Rows(padded, torch.arange(width)[None, :] < lengths[:, None])

    @torch.no_grad()
    def logprobs(self, rows: "Rows") -> Tensor:
        """Return logprobs_BTV."""
        found: Tensor = self.model(input_ids=rows.tokens_BT, use_cache=False).logits
        return found.log_softmax(dim=-1)

    @contextmanager
    def hooked(self, act: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
        """Call `act` with the hidden states after the block; what it returns replaces them."""

        def after(module: Any, inputs: Any, output: Any) -> Any:
            is_tuple = isinstance(output, tuple)
            moved = act(output[0] if is_tuple else output)
            if moved is None:
                return output
            return (moved, *output[1:]) if is_tuple else moved

        hook = self.block.register_forward_hook(after)
        try:
            yield
        finally:
            hook.remove()

    def damage(self, added_D: Tensor) -> float:
        """Return the KL on neutral text, in nats per token."""
        with self.hooked(lambda hidden_BTD: hidden_BTD + added_D):
            after_NV = self.neutral.taken(self.logprobs(self.neutral))
        before_NV = self.before_NV
        return float((before_NV.exp() * (before_NV - after_NV)).sum(dim=-1).mean())

    def measured(
        self, concept: str, vector_D: Tensor, words: list[str]
    ) -> tuple[float, float, float]:
        """Return effect, damage and strength of one concept's vector; zeros for a zero vector.

        Raises NotMeasured if no length of it has the damage at which effects are compared.
        """
        size = float(vector_D.norm())
        if size == 0.0:
            return 0.0, self.damage(vector_D), 0.0
        unit_D = vector_D / size * self.norm
        strength, damage = at_damage(concept, lambda length: self.damage(length * unit_D))
        chosen = [self.tokenizer(word)["input_ids"][0] for word in words]
        with self.hooked(lambda hidden_BTD: hidden_BTD + strength * unit_D):
            after_BV = self.prompts.last(self.logprobs(self.prompts))
        shift_B = _log_odds(after_BV, chosen) - _log_odds(self.unsteered_BV, chosen)
        return float(shift_B.mean()), damage, strength


def at_damage(concept: str, damage_at: Callable[[float], float]) -> tuple[float, float]:
    """Return the length at which a vector has DAMAGE, and its damage there.

    Raises NotMeasured if the search does not come close: an effect at more damage is worth less.
    """
    low, high, following, tried, damage = LOWEST, HIGHEST, FIRST, 0.0, 0.0
    for _ in range(STEPS):
        tried, damage = following, damage_at(following)
        if abs(damage - DAMAGE) <= ENOUGH * DAMAGE:
            return tried, damage
        low, high = (low, tried) if damage > DAMAGE else (tried, high)
        # For a small vector, the KL grows with the square of its length.
        following = tried * (DAMAGE / max(damage, 1e-9)) ** 0.5
        if not low < following < high:
            following = (low * high) ** 0.5
    raise NotMeasured(
        f"the vector of {concept} has no effect that can be compared: no length of it was found at "
        f"which neutral text is damaged by {DAMAGE} nats per token, and the last one, "
        f"{tried:.3g}, damages it by {damage:.3g}"
    )


class Rows(NamedTuple):
    """A batch of texts. mask_BT: True where there is a token."""

    tokens_BT: Tensor
    mask_BT: Tensor

    def taken(self, values_BTV: Tensor) -> Tensor:
        """Return values_NV of all tokens."""
        return values_BTV[self.mask_BT]

    def last(self, values_BTV: Tensor) -> Tensor:
        """Return values_BV of the last token of each text."""
        at_B = self.mask_BT.sum(dim=1) - 1
        return values_BTV[torch.arange(len(at_B)), at_B]


def _log_odds(logprobs_BV: Tensor, chosen: list[int]) -> Tensor:
    """Return log p(chosen) - log p(others), [B]."""
    inside = torch.zeros(logprobs_BV.shape[1], dtype=torch.bool)
    inside[torch.tensor(chosen)] = True
    own_B, others_B = logprobs_BV[:, inside], logprobs_BV[:, ~inside]
    return own_B.logsumexp(dim=1) - others_B.logsumexp(dim=1)

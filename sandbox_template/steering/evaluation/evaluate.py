"""Effect of steering vectors at matched damage, on text that no variant has seen.

For each concept: the vector is added to the residual stream after one block, at every token. Its
length is searched so that the model's next-token distributions on neutral text move by DAMAGE nats
per token (KL from unsteered to steered). At that length, the effect is the log-odds of the
concept's words after held-out prompts, steered minus unsteered. Costs about 40 short forward passes
of the subject per concept. B = texts, T = tokens, V = vocabulary, D = d_model.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

DAMAGE = 0.1
STEPS, LOWEST, HIGHEST = 12, 0.01, 30.0
ENOUGH = 0.02
"""The search ends when the damage is this close to DAMAGE, as a share of it."""


def evaluate(produced: dict[str, Tensor], context: Any) -> dict[str, float]:
    """Return the mean over concepts of effect, damage and strength."""
    held = json.loads((context.data / "held_out.json").read_text(encoding="utf-8"))
    steering = Steering(context, held["neutral"], held["prompts"])
    found = [
        steering.measured(vector_D, held["words"][name])
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
        self.neutral = [self.tokens(text) for text in neutral]
        self.prompts = [self.tokens(text) for text in prompts]
        norms: list[Tensor] = []
        with self.reading(norms):
            self.before = [self.logprobs(tokens) for tokens in self.neutral]
        self.norm = float(torch.cat(norms).mean())
        self.unsteered = [self.logprobs(tokens)[-1] for tokens in self.prompts]

    def tokens(self, text: str) -> Tensor:
        """Return tokens_1T."""
        tokens: Tensor = self.tokenizer(text, return_tensors="pt")["input_ids"]
        return tokens

    @torch.no_grad()
    def logprobs(self, tokens_1T: Tensor) -> Tensor:
        """Return logprobs_TV."""
        found: Tensor = self.model(input_ids=tokens_1T).logits[0].log_softmax(dim=-1)
        return found

    @contextmanager
    def reading(self, norms: list[Tensor]) -> Iterator[None]:
        """Collect the norms of the activations, without the first token, which is an outlier."""

        def read(module: Any, inputs: Any, output: Any) -> None:
            norms.append(_hidden(output)[0, 1:].norm(dim=-1))

        hook = self.block.register_forward_hook(read)
        try:
            yield
        finally:
            hook.remove()

    @contextmanager
    def steered(self, added_D: Tensor) -> Iterator[None]:
        """Add a vector after the block, at every token."""

        def add(module: Any, inputs: Any, output: Any) -> Any:
            moved = _hidden(output) + added_D
            return (moved, *output[1:]) if isinstance(output, tuple) else moved

        hook = self.block.register_forward_hook(add)
        try:
            yield
        finally:
            hook.remove()

    def damage(self, added_D: Tensor) -> float:
        """Return the KL on neutral text, in nats per token."""
        with self.steered(added_D):
            after = [self.logprobs(tokens) for tokens in self.neutral]
        found = [
            (old.exp() * (old - new)).sum(dim=-1)
            for old, new in zip(self.before, after, strict=True)
        ]
        return float(torch.cat(found).mean())

    def measured(self, vector_D: Tensor, words: list[str]) -> tuple[float, float, float]:
        """Return effect, damage and strength of one concept's vector; zeros for a zero vector."""
        size = float(vector_D.norm())
        if size == 0.0:
            return 0.0, self.damage(vector_D), 0.0
        unit_D = vector_D / size * self.norm
        low, high = LOWEST, HIGHEST
        strength = (low * high) ** 0.5
        damage = self.damage(strength * unit_D)
        for _ in range(STEPS):
            if abs(damage - DAMAGE) <= ENOUGH * DAMAGE:
                break
            low, high = (strength, high) if damage < DAMAGE else (low, strength)
            strength = (low * high) ** 0.5
            damage = self.damage(strength * unit_D)
        chosen = [self.tokens(word)[0, 0].item() for word in words]
        with self.steered(strength * unit_D):
            after = [self.logprobs(tokens)[-1] for tokens in self.prompts]
        shifts = [
            _log_odds(new, chosen) - _log_odds(old, chosen)
            for old, new in zip(self.unsteered, after, strict=True)
        ]
        return sum(shifts) / len(shifts), damage, strength


def _hidden(output: Any) -> Tensor:
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


def _log_odds(logprobs_V: Tensor, chosen: list[int | float]) -> float:
    inside = torch.zeros(len(logprobs_V), dtype=torch.bool)
    inside[torch.tensor(chosen, dtype=torch.long)] = True
    own, others = logprobs_V[inside].logsumexp(dim=0), logprobs_V[~inside].logsumexp(dim=0)
    return float(own - others)

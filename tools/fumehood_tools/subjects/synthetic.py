"""A synthetic subject with a known dictionary of features, for tests that take seconds.

The activation at a position is a sparse non-negative combination of known directions, which are
chosen by the current and the previous token, plus a constant offset and small noise that depends on
the tokens. Logits are linear in the activation. The subject can therefore predict text sampled from
itself, and ablating its activation increases the cross-entropy. It has the methods of a
TransformerLens model that `sae_bench.evals.core.main.run_evals` calls.

V = tokens in the vocabulary, G = planted features, D = width, B = rows, T = positions.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from fumehood_tools.errors import BadRequest
from fumehood_tools.subjects.catalogue import SYNTHETIC_WIDTH

BOS = 0
HOOK = "blocks.0.hook_resid_post"
TOPICS = 3
_VOCABULARY = 512
_FEATURES = 128
_NOISE = 0.03
_TOPIC_BONUS = 2.5

Hook = Callable[..., Tensor | None]


class SyntheticSubject(torch.nn.Module):
    """The synthetic subject. The seed determines everything."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        V, G, D = _VOCABULARY, _FEATURES, SYNTHETIC_WIDTH
        directions_GD = torch.randn(G, D, generator=draw)
        self.dictionary: Tensor
        self.register_buffer("dictionary", directions_GD / directions_GD.norm(dim=1, keepdim=True))
        self.current_VG: Tensor
        self.register_buffer("current_VG", _sparse(V, G, 4, draw))
        self.previous_VG: Tensor
        self.register_buffer("previous_VG", 0.6 * _sparse(V, G, 2, draw))
        self.mean_D: Tensor
        self.register_buffer("mean_D", 0.3 * torch.randn(D, generator=draw))
        self.phase_D: Tensor
        self.register_buffer("phase_D", 6.28 * torch.rand(D, generator=draw))
        self.frequency_D: Tensor
        self.register_buffer("frequency_D", 1 + 10 * torch.rand(D, generator=draw))
        self.readout_DV: Tensor
        self.register_buffer("readout_DV", 1.4 * torch.randn(D, V, generator=draw))
        self.topic_bonus_KV: Tensor
        self.register_buffer("topic_bonus_KV", _topics(TOPICS, V, draw))
        self.readout_DV[:, BOS] = 0

    def features(self, tokens_BT: Tensor) -> Tensor:
        """Return the ground truth features_BTG; at most six per position are above 0."""
        previous_BT = torch.roll(tokens_BT, 1, dims=1)
        previous_BT[:, 0] = BOS
        return self.current_VG[tokens_BT] + self.previous_VG[previous_BT]

    def activations(self, tokens_BT: Tensor) -> Tensor:
        """Return activations_BTD at the only site of the only layer."""
        previous_BT = torch.roll(tokens_BT, 1, dims=1)
        previous_BT[:, 0] = BOS
        pair_BT1 = (tokens_BT * _VOCABULARY + previous_BT).unsqueeze(-1)
        # The noise is a function of the tokens, so the same text always has the same activation.
        noise_BTD = _NOISE * torch.cos(pair_BT1 * self.frequency_D + self.phase_D)
        return self.features(tokens_BT) @ self.dictionary + self.mean_D + noise_BTD

    def logits(self, x_BTD: Tensor) -> Tensor:
        """Return logits_BTV, linear in the activation."""
        return x_BTD @ self.readout_DV

    def forward(
        self, tokens: Tensor, return_type: str | None = "logits", loss_per_token: bool = False
    ) -> Any:
        """Return logits, loss (in nats), both or None, for TransformerLens' return_type."""
        return self._answer(tokens, self.activations(tokens), return_type, loss_per_token)

    def run_with_hooks(
        self,
        tokens: Tensor,
        return_type: str | None = "logits",
        fwd_hooks: Sequence[tuple[str, Hook]] = (),
        loss_per_token: bool = False,
        **ignored: Any,
    ) -> Any:
        """Run with the activation replaced by each hook's result, unless that is None.

        Raises BadRequest for an unknown hook name.
        """
        x_BTD = self.activations(tokens)
        for name, hook in fwd_hooks:
            _check(name)
            changed = hook(x_BTD, hook=None)
            x_BTD = x_BTD if changed is None else changed
        return self._answer(tokens, x_BTD, return_type, loss_per_token)

    def run_with_cache(
        self, tokens: Tensor, names_filter: str | Sequence[str] = HOOK, **ignored: Any
    ) -> tuple[None, dict[str, Tensor]]:
        """Return (None, {hook name: activations_BTD}). Raises BadRequest for an unknown name."""
        for name in [names_filter] if isinstance(names_filter, str) else names_filter:
            _check(name)
        return None, {HOOK: self.activations(tokens)}

    def sample_documents(
        self, n_rows: int, context: int, seed: int, document_length: int, topic: int | None = None
    ) -> Tensor:
        """Return tokens_BT [n_rows, context], each row starting with BOS, sampled from the subject.

        Documents have document_length tokens (without BOS) and are cut into whole rows. Each has
        one topic, which is random unless given. Raises BadRequest if a document is shorter than a
        row.
        """
        body = context - 1
        per_document = document_length // body
        if per_document < 1:
            raise BadRequest(
                f"document_length is {document_length}; set it to context - 1 = {body} or more."
            )
        count = -(-n_rows // per_document)
        text_NT = self._sample(count, per_document * body, seed, topic)
        rows_BT = text_NT.reshape(count * per_document, body)[:n_rows]
        return torch.cat([torch.full((len(rows_BT), 1), BOS), rows_BT], dim=1)

    @torch.no_grad()
    def _sample(self, count: int, length: int, seed: int, topic: int | None) -> Tensor:
        draw = torch.Generator().manual_seed(seed)
        topics_N = torch.randint(TOPICS, (count,), generator=draw)
        if topic is not None:
            topics_N = torch.full((count,), topic)
        pair_N2 = torch.full((count, 2), BOS)
        text_NT = torch.empty(count, length, dtype=torch.long)
        for position in range(length):
            logits_NV = (
                self.logits(self.activations(pair_N2)[:, -1]) + self.topic_bonus_KV[topics_N]
            )
            logits_NV[:, BOS] = -torch.inf
            chosen_N1 = torch.multinomial(logits_NV.softmax(-1), 1, generator=draw)
            text_NT[:, position] = chosen_N1[:, 0]
            pair_N2 = torch.cat([pair_N2[:, 1:], chosen_N1], dim=1)
        return text_NT

    def _answer(self, tokens: Tensor, x_BTD: Tensor, kind: str | None, per_token: bool) -> Any:
        logits_BTV = self.logits(x_BTD)
        if kind == "logits":
            return logits_BTV
        log_BTV = logits_BTV[:, :-1].log_softmax(-1)
        loss_BT = -log_BTV.gather(-1, tokens[:, 1:, None].long())[..., 0]
        loss = loss_BT if per_token else loss_BT.mean()
        return {"loss": loss, "both": (logits_BTV, loss), None: None}[kind]


def _sparse(rows: int, columns: int, per_row: int, draw: torch.Generator) -> Tensor:
    """Return a non-negative matrix with per_row entries between 0.5 and 1.5 in each row."""
    order = torch.rand(rows, columns, generator=draw).argsort(dim=1)[:, :per_row]
    values = 0.5 + torch.rand(rows, per_row, generator=draw)
    return torch.zeros(rows, columns).scatter_(1, order, values)


def _topics(topics: int, vocabulary: int, draw: torch.Generator) -> Tensor:
    """Return bonus_KV: each topic prefers its own third of the vocabulary."""
    owner_V = torch.randint(topics, (vocabulary,), generator=draw)
    return _TOPIC_BONUS * torch.nn.functional.one_hot(owner_V, topics).T.float()


def _check(name: str) -> None:
    if name != HOOK:
        raise BadRequest(f"The synthetic subject has no hook {name}. Use {HOOK}.")

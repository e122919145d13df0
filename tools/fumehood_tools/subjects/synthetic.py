"""A synthetic subject with a known dictionary of features, for tests that take seconds.

The activation at a position is a sparse non-negative combination of known directions, which are
chosen by the current and the previous token, plus a constant offset and small noise that depends on
the tokens. Logits are linear in the activation. The subject can therefore predict text sampled from
itself, and ablating its activation increases the cross-entropy. It has the methods of a
TransformerLens model that `sae_bench.evals.core.main.run_evals` calls.

The last step to the activation is an MLP with G neurons and a linear part:

    mlp_in    u = features @ in_directions + offset + noise
    mlp_out   y = relu(u W_in + b_in) W_out + u W_linear
    resid_post    x = (x - y) + y

Neuron g answers to feature g and writes its direction. So a skip transcoder with G latents can be
exact, and one without a skip path misses the linear part. The activation is what it was before the
MLP was planted: resid_post is computed first, and y is taken out of it only where a hook changes y.

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
MLP_IN, MLP_OUT = "blocks.0.mlp.hook_in", "blocks.0.hook_mlp_out"
TOPICS = 3
_VOCABULARY = 512
_FEATURES = 128
_NOISE = 0.03
_TOPIC_BONUS = 2.5
# The MLP has random numbers of its own, so that planting it changed nothing else.
_MLP_SEED = 1_000_003
# Neurons answer above this. Other features in the same input add about 0.2 to what a neuron reads.
_THRESHOLD = 0.5
_LINEAR_RANK, _LINEAR_SIZE = 8, 1.2

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
        self._plant_mlp(torch.Generator().manual_seed(seed + _MLP_SEED))

    def _plant_mlp(self, draw: torch.Generator) -> None:
        G, D = self.dictionary.shape
        self.in_directions: Tensor
        directions_GD = torch.randn(G, D, generator=draw)
        directions_GD = directions_GD / directions_GD.norm(dim=1, keepdim=True)
        self.register_buffer("in_directions", directions_GD)
        self.in_mean_D: Tensor
        self.register_buffer("in_mean_D", 0.3 * torch.randn(D, generator=draw))
        self.W_in_DG: Tensor
        self.register_buffer("W_in_DG", directions_GD.T.contiguous())
        self.b_in_G: Tensor
        self.register_buffer("b_in_G", -directions_GD @ self.in_mean_D - _THRESHOLD)
        self.W_out_GD: Tensor
        self.register_buffer("W_out_GD", self.dictionary.clone())
        self.W_linear_DD: Tensor
        thin_DR = torch.randn(D, _LINEAR_RANK, generator=draw)
        wide_RD = torch.randn(_LINEAR_RANK, D, generator=draw) / (D * _LINEAR_RANK**0.5)
        self.register_buffer("W_linear_DD", _LINEAR_SIZE * thin_DR @ wide_RD)

    def features(self, tokens_BT: Tensor) -> Tensor:
        """Return the ground truth features_BTG; at most six per position are above 0."""
        previous_BT = torch.roll(tokens_BT, 1, dims=1)
        previous_BT[:, 0] = BOS
        return self.current_VG[tokens_BT] + self.previous_VG[previous_BT]

    def activations(self, tokens_BT: Tensor) -> Tensor:
        """Return activations_BTD after the only layer, resid_post."""
        previous_BT = torch.roll(tokens_BT, 1, dims=1)
        previous_BT[:, 0] = BOS
        pair_BT1 = (tokens_BT * _VOCABULARY + previous_BT).unsqueeze(-1)
        # The noise is a function of the tokens, so the same text always has the same activation.
        noise_BTD = _NOISE * torch.cos(pair_BT1 * self.frequency_D + self.phase_D)
        return self.features(tokens_BT) @ self.dictionary + self.mean_D + noise_BTD

    def mlp_in(self, tokens_BT: Tensor) -> Tensor:
        """Return u_BTD, the input of the MLP."""
        previous_BT = torch.roll(tokens_BT, 1, dims=1)
        previous_BT[:, 0] = BOS
        pair_BT1 = (tokens_BT * _VOCABULARY + previous_BT).unsqueeze(-1)
        noise_BTD = _NOISE * torch.sin(pair_BT1 * self.frequency_D + self.phase_D)
        return self.features(tokens_BT) @ self.in_directions + self.in_mean_D + noise_BTD

    def mlp(self, u_BTD: Tensor) -> Tensor:
        """Return y_BTD, the output of the MLP."""
        hidden_BTG = torch.relu(u_BTD @ self.W_in_DG + self.b_in_G)
        return hidden_BTG @ self.W_out_GD + u_BTD @ self.W_linear_DD

    def at(self, name: str, tokens_BT: Tensor) -> Tensor:
        """Return the activations [B, T, D] at a hook. Raises BadRequest for an unknown name."""
        _check(name)
        if name == HOOK:
            return self.activations(tokens_BT)
        u_BTD = self.mlp_in(tokens_BT)
        return u_BTD if name == MLP_IN else self.mlp(u_BTD)

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

        Hooks are called in the order of the sites, whatever their order here. Raises BadRequest for
        an unknown hook name.
        """
        for name, _ in fwd_hooks:
            _check(name)

        def hooked(name: str, value_BTD: Tensor) -> Tensor:
            for _, hook in (pair for pair in fwd_hooks if pair[0] == name):
                changed = hook(value_BTD, hook=None)
                value_BTD = value_BTD if changed is None else changed
            return value_BTD

        x_BTD = self.activations(tokens)
        if any(name != HOOK for name, _ in fwd_hooks):
            u_BTD = self.mlp_in(tokens)
            y_BTD = self.mlp(u_BTD)
            x_BTD = x_BTD + (hooked(MLP_OUT, self.mlp(hooked(MLP_IN, u_BTD))) - y_BTD)
        x_BTD = hooked(HOOK, x_BTD)
        return self._answer(tokens, x_BTD, return_type, loss_per_token)

    def run_with_cache(
        self, tokens: Tensor, names_filter: str | Sequence[str] = HOOK, **ignored: Any
    ) -> tuple[None, dict[str, Tensor]]:
        """Return (None, {hook name: activations_BTD}). Raises BadRequest for an unknown name."""
        names = [names_filter] if isinstance(names_filter, str) else names_filter
        return None, {name: self.at(name, tokens) for name in names}

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
    if name not in (HOOK, MLP_IN, MLP_OUT):
        known = ", ".join((HOOK, MLP_IN, MLP_OUT))
        raise BadRequest(f"The synthetic subject has no hook {name}. Use one of: {known}.")

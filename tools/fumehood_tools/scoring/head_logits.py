"""Logits and losses of a pass, as rows for `sliced_tensor`.

If the subject can be resumed after its last block, only the residual stream there is stored, which
has 1 % of the size of the logits. The subject's own code then runs the final norm, the head and the
loss on a block of positions at a time. Otherwise, the whole logits of the pass are stored.

B = texts, T = tokens per text, V = words in the vocabulary, D = d_model.
"""

from typing import TYPE_CHECKING, Any

from fumehood_tools.scoring.resumed_pass import ResumedPass

if TYPE_CHECKING:
    from torch import Tensor

# The arguments of sae-bench's core evaluation for passes, besides tokens and hooks.
CORE_PASS = {"return_type": "both", "loss_per_token": True}


class WholeLogits:
    """The logits [B, T, V] and losses of a pass, stored."""

    def __init__(self, logits_BTV: "Tensor", losses: "Tensor") -> None:
        self._logits, self._losses = logits_BTV.flatten(0, 1), losses

    def rows(self, first: int, last: int) -> "Tensor":
        """Return some rows of B x T."""
        return self._logits[first:last]

    def losses(self) -> "Tensor":
        """Return the losses [B, T - 1]."""
        return self._losses

    def release(self) -> None:
        """Do nothing: nothing is stored for neighboring rows."""


class HeadLogits:
    """Computes the logits of a pass from resid_BTD, the output of its last block.

    A block is a few whole texts, or some positions of one text if that is longer than `length`.
    """

    def __init__(
        self,
        model: Any,
        head: ResumedPass,
        tokens_BT: "Tensor",
        resid_BTD: "Tensor",
        *,
        length: int,
        step: int,
    ) -> None:
        """length: rows whose logits are computed at once; step: the same for losses."""
        import torch

        self._model, self._head = model, head
        self._tokens, self._resid = tokens_BT, resid_BTD
        self._texts = max(1, length // tokens_BT.shape[1])
        self._length, self._step = min(length, tokens_BT.shape[1]), step
        self._losses = torch.empty(len(tokens_BT), tokens_BT.shape[1] - 1)
        self._lost: set[tuple[int, int]] = set()
        self._at: tuple[int, int] | None = None
        self._block: Tensor | None = None

    def rows(self, first: int, last: int) -> "Tensor":
        """Return some of the B x T rows, all of one text. The last block is kept until release."""
        import torch

        text, position = divmod(first, self._tokens.shape[1])
        end, parts = position + last - first, []
        while position < end:
            start = position // self._length * self._length
            block_BTV = self._computed(text // self._texts * self._texts, start)
            parts.append(block_BTV[text % self._texts, position - start : end - start])
            position += len(parts[-1])
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def losses(self) -> "Tensor":
        """Return the losses [B, T - 1]. Blocks that were computed before are not computed again."""
        for text in range(0, len(self._tokens), self._texts):
            for start in range(0, self._tokens.shape[1], self._length):
                if (text, start) not in self._lost:
                    self._computed(text, start)
        self.release()
        return self._losses

    def release(self) -> None:
        """Free the last block."""
        self._at = self._block = None

    def _computed(self, text: int, start: int) -> "Tensor":
        """Return the logits [texts, length, V] of the block that begins there; store its losses."""
        if self._at == (text, start) and self._block is not None:
            return self._block
        self.release()
        # One more position, because the loss of a token needs the next token.
        end = min(start + self._length + 1, self._tokens.shape[1])
        texts = slice(text, text + self._texts)
        tokens = self._tokens[texts, start:end]
        with self._head.given(self._resid[texts, start:end]):
            logits = self._model(tokens, return_type="logits")
        # By steps, because the loss makes a tensor as large as the logits that it is given.
        for number in range(len(tokens)):
            one = slice(number, number + 1)
            for first in range(0, end - start - 1, self._step):
                part = slice(first, first + self._step + 1)
                losses = self._model.loss_fn(logits[one, part], tokens[one, part], per_token=True)
                at = start + first
                self._losses[text + number, at : at + self._step] = losses[0]
        self._lost.add((text, start))
        self._at, self._block = (text, start), logits[:, : self._length]
        return self._block

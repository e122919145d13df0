"""The subject's forward passes, those that do not depend on the SAE made once.

sae-bench runs, per batch and SAE, a clean pass, a pass with the SAE spliced in, a pass with the
site set to 0 and a truncated pass for the activations. Three of the four are the same for all SAEs.
Logits are handed to sae-bench as a `SlicedTensor`, so that they are never whole in memory.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fumehood_tools.errors import RunFailed
from fumehood_tools.scoring.head_logits import CORE_PASS, HeadLogits, WholeLogits
from fumehood_tools.scoring.resumed_pass import ResumedPass
from fumehood_tools.scoring.sliced_tensor import (
    Logits,
    PendingTensor,
    SharedValues,
    SlicedTensor,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# sae-bench's name for the hook that sets the site to 0 (evals/core/main.py, get_recons_loss).
ABLATION_HOOK = "standard_zero_ablate_hook"
# What core passes to run_with_cache: these calls are remembered, all others are not.
CORE_CACHE = {"prepend_bos", "names_filter", "stop_at_layer"}
# The clean pass's probabilities are kept in files up to this size together (8 texts of 128 tokens
# and 49,152 words: 200 MB); beyond it they are computed again for every SAE.
KEPT_BYTES = 3 << 30
# The size of a vocabulary where the subject does not say it.
VOCABULARY = 1 << 16
# The head computes as many slices at once: with fewer rows its matrix product is slower (at 128
# rows 0.58 s in all instead of 0.43 s for 1,024 at once; at 16 rows 1.6 s).
SLICES_PER_BLOCK = 8

Hooks = list[tuple[str, Callable[..., Any]]]


class _Reached(Exception):
    """Ends a forward pass at the hook whose activations were wanted."""

    def __init__(self, x_BTD: "Tensor") -> None:
        super().__init__("the activations are there")
        self.x_BTD = x_BTD


class SharedPasses:
    """Stands where sae-bench expects a HookedTransformer and remembers what it may.

    Results are kept per batch of tokens for the life of the object, one scoring job. `small` is
    what another job may be given to begin with: results without logits, by name. `head` starts
    behind the last block, where that was tried: with it a clean pass that is known costs the head.

    Only the calls of sae-bench's core evaluation are remembered. Every other call and attribute is
    the model's own, so that other evaluations can use it too.
    """

    def __init__(
        self,
        model: Any,
        late_start: ResumedPass | None = None,
        head: ResumedPass | None = None,
        small: "dict[str, Tensor] | None" = None,
        folder: Path | None = None,
    ) -> None:
        """folder: where files for large values are made; None: where the system makes its own."""
        self.model, self.late_start, self.head = model, late_start, head
        self.tokenizer = getattr(model, "tokenizer", None)
        self.small: dict[str, Tensor] = {} if small is None else small
        vocabulary = getattr(getattr(model, "cfg", None), "d_vocab", VOCABULARY)
        self._shared = SharedValues(self.small, vocabulary, KEPT_BYTES, folder)

    def __getattr__(self, name: str) -> Any:
        """Return what the model itself has by this name."""
        return getattr(self.__dict__["model"], name)

    def __call__(self, tokens: "Tensor", *args: Any, **kwargs: Any) -> Any:
        """Return the clean pass: for core, sliced logits with a name, and losses."""
        if args or kwargs != CORE_PASS:
            return self.model(tokens, *args, **kwargs)
        return self._named("clean", tokens, lambda: self._clean(tokens), lasting=True)

    def prepare(self, tokens: "Tensor") -> None:
        """Compute what every SAE's pass over these tokens is compared with."""
        import torch

        logits, losses = self(tokens, **CORE_PASS)
        probabilities: Any = torch.nn.functional.softmax(logits, dim=-1)
        for _ in probabilities.slices():
            pass
        if isinstance(losses, PendingTensor):
            losses.value()

    def _clean(self, tokens: "Tensor") -> Logits:
        if self.head is None:
            return WholeLogits(*self.model(tokens, **CORE_PASS))
        name = f"last {_name(tokens)}"
        if name not in self.small:
            self.small[name] = self._reached(self.head.hook, tokens, [])
        return self._head_logits(self.head, tokens, self.small[name])

    def run_with_cache(self, tokens: "Tensor", *args: Any, **kwargs: Any) -> Any:
        """Return the truncated pass with the one activation that core asks for."""
        names = kwargs.get("names_filter")
        others = args or kwargs.keys() != CORE_CACHE or kwargs["prepend_bos"]
        if others or not isinstance(names, list) or len(names) != 1:
            return self.model.run_with_cache(tokens, *args, **kwargs)
        [site] = names
        return None, {
            site: self.activations_at(site, tokens, stop_at_layer=kwargs["stop_at_layer"])
        }

    def activations_at(self, site: str, tokens: "Tensor", **kwargs: Any) -> "Tensor":
        """Return the activations [B, T, D] at a site, made once; kwargs: for run_with_cache."""
        name = f"{site} {_name(tokens)}"
        if name not in self.small and self.head is not None:
            self.small[name] = self._reached(site, tokens, [])
        elif name not in self.small:
            # Only the wanted activations are kept: a whole cache would hold every layer's.
            _, cache = self.model.run_with_cache(
                tokens, prepend_bos=False, names_filter=[site], **kwargs
            )
            self.small[name] = cache[site]
        return self.small[name]

    def run_with_hooks(self, tokens: "Tensor", *args: Any, **kwargs: Any) -> Any:
        """Return a pass with hooks: for core, sliced logits, and losses."""
        hooks = kwargs.get("fwd_hooks", [])
        others = {key: value for key, value in kwargs.items() if key != "fwd_hooks"}
        if args or others != CORE_PASS or len(hooks) != 1:
            return self.model.run_with_hooks(tokens, *args, **kwargs)
        [(site, hook)] = hooks
        if getattr(hook, "__name__", "") == ABLATION_HOOK:
            return self._named(f"ablated {site}", tokens, lambda: self._from_site(tokens, hooks))
        logits = self._from_site(tokens, hooks)
        sliced = SlicedTensor.of_logits(self._shared, tokens.shape, logits)
        return sliced, PendingTensor(_without_last(tokens), logits.losses)

    def _from_site(self, tokens: "Tensor", hooks: Hooks) -> Logits:
        """Run a pass with one hook; the blocks below it are left out where that was tried."""
        [(site, _)] = hooks
        if self.late_start is None or self.late_start.hook != site:
            return self._hooked(tokens, hooks)
        with self.late_start.given(self.activations_at(site, tokens)):
            return self._hooked(tokens, hooks)

    def _hooked(self, tokens: "Tensor", hooks: Hooks) -> Logits:
        if self.head is None:
            found = self.model.run_with_hooks(tokens, fwd_hooks=hooks, **CORE_PASS)
            return WholeLogits(*found)
        resid_BTD = self._reached(self.head.hook, tokens, hooks)
        return self._head_logits(self.head, tokens, resid_BTD)

    def _reached(self, site: str, tokens: "Tensor", hooks: Hooks) -> "Tensor":
        """Run a pass with hooks as far as `site` and return the activations there, [B, T, D]."""

        def stop(x_BTD: "Tensor", hook: object) -> None:
            raise _Reached(x_BTD)

        try:
            self.model.run_with_hooks(tokens, fwd_hooks=[*hooks, (site, stop)])
        except _Reached as reached:
            return reached.x_BTD
        raise RunFailed(
            f"The subject never reached {site}. This is a bug in fumehood: please report it."
        )

    def _head_logits(self, head: ResumedPass, tokens: "Tensor", resid_BTD: "Tensor") -> HeadLogits:
        length = SLICES_PER_BLOCK * self._shared.rows_per_slice
        return HeadLogits(self.model, head, tokens, resid_BTD, length)

    def _named(
        self, kind: str, tokens: "Tensor", run: Callable[[], Logits], *, lasting: bool = False
    ) -> "tuple[SlicedTensor, Tensor | PendingTensor]":
        """Return logits and losses of a pass that is the same for every SAE, run when needed."""
        name, logits = f"{kind} {_name(tokens)}", _Later(run)
        sliced = SlicedTensor.of_logits(
            self._shared, tokens.shape, logits, name=name, lasting=lasting
        )
        if name in self.small:
            return sliced, self.small[name]

        def losses() -> "Tensor":
            if name not in self.small:
                self.small[name] = logits.losses()
            return self.small[name]

        return sliced, PendingTensor(_without_last(tokens), losses)


class _Later:
    """Logits of a pass that is run when they, or its losses, are first needed."""

    def __init__(self, run: Callable[[], Logits]) -> None:
        self._run = run
        self._found: Logits | None = None

    def _logits(self) -> Logits:
        if self._found is None:
            self._found = self._run()
        return self._found

    def rows(self, first: int, last: int) -> "Tensor":
        """Return some rows."""
        return self._logits().rows(first, last)

    def losses(self) -> "Tensor":
        """Return the losses."""
        return self._logits().losses()

    def release(self) -> None:
        """Give up what was kept for neighboring rows."""
        if self._found is not None:
            self._found.release()


def _without_last(tokens: "Tensor") -> "torch.Size":
    """Return the shape of a pass's losses: the last token of a text has none."""
    import torch

    return torch.Size((len(tokens), tokens.shape[1] - 1))


def _name(tokens: "Tensor") -> str:
    return hashlib.blake2b(tokens.cpu().numpy().tobytes(), digest_size=16).hexdigest()


class TokenRows:
    """Stands where sae-bench expects an ActivationsStore: hands out rows of tokens in order."""

    def __init__(self, tokens_RC: "Tensor", rows_per_batch: int) -> None:
        self.tokens_RC = tokens_RC
        self.store_batch_size_prompts = rows_per_batch
        self.context_size = int(tokens_RC.shape[1])
        self._next = 0

    def get_batch_tokens(self, rows: int) -> "Tensor":
        """Return the next `rows` rows [rows, context]."""
        start, self._next = self._next, self._next + rows
        return self.tokens_RC[start : self._next]

    def reset_input_dataset(self) -> None:
        """Start again at the first row."""
        self._next = 0

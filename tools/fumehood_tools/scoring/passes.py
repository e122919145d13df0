"""The subject's forward passes. Those that do not depend on the SAE are run once.

For each batch and SAE, sae-bench runs a clean pass, a pass with the SAE spliced in, a pass with the
site set to 0, and a truncated pass for the activations. Three of these are the same for all SAEs.
sae-bench gets logits as a `SlicedTensor`, so that they are never whole in memory.
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
# The arguments of core's run_with_cache. Only results of calls with these arguments are stored.
CORE_CACHE = {"prepend_bos", "names_filter", "stop_at_layer"}
# Probabilities of the clean pass are stored in files of at most this size together (200 MB for 8
# texts of 128 tokens and 49,152 words). Beyond it, they are computed again for every SAE.
KEPT_BYTES = 3 << 30
# The assumed size of the vocabulary if the subject does not say it.
VOCABULARY = 1 << 16
# The head computes this many slices at once, because its matrix product is slow for few rows.
# Measured for 1,024 rows at V = 49,152: 0.42 s at once, 0.45 s by 256, 0.5 s by 128, 1.6 s by 16.
SLICES_PER_BLOCK = 13

Hooks = list[tuple[str, Callable[..., Any]]]


class _Reached(Exception):
    """Ends a forward pass at a hook, with the activations there."""

    def __init__(self, x_BTD: "Tensor") -> None:
        super().__init__("the activations are there")
        self.x_BTD = x_BTD


class SharedPasses:
    """Takes the place of a HookedTransformer in sae-bench and stores what all SAEs share.

    Results are stored per batch of tokens for the life of the object, which is one scoring job.
    `small` has the results without logits, by name; a later job can start with them. late_start
    resumes the subject at the SAE's site, `head` after its last block; both are None if that does
    not work for this subject.

    Only the calls of sae-bench's core evaluation are stored. All other calls and attributes are the
    model's own, so that other evaluations can use this object, too.
    """

    def __init__(
        self,
        model: Any,
        late_start: ResumedPass | None = None,
        head: ResumedPass | None = None,
        small: "dict[str, Tensor] | None" = None,
        folder: Path | None = None,
    ) -> None:
        """folder: for files with large values; None: the system's folder for temporary files."""
        self.model, self.late_start, self.head = model, late_start, head
        self.tokenizer = getattr(model, "tokenizer", None)
        self.small: dict[str, Tensor] = {} if small is None else small
        vocabulary = getattr(getattr(model, "cfg", None), "d_vocab", VOCABULARY)
        self._shared = SharedValues(self.small, vocabulary, KEPT_BYTES, folder)

    def __getattr__(self, name: str) -> Any:
        """Return the model's own attribute."""
        return getattr(self.__dict__["model"], name)

    def __call__(self, tokens: "Tensor", *args: Any, **kwargs: Any) -> Any:
        """Return the clean pass: for core, sliced logits with a name, and losses."""
        if args or kwargs != CORE_PASS:
            return self.model(tokens, *args, **kwargs)
        return self._named("clean", tokens, lambda: self._clean(tokens), lasting=True)

    def prepare(self, tokens: "Tensor") -> None:
        """Compute the clean pass's losses and probabilities, which every SAE is compared with."""
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
        """Return the result of a truncated pass with the only activation that core asks for."""
        names = kwargs.get("names_filter")
        others = args or kwargs.keys() != CORE_CACHE or kwargs["prepend_bos"]
        if others or not isinstance(names, list) or len(names) != 1:
            return self.model.run_with_cache(tokens, *args, **kwargs)
        [site] = names
        return None, {
            site: self.activations_at(site, tokens, stop_at_layer=kwargs["stop_at_layer"])
        }

    def activations_at(self, site: str, tokens: "Tensor", **kwargs: Any) -> "Tensor":
        """Return the activations [B, T, D] at a site, computed once; kwargs: for run_with_cache."""
        name = f"{site} {_name(tokens)}"
        if name not in self.small and self.head is not None:
            self.small[name] = self._reached(site, tokens, [])
        elif name not in self.small:
            # Keep only these activations: the whole cache has those of every layer.
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
        """Run a pass with one hook, from the site on if the subject can be resumed there."""
        [(site, _)] = hooks
        if self.late_start is None or self.late_start.before != site:
            return self._hooked(tokens, hooks)
        with self.late_start.given(self.activations_at(self.late_start.hook, tokens)):
            return self._hooked(tokens, hooks)

    def _hooked(self, tokens: "Tensor", hooks: Hooks) -> Logits:
        if self.head is None:
            found = self.model.run_with_hooks(tokens, fwd_hooks=hooks, **CORE_PASS)
            return WholeLogits(*found)
        resid_BTD = self._reached(self.head.hook, tokens, hooks)
        return self._head_logits(self.head, tokens, resid_BTD)

    def _reached(self, site: str, tokens: "Tensor", hooks: Hooks) -> "Tensor":
        """Run a pass with hooks up to `site` and return the activations [B, T, D] there."""

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
        step = self._shared.rows_per_slice
        length = SLICES_PER_BLOCK * step
        return HeadLogits(self.model, head, tokens, resid_BTD, length=length, step=step)

    def _named(
        self, kind: str, tokens: "Tensor", run: Callable[[], Logits], *, lasting: bool = False
    ) -> "tuple[SlicedTensor, Tensor | PendingTensor]":
        """Return logits and losses of a pass that all SAEs share. It is run when it is needed."""
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
    """Logits of a pass that is run when its logits or losses are first needed."""

    def __init__(self, run: Callable[[], Logits]) -> None:
        self._run = run
        self._found: Logits | None = None

    def _logits(self) -> Logits:
        if self._found is None:
            self._found = self._run()
        return self._found

    def rows(self, first: int, last: int) -> "Tensor":
        """Return rows of the logits."""
        return self._logits().rows(first, last)

    def losses(self) -> "Tensor":
        """Return the losses."""
        return self._logits().losses()

    def release(self) -> None:
        """Free what was kept for neighboring rows."""
        if self._found is not None:
            self._found.release()


def _without_last(tokens: "Tensor") -> "torch.Size":
    """Return the shape of the losses. The last token of a text has none."""
    import torch

    return torch.Size((len(tokens), tokens.shape[1] - 1))


def _name(tokens: "Tensor") -> str:
    return hashlib.blake2b(tokens.cpu().numpy().tobytes(), digest_size=16).hexdigest()


class TokenRows:
    """Takes the place of an ActivationsStore in sae-bench: returns rows of tokens in order."""

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

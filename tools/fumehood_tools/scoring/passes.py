"""The subject's forward passes, those that do not depend on the SAE made once.

sae-bench runs, per batch and SAE, a clean pass, a pass with the SAE spliced in, a pass with the
site set to 0 and a truncated pass for the activations. Three of the four are the same for all SAEs.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fumehood_tools.scoring.cached_tensor import CachedTensor, TensorCache
from fumehood_tools.scoring.resumed_pass import ResumedPass

if TYPE_CHECKING:
    from torch import Tensor

# sae-bench's name for the hook that sets the site to 0 (evals/core/main.py, get_recons_loss).
ABLATION_HOOK = "standard_zero_ablate_hook"
# What core passes besides tokens and hooks: these calls are remembered, all others are not.
CORE_PASS = {"return_type": "both", "loss_per_token": True}
CORE_CACHE = {"prepend_bos", "names_filter", "stop_at_layer"}
# Probabilities are large (16 rows x 128 tokens x 49,152 words: 400 MB, and their logarithms as
# much); beyond this, they are computed again.
KEPT_BYTES = 3 << 30


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
    ) -> None:
        self.model, self.late_start, self.head = model, late_start, head
        self.tokenizer = getattr(model, "tokenizer", None)
        self.small: dict[str, Tensor] = {} if small is None else small
        self._shelf = TensorCache(KEPT_BYTES, self.small)

    def __getattr__(self, name: str) -> Any:
        """Return what the model itself has by this name."""
        return getattr(self.__dict__["model"], name)

    def __call__(self, tokens: "Tensor", *args: Any, **kwargs: Any) -> Any:
        """Return the clean pass: for core, logits as known values, and losses."""
        if args or kwargs != CORE_PASS:
            return self.model(tokens, *args, **kwargs)
        return self._known("clean", tokens, lambda: self._clean(tokens, kwargs), lasting=True)

    def _clean(self, tokens: "Tensor", kwargs: dict[str, Any]) -> Any:
        if self.head is None:
            return self.model(tokens, **kwargs)
        name = f"last {_name(tokens)}"
        if name in self.small:
            with self.head.given(self.small[name]):
                return self.model(tokens, **kwargs)

        def note(resid_BTD: "Tensor", hook: object) -> None:
            self.small[name] = resid_BTD

        return self.model.run_with_hooks(tokens, fwd_hooks=[(self.head.hook, note)], **kwargs)

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
        if name not in self.small:
            # Only the wanted activations are kept: a whole cache would hold every layer's.
            _, cache = self.model.run_with_cache(
                tokens, prepend_bos=False, names_filter=[site], **kwargs
            )
            self.small[name] = cache[site]
        return self.small[name]

    def run_with_hooks(self, tokens: "Tensor", *args: Any, **kwargs: Any) -> Any:
        """Return a pass with hooks; core's ablated one is made once."""
        hooks = kwargs.get("fwd_hooks", [])
        others = {key: value for key, value in kwargs.items() if key != "fwd_hooks"}
        if args or others != CORE_PASS or len(hooks) != 1:
            return self.model.run_with_hooks(tokens, *args, **kwargs)
        [(site, hook)] = hooks
        if getattr(hook, "__name__", "") == ABLATION_HOOK:
            return self._known(f"ablated {site}", tokens, lambda: self._from_site(tokens, kwargs))
        return self._from_site(tokens, kwargs)

    def _from_site(self, tokens: "Tensor", kwargs: dict[str, Any]) -> Any:
        [(site, _)] = kwargs["fwd_hooks"]
        if self.late_start is None or self.late_start.hook != site:
            return self.model.run_with_hooks(tokens, **kwargs)
        with self.late_start.given(self.activations_at(site, tokens)):
            return self.model.run_with_hooks(tokens, **kwargs)

    def _known(
        self, kind: str, tokens: "Tensor", run: Callable[[], Any], *, lasting: bool = False
    ) -> "tuple[CachedTensor, Tensor]":
        """Return logits and losses; the pass is made for its losses, and for logits if needed."""
        name, fresh = f"{kind} {_name(tokens)}", []
        if name not in self.small:
            logits, self.small[name] = run()
            fresh.append(logits)

        def make() -> "Tensor":
            made: Tensor = fresh.pop() if fresh else run()[0]
            return made

        return CachedTensor(self._shelf, name, make, lasting=lasting), self.small[name]


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

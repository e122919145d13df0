"""The subject's forward passes, those that do not depend on the SAE made once.

sae-bench runs, per batch and SAE, a clean pass, a pass with the SAE spliced in, a pass with the
site set to 0 and a truncated pass for the activations. Three of the four are the same for all SAEs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fumehood_tools.scoring.late_start import LateStart

if TYPE_CHECKING:
    from torch import Tensor

# sae-bench's name for the hook that sets the site to 0 (evals/core/main.py, get_recons_loss).
ABLATION_HOOK = "standard_zero_ablate_hook"
# Logits are large (16 rows x 128 tokens x 49,152 words: 400 MB); beyond this, passes are repeated.
KEPT_BYTES = 3 << 30


class SharedPasses:
    """Stands where sae-bench expects a HookedTransformer and remembers what it may.

    Results are kept per batch of tokens for the life of the object: one scoring job.
    """

    def __init__(self, model: Any, late_start: LateStart | None = None) -> None:
        self.model, self.late_start = model, late_start
        self.tokenizer = getattr(model, "tokenizer", None)
        self._kept: dict[tuple[str, bytes], Any] = {}
        self._kept_bytes = 0

    def __call__(self, tokens: "Tensor", **kwargs: Any) -> Any:
        """Return the clean pass."""
        return self._once("clean", tokens, lambda: self.model(tokens, **kwargs))

    def run_with_cache(self, tokens: "Tensor", **kwargs: Any) -> Any:
        """Return the truncated pass with its activations."""
        return self._once("cache", tokens, lambda: self._plain_cache(tokens, kwargs))

    def run_with_hooks(self, tokens: "Tensor", **kwargs: Any) -> Any:
        """Return a pass with hooks; the ablated one is made once."""
        [(_, hook)] = kwargs["fwd_hooks"]
        if getattr(hook, "__name__", "") == ABLATION_HOOK:
            return self._once("ablated", tokens, lambda: self._from_site(tokens, kwargs))
        return self._from_site(tokens, kwargs)

    def _from_site(self, tokens: "Tensor", kwargs: dict[str, Any]) -> Any:
        if self.late_start is None:
            return self.model.run_with_hooks(tokens, **kwargs)
        name = self.late_start.hook
        _, cache = self.run_with_cache(tokens, prepend_bos=False, names_filter=[name])
        with self.late_start.given(cache[name]):
            return self.model.run_with_hooks(tokens, **kwargs)

    def _plain_cache(self, tokens: "Tensor", kwargs: dict[str, Any]) -> tuple[None, dict[str, Any]]:
        # Only the wanted activations are kept: a whole cache would hold every layer's.
        _, cache = self.model.run_with_cache(tokens, **kwargs)
        return None, {name: cache[name] for name in kwargs["names_filter"]}

    def _once(self, kind: str, tokens: "Tensor", run: Callable[[], Any]) -> Any:
        key = (kind, tokens.cpu().numpy().tobytes())
        if key in self._kept:
            return self._kept[key]
        result = run()
        size = _tensor_bytes(result)
        if self._kept_bytes + size <= KEPT_BYTES:
            self._kept[key] = result
            self._kept_bytes += size
        return result


def _tensor_bytes(result: Any) -> int:
    """Return the bytes of all tensors in a pass's result (nested tuples and dicts)."""
    if isinstance(result, tuple):
        return sum(_tensor_bytes(part) for part in result)
    if isinstance(result, dict):
        return sum(_tensor_bytes(part) for part in result.values())
    return int(result.nbytes) if hasattr(result, "nbytes") else 0


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

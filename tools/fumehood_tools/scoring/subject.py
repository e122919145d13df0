"""Load the subject for sae-bench: a model with hooks that have TransformerLens' names."""

from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.kinds import SiteName
from fumehood_tools.scoring.resumed_pass import ResumedPass
from fumehood_tools.spec import SubjectSpec
from fumehood_tools.subjects import describe_subject, hook_name
from fumehood_tools.subjects.loading import load_language_model
from fumehood_tools.subjects.stubs import COMPILER, load_after_all
from fumehood_tools.subjects.synthetic import BOS, SyntheticSubject


class ScoringSubject(NamedTuple):
    """A loaded subject, and the hook at which latents stand in for activations.

    late_start resumes it at the site or at the nearest block below, `head` after its last block.
    """

    model: Any
    hook: str
    ignore_tokens: set[int]
    late_start: ResumedPass | None = None
    head: ResumedPass | None = None


def scoring_subject(spec: SubjectSpec, site: SiteName, cache: Path) -> ScoringSubject:
    """Load the whole subject in float32. BOS, EOS and padding are not scored, as in sae-bench.

    site: that of what is predicted.

    A Hugging Face model is wrapped in TransformerLens' TransformerBridge, which has the same
    weights and logits, and hooks with TransformerLens' names. Weights stay mapped from their file.
    """
    info = describe_subject(spec, cache)
    hook = hook_name(site, spec.layer)
    if info.kind == "synthetic":
        return ScoringSubject(SyntheticSubject(), hook, {BOS})
    load_after_all("transformer_lens", "pandas", COMPILER)
    from transformer_lens.model_bridge import TransformerBridge

    model, tokenizer = load_language_model(spec, cache)
    # No text is generated here, so keys and values need not be kept in memory.
    model.config.use_cache = False
    bridge = TransformerBridge.boot_transformers(
        info.name, device="cpu", dtype=model.dtype, hf_model=model, tokenizer=tokenizer
    )
    named = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id)
    # A tokenizer without one of them says None, which sae-bench cannot compare with tokens.
    special = {one for one in named if one is not None}
    below = spec.layer if site == "resid_post" else spec.layer - 1
    late_start = None
    if below >= 0:
        late_start = ResumedPass(bridge, below, hook_name("resid_post", below), before=hook)
    last = info.n_layers - 1
    head = ResumedPass(bridge, last, hook_name("resid_post", last))
    return ScoringSubject(bridge, hook, special, late_start, head)

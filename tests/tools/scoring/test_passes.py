"""Passes that all SAEs share have the subject's numbers, are run once, and are stored for later."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fumehood_tools.scoring.pass_store import read_passes, write_passes
from fumehood_tools.scoring.passes import SharedPasses
from fumehood_tools.subjects.synthetic import SyntheticSubject

SITE = "blocks.0.hook_resid_post"
ASKED: dict[str, Any] = {"return_type": "both", "loss_per_token": True}


class CountedSubject:
    """The synthetic subject, with a count of its passes."""

    def __init__(self) -> None:
        self.subject, self.passes = SyntheticSubject(), 0

    def __call__(self, tokens: torch.Tensor, **kwargs: Any) -> Any:
        self.passes += 1
        return self.subject(tokens, **kwargs)

    def run_with_hooks(self, tokens: torch.Tensor, **kwargs: Any) -> Any:
        self.passes += 1
        return self.subject.run_with_hooks(tokens, **kwargs)

    def run_with_cache(self, tokens: torch.Tensor, **kwargs: Any) -> Any:
        self.passes += 1
        return self.subject.run_with_cache(tokens, **kwargs)


def standard_zero_ablate_hook(x: torch.Tensor, hook: object) -> torch.Tensor:
    return torch.zeros_like(x)


def halved(x: torch.Tensor, hook: object) -> torch.Tensor:
    return x / 2


def divergence(clean: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    # As in sae_bench.evals.core.main, get_recons_loss.
    p, q = (torch.nn.functional.softmax(logits, dim=-1) for logits in (clean, other))
    return (p * (torch.log(p) - torch.log(q))).sum(dim=-1)


def measured(model: Any, tokens: torch.Tensor) -> list[torch.Tensor]:
    """Return activations, losses and divergences of a batch, computed as in sae-bench."""
    _, cache = model.run_with_cache(tokens, prepend_bos=False, names_filter=[SITE], stop_at_layer=1)
    clean, loss = model(tokens, **ASKED)
    found = [cache[SITE], _every(loss)]
    for hook in (halved, standard_zero_ablate_hook):
        logits, loss = model.run_with_hooks(tokens, fwd_hooks=[(SITE, hook)], **ASKED)
        found += [_every(divergence(clean, logits)), _every(loss)]
    return found


def _every(x: Any) -> torch.Tensor:
    chosen: torch.Tensor = x[torch.ones(x.shape, dtype=torch.bool)]
    return chosen


def tokens() -> torch.Tensor:
    return SyntheticSubject().sample_documents(4, 16, 7, 15, 0)


def test_shared_passes_give_the_subjects_own_numbers_every_time() -> None:
    shared, own = SharedPasses(SyntheticSubject()), measured(SyntheticSubject(), tokens())
    for _ in range(2):
        found = measured(shared, tokens())
        assert all(torch.equal(ours, plain) for ours, plain in zip(found, own, strict=True))


def test_a_second_sae_costs_one_pass() -> None:
    subject = CountedSubject()
    shared = SharedPasses(subject)
    measured(shared, tokens())
    assert subject.passes == 4
    measured(shared, tokens())
    assert subject.passes == 5


def test_a_later_job_begins_with_what_an_earlier_one_kept(tmp_path: Path) -> None:
    earlier, subject = SharedPasses(SyntheticSubject()), CountedSubject()
    own = measured(earlier, tokens())
    write_passes(tmp_path / "kept.safetensors", earlier.small)
    later = SharedPasses(subject, small=read_passes(tmp_path / "kept.safetensors"))
    found = measured(later, tokens())
    assert all(torch.equal(ours, plain) for ours, plain in zip(found, own, strict=True))
    # The pass with the SAE, and the clean pass for its probabilities, which are not stored.
    assert subject.passes == 2


def test_a_damaged_file_of_passes_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "kept.safetensors"
    write_passes(path, {"loss": torch.ones(3)})
    path.write_bytes(path.read_bytes()[:-4])
    assert read_passes(path) == {}


def test_calls_that_core_does_not_make_are_the_models_own() -> None:
    shared, subject = SharedPasses(SyntheticSubject()), SyntheticSubject()
    measured(shared, tokens())
    noted: list[torch.Tensor] = []

    def note(x: torch.Tensor, hook: object) -> None:
        noted.append(x)

    two = [(SITE, halved), (SITE, note)]
    found = shared.run_with_hooks(tokens(), fwd_hooks=two, return_type="logits")
    assert torch.equal(found, subject.run_with_hooks(tokens(), fwd_hooks=two, return_type="logits"))
    assert len(noted) == 2
    assert torch.equal(noted[0], noted[1])
    assert torch.equal(shared(tokens()), subject(tokens()))
    _, cache = shared.run_with_cache(tokens(), names_filter=[SITE])
    assert torch.equal(cache[SITE], subject.activations(tokens()))
    assert shared.sample_documents == shared.model.sample_documents
    with pytest.raises(AttributeError):
        _ = shared.no_such_method

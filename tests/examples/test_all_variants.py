"""What every variant of examples/ must be: allowed, documented, trainable, and not costly."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from core import TrainingRun, build_sae, build_trainer, load_variant
from fumehood_tools.kinds import SAE, template_folder
from fumehood_tools.records.inertness import SAME
from fumehood_tools.runs.sweep import knob_value
from fumehood_tools.sandbox.check import check_static
from fumehood_tools.sandbox.declarations import read_declarations

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "variants"
PATHS = sorted(EXAMPLES.glob("*.py"))
WITH_PENALTY = [path for path in PATHS if "def penalty(" in path.read_text(encoding="utf-8")]
# Shinkle, Jang, Thibodeau 2025, section 3.
PAPERS = {
    "competitive_inhibition",
    "correlation_minimization",
    "cross_latent_causality",
    "dynamic_covariance",
    "dynamic_k",
    "entropy_sparsity",
    "feature_recycling",
    "feature_zoom_out",
    "global_local_tension",
    "group_sparsity",
    "hierarchy_promoting",
    "layered_shrinkage_switch",
    "local_orthogonality_penalty",
    "mixed_granularity",
    "mixed_precision_top_k",
    "morpheme_driven",
    "orthogonal_feature",
    "partitioned_gram_l1",
    "rare_concept_preservation",
    "register_balance",
    "self_conditioned",
    "synonym_factor_merging",
    "synonymic_overlap_minimizer",
    "task_weighted_jacobian",
}
MOST_TIMES_STANDARD = 3
ACTIVE = 100 * SAME

every_variant = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
every_paper_variant = pytest.mark.parametrize(
    "path", [path for path in PATHS if path.stem in PAPERS], ids=lambda path: path.stem
)


def made(path: Path, D: int = 24, F: int = 160, batch: int = 64) -> tuple[Any, Tensor]:
    """Return a trainer and a batch of rows of unit mean square norm."""
    run = TrainingRun(path, D, F, steps=50, batch_size=batch, warmup_steps=1, decay_start=40)
    x = torch.randn(batch, D, generator=torch.Generator().manual_seed(1)) / D**0.5
    return build_trainer(load_variant(path), run), x


def gradients(trainer: Any, x: Tensor) -> dict[str, Tensor]:
    """Return the gradient of each weight on a batch, in the middle of a training."""
    trainer.ae.zero_grad()
    trainer.loss(x, step=25).backward()
    return {name: weight.grad.clone() for name, weight in trainer.ae.named_parameters()}


def flops(path: Path) -> int:
    """Return the multiplications and additions of one step's products at F = 4,096."""
    trainer, x = made(path, 576, 4_096)
    with FlopCounterMode(display=False) as counter:
        trainer.update(1, x)
    return counter.get_total_flops()


def test_the_papers_24_variants_are_all_there() -> None:
    assert len(PAPERS) == 24
    assert {path.stem for path in PATHS} >= PAPERS


@every_variant
def test_a_file_is_allowed_and_says_what_it_does(path: Path) -> None:
    source = path.read_bytes()
    assert check_static(source, path.stem) == []
    declared, (knob, _) = read_declarations(source), knob_value(source, path.stem)
    assert declared.parent in ("topk", "standard")
    text = load_variant(path).__doc__ or ""
    assert f"Sparsity: {knob}" in text.replace("\n", " ")
    if path.stem in PAPERS:
        assert all(part in text for part in ("Expect:", "Cost:", "section 3"))
        assert re.search(r"\[[BFS][A-Z, ]*\]", text), "no shapes"


@every_variant
def test_it_trains_and_every_gradient_is_finite(path: Path) -> None:
    trainer, x = made(path)
    x[0] = 0.0
    if prepare := getattr(trainer, "prepare", None):
        prepare(x)
    before = [weight.detach().clone() for weight in trainer.ae.parameters()]
    for step in range(4):
        trainer.update(step, x)
    weights = list(trainer.ae.parameters())
    assert all(weight.isfinite().all() for weight in weights)
    assert all(not torch.equal(a, b) for a, b in zip(before, weights, strict=True))
    for rows in (x, torch.zeros_like(x)):
        trainer.ae.zero_grad()
        loss = trainer.loss(rows, step=4)
        loss.backward()
        grads = [weight.grad for weight in weights if weight.grad is not None]
        assert loss.isfinite() and grads and all(grad.isfinite().all() for grad in grads)


@every_paper_variant
def test_its_idea_moves_the_weights_that_its_parent_has_too(path: Path) -> None:
    trainer, x = made(path)
    name = read_declarations(path.read_bytes()).parent
    parent, _ = made(template_folder(SAE) / "variants" / f"{name}.py")
    for step in range(12):
        trainer.update(step, x)
    known = dict(parent.ae.named_parameters())
    ours = {n: w for n, w in trainer.ae.state_dict().items() if n in known}
    parent.ae.load_state_dict(ours, strict=False)
    mine, theirs = gradients(trainer, x), gradients(parent, x)
    apart = sum(float((mine[n] - theirs[n]).pow(2).sum()) for n in known) ** 0.5
    size = sum(float(grad.pow(2).sum()) for grad in theirs.values()) ** 0.5
    assert apart > ACTIVE * size


@pytest.mark.parametrize("path", WITH_PENALTY, ids=lambda path: path.stem)
def test_a_penalty_pulls_at_the_weights(path: Path) -> None:
    trainer, x = made(path)
    for step in range(12):
        trainer.update(step, x)
    trainer.ae.zero_grad()
    trainer.penalty(x, trainer.ae.select(x - trainer.ae.b_dec), 25).backward()
    grads = [weight.grad for weight in trainer.ae.parameters() if weight.grad is not None]
    assert sum(float(grad.abs().sum()) for grad in grads) > 0


@every_variant
def test_latents_in_evaluation_are_of_their_row_alone_and_decode_is_linear(path: Path) -> None:
    trainer, x = made(path)
    for step in range(3):
        trainer.update(step, x)
    state = trainer.ae.state_dict()
    sae = build_sae(load_variant(path), 24, 160)
    sae.load_state_dict(state, strict=True)
    sae.eval()
    with torch.no_grad():
        f = sae.encode(x)
        assert f.shape == (64, 160) and (f >= 0).all() and f.isfinite().all()
        alone = torch.cat([sae.encode(row[None]) for row in x[:8]])
        assert torch.allclose(f[:8], alone, atol=1e-6)
        both = sae.decode(f[:1] + f[1:2]) + sae.decode(torch.zeros_like(f[:1]))
        assert torch.allclose(both, sae.decode(f[:1]) + sae.decode(f[1:2]), atol=1e-5)


@every_variant
def test_a_step_costs_at_most_three_times_the_standard_baselines(path: Path) -> None:
    standard = flops(template_folder(SAE) / "variants" / "standard.py")
    assert flops(path) <= MOST_TIMES_STANDARD * standard

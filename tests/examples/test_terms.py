"""Each variant's distinguishing term, on a case that can be worked out by hand."""

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, tensor

from core import Latents

Load = Callable[[str], ModuleType]


def about(value: float) -> object:
    return pytest.approx(value, abs=1e-5)


def columns(*degrees: float) -> Tensor:
    """Return unit columns [2, S] at these angles."""
    angles = torch.deg2rad(tensor(degrees))
    return torch.stack([angles.cos(), angles.sin()])


def of_dense(f: Tensor) -> Latents:
    """Return the latents of a dense [B, F], every entry listed."""
    B, F = f.shape
    index = torch.arange(F, dtype=torch.int32).repeat(B)
    return Latents(f.flatten(), index, torch.arange(B + 1) * F, F)


def test_causality_is_what_one_latent_writes_and_another_reads(variant: Load) -> None:
    term = variant("cross_latent_causality").causality
    # w_0 reads half of what latent 1 writes, w_1 nothing of latent 0.
    assert float(term(tensor([[1.0, 0.0], [0.0, 1.0]]), columns(0, 60))) == about(0.5**2 / 2)


def test_orthogonal_columns_do_not_overlap_and_60_degrees_do_by_a_quarter(variant: Load) -> None:
    term = variant("orthogonal_feature").overlap
    assert float(term(columns(0, 90))) == about(0.0)
    assert float(term(columns(0, 60))) == about(0.25)
    assert float(term(columns(10))) == 0.0


def test_the_gram_matrix_is_judged_within_groups_alone(variant: Load) -> None:
    term = variant("partitioned_gram_l1").gram_l1
    # Groups (0, 90) and (0, 60): the first is orthogonal, though both share a direction.
    W = columns(0, 90, 0, 60)
    assert float(term(W, tensor([0, 1]), 2)) == about(0.5 / 2)
    assert float(term(W, tensor([0]), 2)) == about(0.0)


def test_only_cosines_above_the_margin_count_as_duplicates(variant: Load) -> None:
    term = variant("feature_recycling").duplication
    assert float(term(columns(0, 60), 0.1)) == about(0.4)
    assert float(term(columns(0, 60), 0.6)) == 0.0


def test_local_overlap_is_the_mean_over_tokens_of_their_own_pairs(variant: Load) -> None:
    term = variant("local_orthogonality_penalty").local_overlap
    tokens = torch.stack([columns(0, 60).T, columns(0, 90).T])
    assert float(term(tokens)) == about(0.25 / 2)


def test_synonyms_may_fire_together_and_strangers_pay(variant: Load) -> None:
    term = variant("synonymic_overlap_minimizer").overlap
    # Together on half of the tokens on which either fires: cosine 1/2 of activations.
    f = tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    assert float(term(f, columns(0, 0))) == about(0.0)
    assert float(term(f, columns(0, 90))) == about(0.5)
    assert float(term(f, columns(0, 60))) == about(0.5 * 0.75)


def test_covariance_is_taken_around_the_running_mean_and_scaled_by_variances(variant: Load) -> None:
    term = variant("dynamic_covariance").covariance
    f = tensor([[1.0, 1.0], [3.0, 3.0]])
    # Around (2, 2): C = [[1, 1], [1, 1]].
    assert float(term(f, tensor([2.0, 2.0]))) == about(1.0)
    assert float(term(10 * f, tensor([20.0, 20.0]))) == about(1.0)
    # Around (2, 0): C = [[1, 1], [1, 5]].
    assert float(term(f, tensor([2.0, 0.0]))) == about(2 / 26)


def test_correlation_is_pearsons_squared_whatever_the_scale(variant: Load) -> None:
    term = variant("correlation_minimization").correlation
    f = tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 0.0]])
    assert float(term(f)) == about(0.25)  # r = -1/2
    assert float(term(f * tensor([5.0, 0.1]))) == about(0.25)


def test_rare_latents_are_rewarded_up_to_a_bound(variant: Load) -> None:
    term = variant("rare_concept_preservation").reward
    assert float(term(tensor([1.0, 3.0, 1.0]), tensor([1.0, 0.5, 0.0]))) == about(0.5 + 0.375)
    assert float(term(tensor([1e9]), tensor([1.0]))) == about(1.0)


def test_a_latent_that_fired_as_its_share_is_not_rare(variant: Load) -> None:
    module = variant("rare_concept_preservation")
    trainer = _trainer(module)
    trainer.ae.usage.fill_(2 * module.K / trainer.ae.dict_size)
    f = of_dense(torch.ones(3, trainer.ae.dict_size))
    assert float(trainer.penalty(torch.zeros(3, 8), f, 1)) == 0.0
    trainer.ae.usage.zero_()
    expected = -module.WEIGHT * trainer.ae.dict_size / 2
    assert float(trainer.penalty(torch.zeros(3, 8), f, 1)) == about(expected)


def test_an_affix_pays_where_its_stem_is_silent(variant: Load) -> None:
    term = variant("morpheme_driven").orphaned
    f = tensor([[1.0, 0.0, 0.5, 0.25], [0.0, 0.0, 0.5, 0.0]])  # stems 0, 1; affixes 2, 3
    assert float(term(f)) == about(0.25 + 0.5)


def test_a_child_pays_by_how_much_it_exceeds_its_parent(variant: Load) -> None:
    term = variant("hierarchy_promoting").violation
    # Latents 1 to 4 are children of 0, latent 5 is one of 1.
    f = tensor([[0.5, 0.75, 0.0, 0.0, 0.25, 1.0]])
    assert float(term(f)) == about(0.25 + 0.25)


def test_a_parent_that_is_the_sum_of_its_children_is_aligned(variant: Load) -> None:
    term = variant("feature_zoom_out").misalignment
    children = columns(-60, 60, -30, 30)
    assert float(term(torch.cat([columns(0), children], dim=1))) == about(0.0)
    assert float(term(torch.cat([columns(60), children], dim=1))) == about(0.5)


def test_a_constant_latent_is_steady_and_one_that_fires_seldom_is_not(variant: Load) -> None:
    term = variant("global_local_tension").instability
    f = tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 4.0, 0.0]])
    # Steady: 0. On a quarter of the tokens: variance 3, mean 1. Never: left out.
    assert float(term(f)) == about(math.log(4) / 2)


def test_offsets_from_the_nearest_core_count_and_far_latents_do_not(variant: Load) -> None:
    module = variant("synonym_factor_merging")
    module.CORES = 2
    W = columns(0, 90, 60, 30, 225)
    core = module.nearest_core(W)
    assert core.tolist()[:4] == [0, 1, 1, 0]
    # 30 degrees off the core on both sides: 1 - 3/4; 225 degrees is far from either.
    assert float(module.offsets(W, core)) == about(0.25)


def test_latents_find_their_core_anew_every_so_many_steps(variant: Load) -> None:
    module = variant("synonym_factor_merging")
    module.CORES = 2
    trainer, f = _trainer(module), of_dense(torch.ones(1, 64))
    trainer.penalty(torch.zeros(1, 8), f, 0)
    with torch.no_grad():
        trainer.ae.decoder.weight[:, 5] = trainer.ae.decoder.weight[:, 0]
        trainer.ae.decoder.weight[:, 6] = trainer.ae.decoder.weight[:, 1]
        trainer.ae.core[5:7] = tensor([1, 0])
    trainer.penalty(torch.zeros(1, 8), f, 1)
    assert trainer.ae.core[5:7].tolist() == [1, 0]
    trainer.penalty(torch.zeros(1, 8), f, module.REFRESH)
    assert trainer.ae.core[5:7].tolist() == [0, 1]


def test_the_head_says_how_many_candidates_are_kept(variant: Load) -> None:
    module = variant("dynamic_k")
    rank = tensor([[0, 1, 2, 3]])
    kept = module.keep(rank, tensor([2.0]))
    assert torch.allclose(kept, tensor([[1.0, 1.0, 0.0, 0.0]])) and not kept[0, 2:].any()
    budget = tensor([2.5], requires_grad=True)
    module.keep(rank, budget).sum().backward()
    slopes = [torch.sigmoid(tensor((2.5 - r - 0.5) / module.SOFT)) for r in range(4)]
    assert float(budget.grad) == about(sum(float(s * (1 - s)) for s in slopes) / module.SOFT)
    sae = module.CustomSAE(8, 64, 4)
    assert sae.budget(torch.randn(3, 8)).tolist() == [4.0, 4.0, 4.0]


def test_a_mean_budget_of_k_is_free_and_one_half_more_costs_a_quarter(variant: Load) -> None:
    module = variant("dynamic_k")
    trainer, x = _trainer(module), torch.zeros(3, 8)
    f = trainer.ae.select(x)
    assert trainer.penalty(x, f, 1).item() == about(0.0)
    with torch.no_grad():
        trainer.ae.head.bias.fill_(math.log(3))  # sigmoid: 3/4, so k(x) = 1.5 K
    assert trainer.penalty(x, f, 1).item() == about(module.WEIGHT / 4)


def test_styles_in_balance_cost_nothing_and_a_single_one_costs_most(variant: Load) -> None:
    term = variant("register_balance").imbalance
    assert float(term(torch.full((5, 4), 0.25))) == about(0.0)
    assert float(term(tensor([[1.0, 0.0, 0.0, 0.0]]))) == about(3.0)


def test_a_style_gates_the_latents_of_its_tokens(variant: Load) -> None:
    sae = variant("register_balance").CustomSAE(2, 8, 8)
    with torch.no_grad():
        sae.style.copy_(tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]))
        plain = sae.encode(tensor([[50.0, 0.0]]))
        sae.gate[0, :] = -50.0  # style 0 silences everything
        gated = sae.encode(tensor([[50.0, 0.0]]))
    share = 1 / (1 + 2 * math.exp(-5) + math.exp(-10))
    assert torch.allclose(gated, plain * (1 - share), atol=1e-4)


def test_importance_is_what_a_task_passes_through_a_latent(variant: Load) -> None:
    term = variant("task_weighted_jacobian").jacobian
    W_enc, task = tensor([[3.0, 0.0], [0.0, 1.0]]), tensor([[2.0, 0.0], [0.0, 5.0]])
    found = term(W_enc, columns(60, 60), task, tensor([0.75, 0.25]))
    assert found.tolist() == [about(0.75 * 3 * 0.5), about(0.25 * math.sin(math.pi / 3))]


def test_use_by_all_alike_is_even_and_by_one_alone_is_not(variant: Load) -> None:
    term = variant("self_conditioned").unevenness
    assert float(term(torch.full((8,), 3.0))) == about(0.0)
    assert float(term(tensor([5.0, 0.0, 0.0, 0.0]))) == about(math.log(4))


def test_the_pattern_gates_by_its_summary(variant: Load) -> None:
    sae = variant("self_conditioned").CustomSAE(4, 3, 3)
    with torch.no_grad():
        sae.summary.zero_()[0, 0] = 1.0
        sae.gate.zero_()[0, 1] = math.log(3)
        gates = sae.gates(tensor([[1.0, 7.0, 7.0], [0.0, 7.0, 7.0]]))
    assert gates.tolist() == [[about(1.0), about(1.5), about(1.0)], [about(1.0)] * 3]


def test_weak_latents_are_rounded_to_their_bands_step_and_strong_ones_are_not(
    variant: Load,
) -> None:
    term = variant("mixed_precision_top_k").by_band
    values = tensor([[0.93, 0.62, 0.38, 0.02]], requires_grad=True)
    steps = tensor([0.25, 0.5], requires_grad=True)
    rounded = term(values, tensor([[0, 1, 2, 3]]), steps)
    assert rounded.tolist() == [[about(0.93), about(0.5), about(0.5), about(0.5)]]
    rounded.sum().backward()
    assert values.grad.tolist() == [[1.0, 1.0, 1.0, 1.0]]
    assert steps.grad.tolist() == [about(2 - 2.48), about((1 - 0.76) + (1 - 0.04))]


def test_a_latent_is_held_down_by_the_mean_of_the_others_in_its_group(variant: Load) -> None:
    module = variant("competitive_inhibition")
    a = torch.zeros(1, 10)
    a[0, 0], a[0, 1], a[0, 9] = 1.4, 0.7, 0.3  # 8 and 9 fill no group
    expected = torch.zeros(1, 10)
    expected[0, 0], expected[0, 1], expected[0, 9] = 1.4 - 0.1, 0.7 - 0.2, 0.3
    assert torch.allclose(module.inhibited(a), expected, atol=1e-6)


def test_a_group_of_equal_latents_costs_its_sum_and_a_lonely_latent_more(variant: Load) -> None:
    term = variant("mixed_granularity").groups
    assert float(term(torch.full((1, 4), 0.5), 4)) == about(2.0)
    assert float(term(tensor([[2.0, 0.0, 0.0, 0.0, 1.0]]), 4)) == about(4.0 + 1.0)


def test_half_of_the_sparsity_is_of_groups(variant: Load) -> None:
    module = variant("mixed_granularity")
    trainer = _trainer(module)
    with torch.no_grad():
        for weight in trainer.ae.parameters():
            weight.zero_()
        trainer.ae.encoder.bias[0] = 2.0
    # |f|_1 = 2, and 2 sqrt(s) at sizes 4, 16 and 64; nothing to reconstruct.
    expected = module.L1_PENALTY * (0.5 * 2 + 0.5 * (4 + 8 + 16) / 3)
    assert trainer.loss(torch.zeros(3, 8), 10).item() == about(expected)


def test_groups_sizes_are_learned_and_sum_to_the_dictionary(variant: Load) -> None:
    module = variant("group_sparsity")
    inside, size = module.membership(tensor([0.0, math.log(3)]), 400)
    assert size.tolist() == [about(100.0), pytest.approx(300.0, rel=1e-5)]
    assert float(inside[50, 0]) == about(1.0) and float(inside[50, 1]) == about(0.0)
    assert float(inside[99, 0]) == pytest.approx(1 / (1 + math.exp(-0.25)), abs=1e-5)
    f = torch.zeros(1, 400)
    f[0, 50], f[0, 200], f[0, 300] = 2.0, 3.0, 4.0
    assert float(module.group_norms(f, tensor([0.0, math.log(3)]))) == pytest.approx(
        10 * 2 + 300**0.5 * 5, rel=1e-4
    )


def test_entropy_is_log_n_when_spread_and_0_when_not(variant: Load) -> None:
    term = variant("entropy_sparsity").entropy
    assert float(term(torch.full((4,), 0.25))) == about(math.log(4))
    assert float(term(tensor([1.0, 0.0, 0.0]))) == about(0.0)


def test_a_stage_shrinks_as_far_as_it_is_switched_on(variant: Load) -> None:
    term = variant("layered_shrinkage_switch").shrunk
    theta = torch.full((2, 3), math.log(math.e - 1))  # softplus: 1
    a = tensor([[2.0, 1.2, 0.3]])
    assert term(a, tensor([[0.5, 0.25]]), theta).tolist() == [
        [about(1.25), about(0.45), about(0.0)]
    ]


def test_the_second_look_sees_what_the_first_left_over(variant: Load) -> None:
    sae = variant("two_stage_topk").CustomSAE(2, 2, 2)
    with torch.no_grad():
        sae.decoder.weight.copy_(columns(0, 60))
        sae.encoder.weight.copy_(columns(0, 60).T)
        f = sae.encode(tensor([[1.0, 0.0]]))
    assert f.tolist() == [[about(1.0), about(0.0)]]


def _trainer(module: ModuleType) -> Any:
    from pathlib import Path

    from core import TrainingRun, build_trainer

    return build_trainer(module, TrainingRun(Path(str(module.__file__)), 8, 64, 20, 16))

"""Transcoders compute what the papers define, on cases that are computed by hand."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from fumehood_tools.kinds import TRANSCODER, kinds, template_folder

VARIANTS = template_folder(TRANSCODER) / "variants"
# D = 2, F = 3. Of the row (1, 2) the pre-activations are 2, 1.5 and -1; of (-1, 0) 0, -1.5 and 1.
W_ENC, B_ENC = [[1.0, 0.5], [1.0, 0.5], [-1.0, 0.0]], [0.0, -0.5, 0.0]
W_DEC, B_DEC = [[1.0, 10.0, 0.0], [0.0, 1.0, 3.0]], [0.5, -0.5]
W_SKIP = [[0.0, 1.0], [2.0, 0.0]]
X = [[1.0, 2.0], [-1.0, 0.0]]
# decode([2, 1.5, 0]) and decode([0, 0, 1]).
RELU = [[17.5, 1.0], [0.5, 2.5]]


def filled(made: Any) -> Any:
    """Return a transcoder with the weights above."""
    with torch.no_grad():
        made.encoder.weight.copy_(torch.tensor(W_ENC))
        made.encoder.bias.copy_(torch.tensor(B_ENC))
        made.decoder.weight.copy_(torch.tensor(W_DEC))
        made.decoder.bias.copy_(torch.tensor(B_DEC))
        if hasattr(made, "W_skip"):
            made.W_skip.copy_(torch.tensor(W_SKIP))
    return made


def predicted(made: Any) -> list[list[float]]:
    """Return y_hat of X."""
    with torch.no_grad():
        return [[round(v, 5) for v in row] for row in made.eval()(torch.tensor(X)).tolist()]


def trainer_of(name: str, **changes: Any) -> Any:
    """Return the trainer of a packaged variant for D = 2, F = 3, filled with the weights above."""
    import core

    path = VARIANTS / f"{name}.py"
    run = core.TrainingRun(path, 2, 3, 10, 4, template="transcoder", **changes)
    module = core.load_variant(path)
    module.CustomTranscoder.__init__.__defaults__ = (1,) if hasattr(module, "K") else None
    trainer = core.build_trainer(module, run)
    filled(trainer.ae)
    return trainer


def loss_of(trainer: Any, x: Tensor, y: Tensor, step: int) -> float:
    """Return the loss of a batch."""
    return float(trainer.loss(x, y, step=step).detach())


def test_kinds_are_called_the_same_by_the_evaluator_and_in_core() -> None:
    from core.forms import FORMS

    for kind in kinds():
        form = FORMS[kind.name]
        shared = ("name", "noun", "variant_class", "base_class", "base_trainer", "weights_file")
        assert [getattr(form, name) for name in shared] == [getattr(kind, name) for name in shared]
        assert form.has_targets == kind.has_targets
    import core

    for kind in kinds():
        for base in (kind.base_class, kind.base_trainer, *kind.skip_bases):
            assert hasattr(core, base)
    assert all(hasattr(core, name) for name in (*TRANSCODER.parents, *TRANSCODER.trainer_bases))


def test_a_relu_transcoder_reads_x_as_it_is() -> None:
    from core import BaseTranscoder

    made = filled(BaseTranscoder(2, 3))
    assert made.encode(torch.tensor(X)).tolist() == [[2.0, 1.5, 0.0], [0.0, 0.0, 1.0]]
    assert predicted(made) == RELU


def test_topk_keeps_the_largest_latent_and_skip_adds_an_affine_map_of_x() -> None:
    from core import SkipTopKTranscoder, TopKTranscoder

    assert predicted(filled(TopKTranscoder(2, 3, 1))) == [[2.5, -0.5], [0.5, 2.5]]
    # W_skip x is (2, 2) and (0, -2): y_i gets W_skip[i, j] x_j, not its transpose.
    assert predicted(filled(SkipTopKTranscoder(2, 3, 1))) == [[4.5, 1.5], [0.5, 0.5]]
    assert predicted(filled(TopKTranscoder(2, 3, 3))) == RELU


def test_jumprelu_and_batchtopk_keep_what_is_above_a_threshold() -> None:
    from core import BatchTopKTranscoder, JumpReluTranscoder

    jump = filled(JumpReluTranscoder(2, 3))
    jump.threshold.data = torch.tensor([2.5, 1.0, 0.5])
    assert predicted(jump) == [[15.5, 1.0], [0.5, 2.5]]
    batch = filled(BatchTopKTranscoder(2, 3, 1))
    batch.threshold.fill_(1.2)
    assert predicted(batch) == [[17.5, 1.0], [0.5, -0.5]]


def test_the_losses_are_the_squared_error_of_y_and_the_penalty() -> None:
    x, y = torch.tensor(X), torch.tensor([[17.5, 2.0], [0.5, 0.5]])
    # |y - y_hat|^2 is 1 and 4, |f|_1 is 3.5 and 1.
    standard = trainer_of("standard")
    standard.l1_penalty = 2.0
    assert loss_of(standard, x, y, 9) == pytest.approx(2.5 + 2.0 * 2.25)
    # TopK with k = 1: y_hat is (2.5, -0.5) and (0.5, 2.5).
    assert loss_of(trainer_of("topk"), x, y, 1) == pytest.approx((225 + 6.25 + 4) / 2)
    # With the skip path: (4.5, 1.5) and (0.5, 0.5).
    assert loss_of(trainer_of("skip_topk"), x, y, 1) == pytest.approx((169 + 0.25) / 2)
    # BatchTopK keeps the two largest of the batch: 2 and 1.5 of the first row.
    assert loss_of(trainer_of("batch_topk"), x, y, 0) == pytest.approx((1 + 1) / 2)
    # JumpReLU: three latents above 0.001 in two rows, so (1.5 / 1 - 1)^2 besides.
    jump = trainer_of("jumprelu")
    jump.target_l0 = 1.0
    assert loss_of(jump, x, y, 9) == pytest.approx(2.5 + 0.25)


@pytest.mark.parametrize("name", ["topk", "skip_topk", "batch_topk"])
def test_sparse_losses_have_the_gradients_of_the_dense_form(name: str) -> None:
    import core

    torch.manual_seed(0)
    path = VARIANTS / f"{name}.py"
    module = core.load_variant(path)
    trainer = core.build_trainer(
        module, core.TrainingRun(path, 12, 96, 10, 64, template="transcoder")
    )
    ae = trainer.ae
    ae.k.fill_(5)
    trainer.auxk_alpha = 0.0
    with torch.no_grad():
        ae.decoder.weight.normal_()
    x, y = torch.randn(64, 12), torch.randn(64, 12)
    trainer.loss(x, y, step=0).backward()
    sparse = {n: w.grad.clone() for n, w in ae.named_parameters()}
    ae.zero_grad()
    dense_loss(ae, x, y, whole_batch=name == "batch_topk").backward()  # type: ignore[no-untyped-call]
    for name_of, weight in ae.named_parameters():
        assert weight.grad is not None
        torch.testing.assert_close(sparse[name_of], weight.grad, rtol=1e-4, atol=1e-5)


def dense_loss(ae: Any, x: Tensor, y: Tensor, *, whole_batch: bool) -> Tensor:
    """Return the definition, computed on all latents."""
    a = torch.relu(x @ ae.encoder.weight.T + ae.encoder.bias)
    flat = a.flatten() if whole_batch else a
    top = flat.topk(5 * (len(x) if whole_batch else 1), dim=-1)
    f = torch.zeros_like(flat).scatter(-1, top.indices, top.values).view_as(a)
    y_hat = f @ ae.decoder.weight.T + ae.decoder.bias
    if hasattr(ae, "W_skip"):
        y_hat = y_hat + x @ ae.W_skip.T
    return (y - y_hat).pow(2).sum(dim=1).mean()


def test_dead_latents_are_asked_for_what_the_others_leave_of_y() -> None:
    x, y = torch.tensor(X), torch.tensor([[17.5, 2.0], [0.5, 0.5]])
    trainer = trainer_of("topk")
    alone = loss_of(trainer, x, y, 1)
    trainer.num_tokens_since_fired[1] = trainer.dead_feature_threshold
    # Only latent 1 is dead. It is 1.5 and 0, and gives (15, 1.5) of the errors (15, 2.5), (0, -2).
    left, spread = (1.0 + 4.0) / 2, (7.5**2 + 2.25**2)
    assert loss_of(trainer, x, y, 1) == pytest.approx(alone + left / spread / 32)


def test_training_begins_as_published() -> None:
    x, y = torch.randn(256, 2) + 3, torch.randn(256, 2) - 2
    for name in ("topk", "skip_topk", "batch_topk"):
        import core

        made = core.load_variant(VARIANTS / f"{name}.py").CustomTranscoder(2, 3)
        assert not made.decoder.weight.any() and not any(
            weight.any() for n, weight in made.named_parameters() if n == "W_skip"
        )
    for name in ("topk", "standard", "jumprelu"):
        trainer = trainer_of(name)
        trainer.prepare(x, y)
        pre = x @ trainer.ae.encoder.weight.T + trainer.ae.encoder.bias
        torch.testing.assert_close(pre.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(trainer.ae.decoder.bias.data, y.mean(dim=0))


@pytest.mark.parametrize(
    ("name", "is_unit"), [("standard", True), ("jumprelu", True), ("topk", False)]
)
def test_only_penalties_on_latents_keep_decoder_columns_at_unit_norm(
    name: str, is_unit: bool
) -> None:
    trainer = trainer_of(name, lr=0.1)
    for step in range(3):
        trainer.update(step, torch.randn(4, 2), torch.randn(4, 2))
    norms = trainer.ae.decoder.weight.norm(dim=0)
    assert bool(((norms - 1).abs() < 1e-5).all()) == is_unit


def test_a_batchtopk_threshold_makes_rows_independent_at_about_the_same_l0() -> None:
    import core

    torch.manual_seed(0)
    path = VARIANTS / "batch_topk.py"
    module: ModuleType = core.load_variant(path)
    run = core.TrainingRun(path, 16, 128, 60, 128, template="transcoder")
    trainer = core.build_trainer(module, run)
    trainer.ae.k.fill_(6)
    M = torch.randn(16, 16)
    x = torch.randn(128, 16)
    trainer.prepare(x, torch.relu(x @ M))
    for step in range(60):
        x = torch.randn(128, 16)
        trainer.update(step, x, torch.relu(x @ M))
    ae, x = trainer.ae.eval(), torch.randn(512, 16)
    with torch.no_grad():
        f = ae.encode(x)
        torch.testing.assert_close(ae.encode(x[:3]), f[:3])
    assert 4.5 < float((f > 0).float().sum(dim=1).mean()) < 7.5


def test_trainers_of_another_kind_are_refused_by_name(tmp_path: Path) -> None:
    import core

    path = tmp_path / "mine.py"
    run = core.TrainingRun(path, 2, 3, 10, 4, template="transcoder")
    head = "from core import *\nfrom core import BaseTranscoder, BaseTrainer\n"
    body = (
        "class CustomTranscoder(BaseTranscoder):\n    pass\n\nclass CustomTrainer(BaseTrainer):\n"
    )
    path.write_text(f"{head}{body}    pass\n", encoding="utf-8")
    with pytest.raises(core.VariantError, match=r"line 6.*BaseTranscoderTrainer") as raised:
        core.build_trainer(core.load_variant(path, run.form), run)
    assert "not for a transcoder" in raised.value.rule
    path.write_text(
        f"{head}class CustomSAE(core.BaseSAE):\n    pass\n".replace("core.", ""), "utf-8"
    )
    with pytest.raises(core.VariantError, match="there is no class CustomTranscoder"):
        core.load_variant(path, run.form)
    path.write_text(f"{head}class CustomSAE(BaseSAE):\n    pass\n\n{body}    pass\n", "utf-8")
    with pytest.raises(core.VariantError, match="a class CustomSAE besides CustomTranscoder"):
        core.load_variant(path, run.form)

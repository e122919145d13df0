"""The synthetic subject has a known dictionary and supports the calls of sae-bench."""

from collections.abc import Callable

import pytest
import torch

from fumehood_tools.errors import BadRequest
from fumehood_tools.subjects.synthetic import (
    BOS,
    HOOK,
    MLP_IN,
    MLP_OUT,
    TOPICS,
    SyntheticSubject,
)


@pytest.fixture(scope="module")
def subject() -> SyntheticSubject:
    """The subject with seed 0."""
    return SyntheticSubject()


def test_activations_are_sparse_sums_of_the_planted_dictionary(subject: SyntheticSubject) -> None:
    tokens = subject.sample_documents(20, 32, seed=1, document_length=31)
    features_BTG = subject.features(tokens)
    planted = features_BTG @ subject.dictionary + subject.mean_D
    rest = subject.activations(tokens) - planted
    assert (features_BTG >= 0).all() and (features_BTG != 0).sum(-1).max() <= 6
    assert rest.norm(dim=-1).mean() < 0.1 * planted.norm(dim=-1).mean()
    assert subject.dictionary.shape == (128, 64)


def test_everything_follows_from_the_seed(subject: SyntheticSubject) -> None:
    again = SyntheticSubject(0)
    rows = [one.sample_documents(5, 16, 3, 30) for one in (subject, again)]
    assert (rows[0] == rows[1]).all() and (rows[0][:, 0] == BOS).all()
    assert not (subject.sample_documents(5, 16, 4, 30) == rows[0]).all()
    assert not torch.equal(SyntheticSubject(1).dictionary, subject.dictionary)


def test_ablating_the_activation_costs_cross_entropy(subject: SyntheticSubject) -> None:
    tokens = subject.sample_documents(50, 64, 1, 63)

    def zero(x_BTD: torch.Tensor, hook: object) -> torch.Tensor:
        return torch.zeros_like(x_BTD)

    clean = subject(tokens, return_type="loss")
    ablated = subject.run_with_hooks(tokens, return_type="loss", fwd_hooks=[(HOOK, zero)])
    assert clean < 3 and ablated > clean + 2


def test_it_answers_as_transformer_lens_does(subject: SyntheticSubject) -> None:
    tokens = subject.sample_documents(3, 16, 1, 15)
    logits, loss = subject(tokens, return_type="both", loss_per_token=True)
    assert logits.shape == (3, 16, 512) and loss.shape == (3, 15)
    _, cache = subject.run_with_cache(
        tokens, prepend_bos=False, names_filter=[HOOK], stop_at_layer=1
    )
    same = subject.run_with_hooks(tokens, fwd_hooks=[(HOOK, lambda x, hook: cache[HOOK])])
    assert torch.equal(same, logits) and torch.equal(subject(tokens), logits)
    with pytest.raises(BadRequest, match=HOOK):
        subject.run_with_cache(tokens, names_filter=["blocks.1.hook_resid_post"])


def test_topics_differ_in_their_words(subject: SyntheticSubject) -> None:
    counts = [
        torch.bincount(subject.sample_documents(30, 64, 9, 63, topic).flatten(), minlength=512)
        for topic in range(TOPICS)
    ]
    shares = torch.stack(counts).float()
    shares = shares / shares.norm(dim=1, keepdim=True)
    likeness = shares @ shares.T
    assert likeness[~torch.eye(TOPICS, dtype=torch.bool)].max() < 0.9


def explained(y_BTD: torch.Tensor, y_hat_BTD: torch.Tensor) -> float:
    """Return the explained variance over all tokens but BOS."""
    y, y_hat = y_BTD[:, 1:].flatten(0, 1), y_hat_BTD[:, 1:].flatten(0, 1)
    return 1 - float((y - y_hat).square().sum() / (y - y.mean(0)).square().sum())


def test_its_mlp_is_a_skip_transcoder_with_one_latent_per_planted_feature(
    subject: SyntheticSubject,
) -> None:
    tokens = subject.sample_documents(50, 32, seed=1, document_length=31)
    _, cache = subject.run_with_cache(tokens, names_filter=[MLP_IN, MLP_OUT])
    u_BTD, y_BTD = cache[MLP_IN], cache[MLP_OUT]
    latents_BTG = torch.relu(u_BTD @ subject.W_in_DG + subject.b_in_G)
    features_BTG = subject.features(tokens)
    decoded_BTD = latents_BTG @ subject.W_out_GD
    assert 5 < (latents_BTG[:, 1:] > 0).sum(-1).float().mean() < 12
    assert (latents_BTG[features_BTG > 0.9] > 0).float().mean() > 0.95
    assert 0.7 < explained(y_BTD, decoded_BTD) < 0.95
    assert explained(y_BTD, decoded_BTD + u_BTD @ subject.W_linear_DD) > 1 - 1e-6


def test_replacing_the_output_of_its_mlp_changes_the_prediction_by_the_difference(
    subject: SyntheticSubject,
) -> None:
    tokens = subject.sample_documents(50, 64, 1, 63)

    def loss(hook: str, change: Callable[[torch.Tensor], torch.Tensor]) -> float:
        hooks = [(hook, lambda value, hook: change(value))]
        return float(subject.run_with_hooks(tokens, return_type="loss", fwd_hooks=hooks))

    clean = float(subject(tokens, return_type="loss"))
    assert loss(MLP_OUT, torch.clone) == loss(MLP_IN, torch.clone) == clean
    assert loss(MLP_OUT, torch.zeros_like) > clean + 0.5
    nothing_in = subject.mlp(torch.zeros(64)).expand(*tokens.shape, -1)
    assert loss(MLP_IN, torch.zeros_like) == pytest.approx(loss(MLP_OUT, lambda _: nothing_in))

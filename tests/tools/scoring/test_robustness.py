"""The limits of the trials for nonlinear decoders leave honest ones room."""

import pytest

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.encoder import SecondOpinion, judge_encoder
from fumehood_tools.scoring.robustness import Robustness, judge_robustness


@pytest.mark.parametrize(
    ("l0", "energy", "noise_loss", "drop_loss"),
    [(32, 1.0, 0.0002, 0.02), (79, 1.5, 0.0001, 0.01), (1, 1.0, 0.001, 0.9), (5, 2.0, 0.001, 0.4)],
)
def test_losses_of_honest_decoders_pass(
    l0: float, energy: float, noise_loss: float, drop_loss: float
) -> None:
    judge_robustness(Robustness(noise_loss, drop_loss, energy, l0))


@pytest.mark.parametrize(("noise_loss", "drop_loss"), [(0.9, 0.0), (0.0, 0.9)])
def test_a_decoder_that_breaks_under_either_trial_is_refused(
    noise_loss: float, drop_loss: float
) -> None:
    with pytest.raises(IntegrityFailed, match="decoder_packing"):
        judge_robustness(Robustness(noise_loss, drop_loss, 1.0, 32))


def test_rare_ties_pass_and_each_kind_of_difference_has_its_name() -> None:
    judge_encoder(SecondOpinion(0.0, 1e-3, 1e-3), repeats=1e-3)
    for opinion, repeats, check in (
        (SecondOpinion(0.5, 0.5, 0.5), 0.5, "determinism"),
        (SecondOpinion(0.0, 0.5, 0.5), 0.5, "batch_invariance"),
        (SecondOpinion(0.0, 0.0, 0.5), 0.0, "determinism"),
        (SecondOpinion(0.0, 0.0, 0.0), 0.5, "determinism"),
    ):
        with pytest.raises(IntegrityFailed) as raised:
            judge_encoder(opinion, repeats)
        assert raised.value.check == check

"""The noise curve: the losses of honest decoders and of codes in digits, and the limits."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.bits import bits_per_token
from fumehood_tools.scoring.latents import pack
from fumehood_tools.scoring.reconstruction import Reconstruction
from fumehood_tools.scoring.trials import (
    DROPPED,
    LEVELS,
    PLAIN,
    Curve,
    additive,
    changed,
    judge_curve,
    relative,
)

Score = Callable[[dict[str, str]], Mapping[str, dict[str, Any]]]
TRIALS = (PLAIN, *(kind(level) for level in LEVELS for kind in (relative, additive)), DROPPED)


def curve(l0: float = 32, **lost: float) -> Curve:
    """Return a curve at 0.9, minus a loss for each trial (with underscores for spaces)."""
    named = {name.replace("_", " ").replace("pc", "%"): value for name, value in lost.items()}
    found = {
        name: Reconstruction(2048, l0, 0.9 - named.get(name, 0.0), 1.0, 0.9, 1.0, [])
        for name in TRIALS
    }
    return Curve(found)


@pytest.mark.parametrize(
    ("l0", "noise_loss", "drop_loss"),
    [(32, 0.0002, 0.02), (79, 0.0001, 0.01), (1, 0.001, 0.81), (5, 0.001, 0.16)],
)
def test_losses_of_honest_decoders_pass(l0: float, noise_loss: float, drop_loss: float) -> None:
    judge_curve(curve(l0, relative_2pc=noise_loss, one_latent_less=drop_loss))


def test_a_code_in_which_two_latents_are_read_together_is_refused() -> None:
    with pytest.raises(IntegrityFailed, match="decoder_packing"):
        judge_curve(curve(l0=2, one_latent_less=0.98))
    with pytest.raises(IntegrityFailed, match="decoder_packing"):
        judge_curve(curve(l0=4, one_latent_less=0.47))


@pytest.mark.parametrize("trial", ["relative_2pc", "one_latent_less"])
def test_a_decoder_that_breaks_under_either_trial_is_refused(trial: str) -> None:
    with pytest.raises(IntegrityFailed, match="decoder_packing"):
        judge_curve(curve(**{trial: 0.9}))


@pytest.mark.parametrize("trial", ["relative_10pc", "additive_10pc"])
def test_what_needs_digits_gets_the_value_that_it_keeps_at_noise_of_either_kind(trial: str) -> None:
    rough = curve(**{trial: 0.3})
    assert rough.needs_digits
    assert rough.at_noise(rough.found[PLAIN]).explained_variance == pytest.approx(0.6)
    assert not curve(relative_10pc=0.004, additive_10pc=0.006).needs_digits


def test_every_change_leaves_silent_latents_silent_and_rounds_what_it_says() -> None:
    draw = torch.Generator().manual_seed(0)
    f = torch.rand(300, 40, generator=draw) * (torch.rand(300, 40, generator=draw) < 0.2)
    f, rms = f.bfloat16(), torch.full((40,), 0.5)
    made = {name: latents.to_dense() for name, latents in changed(pack(f), rms)}
    assert all(bool((made[name][f == 0] == 0).all()) for name in made)
    active = f != 0
    apart = (made[relative(0.1)].float() / f.float())[active] - 1
    assert float(apart.std()) == pytest.approx(0.1, rel=0.1)
    assert len(made["fp8"].float()[active].frexp().mantissa.unique()) <= 9
    assert len(made["4 bits"].unique()) <= 16
    assert bool((active.sum(1) - (made[DROPPED] != 0).sum(1) == active.any(1).long()).all())


def test_bits_count_which_latents_are_active_and_how_finely_they_are_sized() -> None:
    rows, half = 4096, torch.zeros(4096, 8)
    half[torch.rand(rows, 8, generator=torch.Generator().manual_seed(0)) < 0.5] = 1.0
    fired, ones = (half != 0).sum(0), torch.ones(8)
    plain = bits_per_token(fired, rows, pack(half.bfloat16()), ones)
    assert plain.exact == pytest.approx(8, abs=0.05) and plain.at_noise == plain.exact
    fine = half * (1 + torch.randint(0, 64, half.shape) / 128)
    sized = bits_per_token(fired, rows, pack(fine.bfloat16()), ones)
    assert sized.exact == pytest.approx(8 + 4 * 6, abs=0.3)  # 64 sizes: 6 bits each
    assert sized.at_noise < 8 + 4 * 3


# Two coordinates in one latent: its size is 1 + an eighth of the first one, in steps of 1 / 16, and
# the remainder is the second one.
HONEST = """
class CustomSAE(BaseSAE):
    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        v, i = a.topk(8, dim=-1)
        return torch.zeros_like(a).scatter(-1, i, v)
"""
BENT = (
    'DECODER = "nonlinear"\n'
    + HONEST
    + """
    def decode(self, f):
        h = super().decode(f)
        return h + 0.3 * torch.relu(h)
"""
)
# One latent per coordinate; ln f in steps of 0.13 names one of 200 places from -0.5 to 0.5.
DIGITS = """
DECODER = "nonlinear"
STEP, LEVELS, SPAN = 0.13, 200, 1.0


class CustomSAE(BaseSAE):
    def encode(self, x):
        level = ((x / SPAN + 0.5) * LEVELS).floor().clamp(0, LEVELS - 1)
        f = torch.zeros(len(x), self.dict_size)
        f[:, : x.shape[1]] = torch.exp(STEP * (level - LEVELS / 2))
        return f

    def decode(self, f):
        part = f[:, : self.activation_dim]
        level = (part.clamp(min=1e-38).log() / STEP + LEVELS / 2).round()
        return torch.where(part > 0, ((level + 0.5) / LEVELS - 0.5) * SPAN, 0.0)
"""
# The same, with a decoder that repeats its last answer if the active latents are the same.
REMEMBERS = DIGITS + (
    """
    last = None

    def decode(self, f):
        here = f.bfloat16().float()
        if CustomSAE.last is not None and len(CustomSAE.last[0]) == len(f):
            return CustomSAE.last[1]
        CustomSAE.last = here, self.unpacked(f)
        return CustomSAE.last[1]
"""
)
REMEMBERS = REMEMBERS.replace(
    "def decode(self, f):\n        part", "def unpacked(self, f):\n        part"
)


# Straight, but what x_hat says stands in the last digits of every latent.
OFFSET = """
DECODER = "nonlinear"


class CustomSAE(BaseSAE):
    def encode(self, x):
        f = torch.zeros(len(x), self.dict_size)
        f[:, : x.shape[1]] = (x + 0.13).clamp(min=0)
        return f

    def decode(self, f):
        return f[:, : self.activation_dim] - 0.13
"""


@pytest.fixture(scope="module")
def answers(score_all: Score) -> Mapping[str, dict[str, Any]]:
    files = {"honest": HONEST, "bent": BENT, "offset": OFFSET}
    return score_all({**files, "digits": DIGITS, "remembers": REMEMBERS})


@pytest.mark.child
def test_honest_decoders_are_scored_with_exact_latents_and_have_a_flat_curve(
    answers: Mapping[str, dict[str, Any]],
) -> None:
    for name in ("honest", "bent"):
        integrity, metrics = answers[name]["integrity"], answers[name]["metrics"]
        assert integrity["scored_at_noise"] == 0
        kept = integrity["explained_variance_at_noise"]
        assert kept == pytest.approx(metrics["explained_variance"], abs=0.01)
        assert {"relative 20%", "additive 20%", "fp8", "4 bits"} <= integrity["noise_curve"].keys()
        assert integrity["bits_per_token"] > integrity["bits_per_token_at_noise"] > 8


@pytest.mark.child
def test_what_needs_the_digits_of_latents_is_scored_at_what_it_keeps_with_noise(
    answers: Mapping[str, dict[str, Any]],
) -> None:
    assert "integrity" in answers["offset"], answers["offset"]
    integrity, metrics = answers["offset"]["integrity"], answers["offset"]["metrics"]
    assert integrity["noise_curve"]["exact"] > 0.8
    assert integrity["scored_at_noise"] == 0.1
    assert metrics["explained_variance"] == integrity["explained_variance_at_noise"]
    assert metrics["explained_variance"] < integrity["noise_curve"]["exact"] - 0.01


@pytest.mark.child
@pytest.mark.parametrize("name", ["digits", "remembers"])
def test_a_decoder_that_reads_codes_from_sizes_is_refused(
    answers: Mapping[str, dict[str, Any]], name: str
) -> None:
    assert answers[name]["error"]["check"] == "decoder_packing"

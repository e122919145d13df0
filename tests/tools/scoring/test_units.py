"""Metrics and checks do not depend on the units of latents."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

Answers = Mapping[str, dict[str, Any]]
SAE = """
UNIT = {unit}


class CustomSAE(BaseSAE):
    def encode(self, x):
        a = torch.relu(self.encoder(x - self.bias))
        v, i = a.topk(8, dim=-1)
        return torch.zeros_like(a).scatter(-1, i, v) * self.unit()

    def decode(self, f):
        return super().decode(f / self.unit())

    def unit(self):
        return UNIT
"""
# Powers of 2 change no bit of the mantissa, so nothing may change; the others change rounding.
EXACT = {"tiny": "2.0**-24", "large": "2.0**20"}
ROUNDED = {"e_7": "1e-7", "e_2": "1e-2", "e5": "1e5", "e6": "1e6"}
EACH_ITS_OWN = "2.0 ** (torch.arange(self.dict_size) % 31 - 15)"
IN_OTHER_UNITS = (
    "sae_bench_l1",
    *(f"sae_bench_probing{k}" for k in ("", "_top1", "_top2", "_top5")),
)


@pytest.fixture(scope="module")
def scored(score_all: Callable[[dict[str, str]], Answers]) -> Answers:
    sources = {name: SAE.format(unit=unit) for name, unit in {**EXACT, **ROUNDED}.items()}
    sources |= {"plain": SAE.format(unit="1.0")}
    sources |= {"each": SAE.format(unit="1.0").replace("return UNIT", f"return {EACH_ITS_OWN}")}
    answers = score_all(sources)
    assert all("metrics" in answer for answer in answers.values()), answers
    return answers


def without(metrics: Mapping[str, float], *names: str) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name not in names}


@pytest.mark.child
@pytest.mark.parametrize("name", [*EXACT, "each"])
def test_units_that_are_powers_of_two_change_no_digit_of_any_metric(
    scored: Answers, name: str
) -> None:
    ours, plain = (without(scored[n]["metrics"], *IN_OTHER_UNITS) for n in (name, "plain"))
    assert ours == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("name", ROUNDED)
def test_other_units_change_no_more_than_the_rounding_of_latents_does(
    scored: Answers, name: str
) -> None:
    ours, plain = (without(scored[n]["metrics"], *IN_OTHER_UNITS) for n in (name, "plain"))
    accuracies = [metric for metric in plain if metric.startswith("probing")]
    assert without(ours, *accuracies) == pytest.approx(without(plain, *accuracies), rel=5e-3)
    # There are ten test texts per class, so one text more or less is a large step.
    assert {m: ours[m] for m in accuracies} == pytest.approx(
        {m: plain[m] for m in accuracies}, abs=0.1
    )


@pytest.mark.parametrize("name", [*EXACT, *ROUNDED, "each"])
def test_checks_measure_the_same_in_other_units(scored: Answers, name: str) -> None:
    ours, plain = scored[name]["integrity"], scored["plain"]["integrity"]
    assert ours["decoder_residual"] < 1e-5
    assert ours["repeat_difference"] < 1e-3 and ours["output_difference"] < 1e-3
    assert ours["bits_per_token"] == pytest.approx(plain["bits_per_token"], rel=0.1)
    theirs, own = plain["noise_curve"], ours["noise_curve"]
    for trial in theirs:  # most of the trial rows are drawn at random
        lost = theirs["exact"] - theirs[trial]
        assert own["exact"] - own[trial] == pytest.approx(lost, abs=5e-3)


def test_sae_benchs_own_numbers_stand_beside_under_their_names(scored: Answers) -> None:
    plain, large = scored["plain"]["metrics"], scored["large"]["metrics"]
    assert large["sae_bench_l1"] == pytest.approx(plain["sae_bench_l1"] * 2**20, rel=1e-5)
    assert large["sae_bench_probing_top5"] != plain["sae_bench_probing_top5"]

"""How likely an experiment is to change a verdict: the formula by which experiments are ranked.

In words: true differences of variants from the baseline are expected to be normal around 0, with
the usual size of an effect as standard deviation tau: the root mean square of those measured in the
workspace, or else the smallest effect of interest. If a variant was measured with n seeds and mean
m, this and the expectation together say where its true difference is: also normal, with

    variance  v = 1 / (1 / tau^2 + n / s^2)       center  c = v m n / s^2

where s is the standard deviation of one paired difference. (Without a measurement, c = 0 and
v = tau^2.) A plan is judged by fresh seeds alone, so the mean that N of them will give is normal
around c, with variance v + s^2 / N.

A verdict is reached if that mean is further from 0 than t s / sqrt(N), where t is the two-sided
point of Student's distribution at 5 % divided by the number of tries and looks; or if mean and 95 %
interval stay within the smallest effect of interest. The chance is the probability of either. (This
is the predictive power of Spiegelhalter, Freedman and Blackburn 1986, with s taken as known.)

For what can only take a verdict away (a control, another layer, the sealed holdout), the chance is
(k + 1) / (n + 2): of n such tests so far, k took the verdict away (Laplace's rule of succession).

An experiment's value is the sum of the chances of the verdicts it could change, divided by the
minutes it takes. The figures order experiments; they are no promise. Pure functions, no SciPy.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

from fumehood_tools.bench.noise import LEAST_SEEDS
from fumehood_tools.compare.report import ALPHA

_NORMAL = NormalDist()


class Belief(NamedTuple):
    """What is believed about a true difference, in units of the metric.

    mean: of the seeds that were measured, 0 if none were. noise: standard deviation of one paired
    difference. usual: standard deviation of the true differences of variants.
    """

    mean: float
    noise: float
    seeds: int
    usual: float


class Rule(NamedTuple):
    """When a verdict is given. smallest: smallest effect of interest, in units of the metric.

    tests: number of tries times number of looks, by which 5 % are divided.
    """

    smallest: float
    tests: int


def chance_of_verdict(belief: Belief, seeds: int, rule: Rule) -> float:
    """Return the probability, 0 to 1, that there is a verdict with this number of fresh seeds.

    0 with fewer seeds than a verdict needs.
    """
    if seeds < LEAST_SEEDS:
        return 0.0
    error = belief.noise / math.sqrt(seeds)
    center, spread = _future_mean(belief, seeds)
    beyond = student_point(1 - ALPHA / rule.tests / 2, seeds - 1) * error
    within = min(beyond, rule.smallest - student_point(1 - ALPHA / 2, seeds - 1) * error)
    outside = 1 - _between(center, spread, beyond)
    return min(1.0, outside + (_between(center, spread, within) if within > 0 else 0.0))


def noise_of(low: float, high: float, seeds: int) -> float | None:
    """Return the standard deviation of one paired difference, from a 95 % interval (Student).

    None with fewer than two seeds.
    """
    if seeds < 2:
        return None
    return (high - low) / 2 * math.sqrt(seeds) / student_point(1 - ALPHA / 2, seeds - 1)


def rule_of_succession(changed: int, of: int) -> float:
    """Return the chance that the next test changes a verdict, if `changed` of `of` did so far."""
    return (changed + 1) / (of + 2)


def student_point(level: float, freedom: int) -> float:
    """Return a quantile of Student's distribution, for a level of 0.5 or more.

    Exact for one and two degrees of freedom; above, within 5 % (Gaver and Kafadar 1984).
    """
    if freedom == 1:
        return math.tan(math.pi * (level - 0.5))
    if freedom == 2:
        return (2 * level - 1) / math.sqrt(2 * level * (1 - level))
    scale = (freedom - 5 / 6) / (freedom - 2 / 3 + 1 / (10 * freedom)) ** 2
    return math.sqrt(freedom * math.expm1(scale * _NORMAL.inv_cdf(level) ** 2))


def _future_mean(belief: Belief, seeds: int) -> tuple[float, float]:
    """Return center and standard deviation of the mean that fresh seeds will give."""
    one, usual = belief.noise**2, belief.usual**2
    if usual == 0:
        variance = center = 0.0
    elif one == 0:
        variance, center = (0.0, belief.mean) if belief.seeds else (usual, 0.0)
    else:
        variance = 1 / (1 / usual + belief.seeds / one)
        center = variance * belief.mean * belief.seeds / one
    return center, math.sqrt(variance + one / seeds)


def _between(mean: float, spread: float, limit: float) -> float:
    """Return the probability that a normal value is between -limit and limit."""
    if spread <= 0:
        return float(abs(mean) < limit)
    found = NormalDist(mean, spread)
    return found.cdf(limit) - found.cdf(-limit)

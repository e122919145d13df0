"""How likely an experiment is to change a verdict: the formula by which experiments are ranked.

In words: what is believed about a variant's true difference from the baseline is a normal
distribution. For a variant that was measured with n seeds, its center is the mean that was measured
and its variance is s^2 / n, where s is the standard deviation of one paired difference. For one
that was never measured, the center is 0 and the standard deviation is the usual size of an effect:
the root mean square of those measured in the workspace, or else the smallest effect of interest.
The mean that will have been measured with N seeds is then normal, too:

    measured before     center m, variance s^2 (1 / n - 1 / N)
    never measured      center 0, variance tau^2 + s^2 / N

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

    noise: standard deviation of one paired difference. seeds: how many were measured, 0 if none;
    then `usual` is the standard deviation of true differences.
    """

    mean: float
    noise: float
    seeds: int = 0
    usual: float = 0.0


class Rule(NamedTuple):
    """When a verdict is given. smallest: smallest effect of interest, in units of the metric.

    tests: number of tries times number of looks, by which 5 % are divided.
    """

    smallest: float
    tests: int


def chance_of_verdict(belief: Belief, seeds: int, rule: Rule) -> float:
    """Return the probability, 0 to 1, that there is a verdict with this number of seeds in all.

    0 with fewer seeds than a verdict needs, or no more than there are.
    """
    if seeds < LEAST_SEEDS or seeds <= belief.seeds:
        return 0.0
    error = belief.noise / math.sqrt(seeds)
    if belief.seeds:
        spread = belief.noise * math.sqrt(1 / belief.seeds - 1 / seeds)
    else:
        spread = math.hypot(belief.usual, error)
    beyond = student_point(1 - ALPHA / rule.tests / 2, seeds - 1) * error
    within = min(beyond, rule.smallest - student_point(1 - ALPHA / 2, seeds - 1) * error)
    outside = 1 - _between(belief.mean, spread, beyond)
    return min(1.0, outside + (_between(belief.mean, spread, within) if within > 0 else 0.0))


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

    Exact for one and two degrees of freedom; above, within 3 % (Gaver and Kafadar 1984).
    """
    if freedom == 1:
        return math.tan(math.pi * (level - 0.5))
    if freedom == 2:
        return (2 * level - 1) / math.sqrt(2 * level * (1 - level))
    scale = (freedom - 5 / 6) / (freedom - 2 / 3 + 1 / (10 * freedom)) ** 2
    return math.sqrt(freedom * math.expm1(scale * _NORMAL.inv_cdf(level) ** 2))


def _between(mean: float, spread: float, limit: float) -> float:
    """Return the probability that a normal value is between -limit and limit."""
    if spread <= 0:
        return float(abs(mean) < limit)
    found = NormalDist(mean, spread)
    return found.cdf(limit) - found.cdf(-limit)

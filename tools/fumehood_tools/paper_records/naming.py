"""Bring names of metrics and settings into a form in which "EV" equals "Explained variance"."""

from fumehood_tools.paper_records.normal_form import bare, clean, words
from fumehood_tools.reading.text_search import STOP, stem

_ABBREVIATIONS = {
    "acc": "accuracy",
    "alpha": "α",
    "auc": "area under curve",
    "auroc": "area under curve",
    "beta1": "β1",
    "beta2": "β2",
    "bs": "batch size",
    "bsz": "batch size",
    "ce": "cross entropy",
    "dict": "dictionary",
    "epsilon": "ε",
    "ev": "explained variance",
    "fvu": "fraction variance unexplained",
    "kl": "kullback leibler divergence",
    "lambda": "λ",
    "lr": "learning rate",
    "mse": "mean squared error",
    "ppl": "perplexity",
    "wd": "weight decay",
}


def name_stems(text: str) -> list[str]:
    """Return the stems of a text, in order, with abbreviations expanded and no stop words."""
    return [
        stem(part)
        for word in words(clean(text))
        for part in _ABBREVIATIONS.get(word, word).split()
        if part not in STOP
    ]


def comparable_name(name: str) -> tuple[str, ...]:
    """Return the form in which names are compared: the distinct stems, sorted."""
    return tuple(sorted(set(name_stems(name)))) or (bare(clean(name)),)

"""Names of metrics and settings as they are compared: "EV" and "Explained variance" are one."""

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
    """Return the stems of a name or text in its order, abbreviations resolved, without articles."""
    return [
        stem(part)
        for word in words(clean(text))
        for part in _ABBREVIATIONS.get(word, word).split()
        if part not in STOP
    ]


def comparable_name(name: str) -> tuple[str, ...]:
    """Return a name as it is compared: its stems in order of the alphabet, each once."""
    return tuple(sorted(set(name_stems(name)))) or (bare(clean(name)),)

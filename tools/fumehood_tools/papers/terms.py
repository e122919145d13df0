"""Turn text into the words that the ranker compares: stemmed, without stop words, with synonyms.

The tables below hold acronyms and synonyms of the field. They work in both directions, so "SAE"
finds "sparse autoencoder" and the reverse. An expansion has a lower weight than the word itself.
"""

import re
import threading
from collections.abc import Iterator
from functools import cache, lru_cache

from fumehood_tools.papers.identity import plain

_STOP = (
    "a about an and are as at be been between by can could did do does each find for from get give "
    "had has have how i in into is it its may me more most my not of on or other our over paper "
    "papers recent show some such than that the their them then there these they this those to up "
    "use used uses using via want was we were what when where whether which while who why will "
    "with work works would you your"
)
STOP_WORDS = frozenset(_STOP.split())

ACRONYMS = {
    "bert": ("language model",),
    "cav": ("concept activation vector",),
    "ce": ("cross entropy",),
    "cka": ("centered kernel alignment",),
    "clt": ("cross layer transcoder",),
    "cnn": ("convolutional neural network",),
    "cot": ("chain of thought",),
    "das": ("distributed alignment search",),
    "dl": ("deep learning",),
    "ev": ("explained variance",),
    "gan": ("generative adversarial network",),
    "gd": ("gradient descent",),
    "gpt": ("language model", "transformer"),
    "ica": ("independent component analysis",),
    "icl": ("in context learning",),
    "ig": ("integrated gradients",),
    "ioi": ("indirect object identification",),
    "kl": ("kullback leibler divergence",),
    "l0": ("sparsity",),
    "l1": ("sparsity penalty",),
    "llm": ("large language model",),
    "lm": ("language model",),
    "lora": ("low rank adaptation",),
    "mech interp": ("mechanistic interpretability",),
    "ml": ("machine learning",),
    "mlp": ("multilayer perceptron", "feed forward"),
    "moe": ("mixture of experts",),
    "mse": ("mean squared error",),
    "nlp": ("natural language processing",),
    "nmf": ("non negative matrix factorization",),
    "nn": ("neural network",),
    "ood": ("out of distribution",),
    "pca": ("principal component analysis",),
    "ppo": ("proximal policy optimization",),
    "qa": ("question answering",),
    "rag": ("retrieval augmented generation",),
    "relu": ("rectified linear unit",),
    "rl": ("reinforcement learning",),
    "rlhf": ("reinforcement learning from human feedback",),
    "rnn": ("recurrent neural network",),
    "sae": ("sparse autoencoder",),
    "sgd": ("stochastic gradient descent",),
    "shap": ("shapley value",),
    "svd": ("singular value decomposition",),
    "tcav": ("testing with concept activation vectors",),
    "vae": ("variational autoencoder",),
    "vit": ("vision transformer",),
    "vlm": ("vision language model",),
    "xai": ("explainable artificial intelligence", "interpretability"),
}
"""Acronym -> its meanings. Chosen from common use in the field, not from our benchmark queries."""

SYNONYMS = (
    ("sparse autoencoder", "dictionary learning", "sparse coding"),
    ("latent", "feature", "dictionary element"),
    ("interpretability", "explainability"),
    ("steering", "activation engineering", "representation engineering", "intervention"),
    ("activation patching", "causal tracing", "causal mediation", "interchange intervention"),
    ("polysemantic", "superposition"),
    ("monosemantic", "interpretable feature"),
    ("circuit", "subgraph", "computational graph"),
    ("transcoder", "mlp approximation"),
    ("probing", "probe", "linear classifier"),
    ("dead latent", "dead feature", "dead neuron"),
    ("honesty", "truthfulness", "lying", "deception"),
    ("hidden state", "activation", "representation", "residual stream"),
    ("scaling law", "scaling"),
    ("grokking", "delayed generalization"),
    ("knowledge editing", "model editing"),
    ("attribution", "saliency"),
    ("benchmark", "evaluation"),
    ("hallucination", "factuality"),
    ("unlearning", "concept erasure"),
)
"""Groups of phrases that are used interchangeably."""

EXPANSION_WEIGHT = 0.4
_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def words(text: str) -> list[str]:
    """Return the lower-case words of a text; "auto-encoder" gives auto, encoder, autoencoder."""
    found: list[str] = []
    for token in _TOKEN.findall(plain(text).lower()):
        parts = token.split("-")
        found += parts
        if len(parts) > 1:
            found.append("".join(parts))
    return found


def content_words(text: str) -> list[str]:
    """Return the distinct words of a query, in order, without stop words."""
    return list(dict.fromkeys(word for word in words(text) if word not in STOP_WORDS))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return the stem of an English word (Snowball; Porter 2001)."""
    return str(_stemmers().english.stemWord(word))


def stems(text: str) -> list[str]:
    """Return the stems of a text's words, in order, without stop words."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


def expansions(stemmed: list[str]) -> set[str]:
    """Return the stems of all synonyms of a text's acronyms and phrases, minus its own stems."""
    present = set(stemmed)
    joined = f" {' '.join(stemmed)} "
    more: set[str] = set()
    for phrase, others in _table():
        if phrase[0] in present and (len(phrase) == 1 or f" {' '.join(phrase)} " in joined):
            more.update(others)
    return more - present


@cache
def _table() -> list[tuple[tuple[str, ...], frozenset[str]]]:
    """Return pairs: the stems of a phrase, and the stems of all its synonyms."""
    return [
        (tuple(stems(phrase)), frozenset(word for other in others for word in stems(other)))
        for phrase, others in _names()
    ]


def _names() -> Iterator[tuple[str, tuple[str, ...]]]:
    for acronym, meanings in ACRONYMS.items():
        yield acronym, meanings
        for meaning in meanings:
            yield meaning, (acronym,)
    for group in SYNONYMS:
        for phrase in group:
            yield phrase, tuple(other for other in group if other != phrase)


class _Stemmers(threading.local):
    """One stemmer for each thread, because it keeps the word that it works on in itself."""

    def __init__(self) -> None:
        import snowballstemmer

        self.english = snowballstemmer.stemmer("english")


@cache
def _stemmers() -> _Stemmers:
    return _Stemmers()

"""Does a latent know the first letter of its token? For language models.

Rows are the words of the evaluation text: tokens that begin with a space and have letters of a to z
only. Passages are cut into two parts, the first 70 % to fit and the rest to test. `one_latent` is
the F1 on the test rows of the latent that has the best F1 on the others, mean over the letters;
`probe` is the accuracy of a logistic regression on all latents, and `activations` that of the same
probe on the activations, which no SAE changes.

Chanin et al. (2024), "A is for Absorption" (arXiv 2409.14507), measure the first letter in spelling
prompts. Here it is read at the token itself, from running text, so numbers are not comparable with
theirs.
"""

import re

import numpy as np
from sklearn.linear_model import LogisticRegression

NEEDS = ("vocabulary",)
METRICS = {
    "one_latent": {"title": "letter F1", "better": "higher", "smallest_effect": 0.02, "digits": 3},
    "probe": {"title": "letter acc.", "better": "higher", "smallest_effect": 0.01, "digits": 3},
    "activations": {"title": "letter of x", "better": "none", "digits": 3},
}
WORD = re.compile(r" ([A-Za-z])[A-Za-z]*")
LEAST = 20
MOST_ROWS = 4000


def evaluate(latents, context):
    letters = np.array([letter(text) for text in context.vocabulary])
    label = letters[np.asarray(context.tokens)]
    rows, label = enough(np.flatnonzero(label >= 0)[:MOST_ROWS], label)
    if len(np.unique(label)) < 2:
        raise ValueError(f"fewer than two letters have {LEAST} words in these {latents.rows} rows")
    passage = np.asarray(context.passage)[rows]
    train = passage < np.quantile(passage, 0.7)
    codes = latents.csr()[rows]
    size = np.sqrt(codes[train].power(2).mean()) or 1.0
    return {
        "one_latent": one_latent(codes > 0, label, train),
        "probe": accuracy(codes / size, label, train),
        "activations": accuracy(scaled(np.asarray(context.x)[rows], train), label, train),
    }


def letter(text):
    found = WORD.fullmatch(text)
    return ord(found[1].lower()) - ord("a") if found else -1


def enough(rows, label):
    """Return the rows whose letter has enough words, and their labels."""
    counts = np.bincount(label[rows], minlength=26)
    kept = rows[counts[label[rows]] >= LEAST]
    return kept, label[kept]


def one_latent(active, label, train):
    """Return the mean F1 over letters of the latent that is best on the training rows."""
    active = active.astype(np.float32)
    scores = []
    for one in np.unique(label):
        truth = label == one
        best = f1(active[train], truth[train]).argmax()
        scores.append(f1(active[~train][:, [best]], truth[~train])[0])
    return np.mean(scores)


def f1(active, truth):
    both = np.asarray(active.T @ truth.astype(np.float32)).ravel()
    total = np.asarray(active.sum(0)).ravel() + truth.sum()
    return 2 * both / total.clip(1)


def scaled(x, train):
    return (x - x[train].mean(0)) / x[train].std(0).clip(1e-6)


def accuracy(rows, label, train):
    probe = LogisticRegression(C=0.1, max_iter=200).fit(rows[train], label[train])
    return (probe.predict(rows[~train]) == label[~train]).mean()

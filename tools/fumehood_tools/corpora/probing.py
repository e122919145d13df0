"""Labeled texts for sparse probing: a training list and a test list per task and class.

The texts come from sae-probes 0.4.2. The data sets of a task are never part of the training corpus.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.corpora.embedded import read_labelled
from fumehood_tools.errors import CorpusTooSmall, UnknownName

_SEED = 1
# As in sae-bench: skip the first characters of a source file, usually its license header.
_CODE_SKIP = 150
_CODE_MINIMUM = 500


class ClassTexts(NamedTuple):
    """The texts of one class. No text is in both lists."""

    train: list[str]
    test: list[str]


# task -> class -> (data set, label of the texts that belong to the class)
TASKS: dict[str, dict[str, tuple[str, str]]] = {
    "ag_news": {
        "agnews_0": ("161_agnews_0", "1"),
        "agnews_1": ("162_agnews_1", "1"),
        "agnews_2": ("163_agnews_2", "1"),
    },
    "code": {
        "C": ("158_code_C", "1"),
        "Python": ("159_code_Python", "1"),
        "HTML": ("160_code_HTML", "1"),
    },
    "wiki_occupation": {
        "journalist": ("59_wikidata_occupation_isjournalist", "1"),
        "athlete": ("60_wikidata_occupation_isathlete", "1"),
        "actor": ("61_wikidata_occupation_isactor", "1"),
        "politician": ("62_wikidata_occupation_ispolitician", "1"),
        "singer": ("63_wikidata_occupation_issinger", "1"),
    },
    "amazon_sentiment": {
        "five_stars": ("157_amazon_5star", "1"),
        "fewer_stars": ("157_amazon_5star", "0"),
    },
}


def known_tasks() -> tuple[str, ...]:
    """Return the names of the probing tasks for language models."""
    return tuple(TASKS)


def check_tasks(tasks: Sequence[str], known: Sequence[str]) -> None:
    """Raise UnknownName if a task does not exist."""
    for task in tasks:
        if task not in known:
            raise UnknownName("probing task", task, known, "Correct scoring.probing_tasks.")


def labelled_texts(task: str, n_train: int, n_test: int) -> dict[str, ClassTexts]:
    """Return the texts of each class of a task. The same arguments give the same texts.

    Raises UnknownName, CorpusTooSmall (names the class and its size), PartMissing, StorageFailed.
    """
    check_tasks([task], known_tasks())
    draw = random.Random(_SEED)
    classes: dict[str, ClassTexts] = {}
    for name, (data_set, label) in TASKS[task].items():
        texts = sorted({text for text, target in read_labelled(data_set) if target == label})
        draw.shuffle(texts)
        if task == "code":
            texts = [text[_CODE_SKIP:] for text in texts if len(text) > _CODE_MINIMUM]
        if len(texts) < n_train + n_test:
            raise CorpusTooSmall(
                f"Class {name} of {task} has {len(texts)} texts, but {n_train} + {n_test} are "
                f"needed. Set scoring.probing_train + probing_test to {len(texts)} or less."
            )
        classes[name] = ClassTexts(texts[:n_train], texts[n_train : n_train + n_test])
    return classes

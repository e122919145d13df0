"""Labelled texts for sparse probing: per task and class, a training and a test list.

The texts come from sae-probes 0.4.2. A task's data sets are never part of the training corpus.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.corpora.embedded import read_labelled
from fumehood_tools.errors import CorpusTooSmall, UnknownName

_SEED = 1
# As sae-bench does: the first characters of a source file are its licence header.
_CODE_SKIP = 150
_CODE_MINIMUM = 500


class ClassTexts(NamedTuple):
    """The texts of one class; no text is in both lists."""

    train: list[str]
    test: list[str]


# class name -> (data set, label that means "belongs to it")
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
    """Return the names of the probing tasks on a language model."""
    return tuple(TASKS)


def check_tasks(tasks: Sequence[str], known: Sequence[str]) -> None:
    """Raise UnknownName for the first task that does not exist."""
    for task in tasks:
        if task not in known:
            raise UnknownName("probing task", task, known, "Fix scoring.probing_tasks.")


def labelled_texts(task: str, n_train: int, n_test: int) -> dict[str, ClassTexts]:
    """Return the texts of each class of a task, always the same ones.

    Raises UnknownName, CorpusTooSmall (which class, how many), PartMissing, StorageFailed.
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
                f"Class {name} of {task} has {len(texts)} texts; {n_train} + {n_test} were asked "
                f"for. Set scoring.probing_train + probing_test to {len(texts)} or less."
            )
        classes[name] = ClassTexts(texts[:n_train], texts[n_train : n_train + n_test])
    return classes

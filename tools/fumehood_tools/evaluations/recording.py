"""The signed records of evaluations: what they contain, where they are, which are there already.

A record is at results/<variant>/evaluations/<run>-<name>-<digest of the file>, so a changed file is
another evaluation. It is about the score of <run>: when that is replaced, the record no longer
counts, and the next evaluation replaces it.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.evaluations.choosing import Chosen, ScoredSae
from fumehood_tools.evaluations.requests import Evaluated
from fumehood_tools.evaluations.source import FOLDER, EvaluationFile
from fumehood_tools.receipts import Draft, Subject
from fumehood_tools.receipts.folders import Book, read_folder
from fumehood_tools.registry.declared import metric_key
from fumehood_tools.registry.kinds import EVALUATION
from fumehood_tools.runs.code import code_sha256, evaluator_sha256
from fumehood_tools.timestamps import now

SEED = 0
"""What all evaluations draw their random numbers from."""
_SHORT = 8


class Item(NamedTuple):
    """One evaluation of one SAE. siblings: digests of the weights of other seeds, if used."""

    sae: ScoredSae
    file: EvaluationFile
    siblings: tuple[str, ...]

    @property
    def place(self) -> str:
        """The place of its record in the workspace."""
        folder, _, run = self.sae.place.rpartition("/")
        return f"{folder}/{FOLDER}/{run}-{self.file.name}-{self.file.sha256[:_SHORT]}"

    @property
    def subject(self) -> Subject:
        """The score that it is about."""
        return Subject(self.sae.place, self.sae.receipt)

    def identity(self) -> dict[str, Any]:
        """Return the fields of the record that say what was measured with what."""
        return {
            "evaluation": self.file.name,
            "file_sha256": self.file.sha256,
            "evaluations_sha256": evaluations_sha256(),
            "evaluator_sha256": evaluator_sha256(),
            "weights_sha256": self.sae.score.provenance.weights_sha256,
            "siblings": list(self.siblings),
            "seed": SEED,
        }


def items_of(chosen: Chosen, files: Sequence[EvaluationFile]) -> list[Item]:
    """Return every evaluation of every SAE, one SAE after another."""
    return [
        Item(sae, file, _siblings(chosen, sae) if "siblings" in file.needs else ())
        for sae in chosen.saes
        for file in files
    ]


def _siblings(chosen: Chosen, sae: ScoredSae) -> tuple[str, ...]:
    others = chosen.siblings(sae)
    return tuple(sorted(one.score.provenance.weights_sha256 for one in others))


def is_recorded(item: Item, workspace: Path, book: Book) -> bool:
    """Return whether a valid record has this very evaluation."""
    held = read_folder(workspace, item.place, book)
    if held is None or held.kind != EVALUATION.name or held.problem is not None:
        return False
    record, subject = held.record, item.subject._asdict()
    same = all(record.get(key) == value for key, value in item.identity().items())
    return same and record.get("subject_of") == subject


def draft_of(item: Item, found: Evaluated) -> Draft:
    """Return the record of a result."""
    score, name = item.sae.score, item.file.name

    def keyed(values: Mapping[str, float]) -> dict[str, float]:
        return {metric_key(name, metric): value for metric, value in values.items()}

    content = {
        **item.identity(),
        "variant": score.variant,
        "label": item.sae.label,
        "sae_seed": score.seed,
        "shipped": item.file.shipped,
        "declared": dict(item.file.metrics),
        "metrics": keyed(found.metrics),
        "chance": keyed(found.chance),
        "constant": [metric_key(name, metric) for metric in found.constant],
        "order_difference": found.apart,
        "rows": found.rows,
        "data": score.data.digest,
        "seconds": found.seconds,
        "processor_seconds": found.processor_seconds,
        "written": now(),
    }
    files = {f"{name}.py": item.file.source}
    return Draft(EVALUATION.name, item.place, content, files, item.subject)


@functools.cache
def evaluations_sha256() -> str:
    """Return the hash of the code that runs evaluations. Costs 50 ms, once per process."""
    folder = Path(__file__).parent
    return code_sha256(folder, folder.rglob("*.py"))

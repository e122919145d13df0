"""Check that no document is in both the training and the evaluation split.

When the harvest makes rows from documents, it writes the digests of the documents of both splits.
They are compared here before anything is scored.
"""

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.files import read_json
from fumehood_tools.harvest import Activations


def judge_leakage(activations: Activations) -> int:
    """Return the number of shared documents, which is 0.

    Raises IntegrityFailed if there are any, StorageFailed if the record is missing or damaged.
    """
    split = read_json(activations.documents_file)
    shared = set(split["train"]) & set(split["eval"])
    if shared or not split["train"] or not split["eval"]:
        raise IntegrityFailed(
            "leakage",
            f"{len(shared)} documents are in both splits, of {len(split['train'])} for training "
            f"and {len(split['eval'])} for evaluation",
            "Delete the harvest's folder in the cache and run again; with a corpus of your own, "
            "check its files for copies.",
        )
    return len(shared)

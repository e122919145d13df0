"""Compare the rows of tokens of both splits. Imports numpy inside the function."""

from fumehood_tools.harvest import Activations
from fumehood_tools.harvest.records import TRAIN_TOKENS


def shared_rows(activations: Activations) -> tuple[int, int]:
    """Return how many evaluation rows are also training rows, token for token, and of how many."""
    import numpy as np

    path = activations.folder / TRAIN_TOKENS
    evaluated = np.load(activations.eval_tokens_file, mmap_mode="r", allow_pickle=False)
    if not path.is_file():
        return 0, len(evaluated)
    trained = np.load(path, mmap_mode="r", allow_pickle=False)
    known = {row.tobytes() for row in trained}
    return sum(row.tobytes() in known for row in evaluated), len(evaluated)

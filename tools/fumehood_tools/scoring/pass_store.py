"""Store results of the subject's passes for later jobs: a small file per subject and data set.

<cache>/passes/<digest>.safetensors has, for each batch of rows, the activations at the site and
after the last block, the losses of the clean and the ablated pass, and the divergence of the two.
Logits are not stored; the head computes them again. The digest covers the subject, the rows, the
site, the evaluator's code and the libraries. No child of a variant may write there.
"""

import contextlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, sha256_of, sha256_of_tree, write_bytes
from fumehood_tools.scoring.requests import ScoringSetup

if TYPE_CHECKING:
    from torch import Tensor

# A larger file would cost more time than it saves. At most MOST_FILES are kept, the newest.
MOST_BYTES, MOST_FILES = 256 << 20, 20
LIBRARIES = ("torch", "transformers", "transformer-lens", "sae-bench")


def passes_file(setup: ScoringSetup) -> Path:
    """Return the path of the passes of a setup, whether or not the file exists."""
    import torch

    subject, here = setup.spec.subject, Path(__file__).parent
    parts = {
        "subject": setup.activations.subject_identity,
        "site": [subject.layer, setup.spec.sites()[1]],
        "rows": [setup.spec.scoring.loss_rows, sha256_of(setup.activations.eval_tokens_file)],
        "processor": torch.backends.cpu.get_cpu_capability(),
        "libraries": [version(name) for name in LIBRARIES],
        "code": [sha256_of_tree(folder) for folder in (here, here.parent / "subjects")],
    }
    return setup.cache / "passes" / f"{digest_of(parts)}.safetensors"


def read_passes(path: Path) -> "dict[str, Tensor]":
    """Return the stored tensors by name; an empty dict if the file is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    with contextlib.suppress(OSError, SafetensorError, ValueError):
        return load(path.read_bytes())
    return {}


def write_passes(path: Path, content: "dict[str, Tensor]") -> None:
    """Store tensors for later jobs, atomically; not if they are too large or the disk is full."""
    from safetensors.torch import save

    if sum(part.nbytes for part in content.values()) > MOST_BYTES:
        return
    with contextlib.suppress(StorageFailed, OSError):
        write_bytes(path, save({name: part.contiguous() for name, part in content.items()}))
        files = sorted(path.parent.glob("*.safetensors"), key=lambda one: one.stat().st_mtime)
        for old in files[:-MOST_FILES]:
            old.unlink(missing_ok=True)

"""What the subject's passes left for all later jobs: a small file per subject and evaluation set.

<cache>/passes/<digest>.safetensors holds, per batch of rows, the activations at the site and behind
the last block, the losses of the clean and of the ablated pass, and the divergence of the two;
logits are not kept, the head makes them again. The digest covers the subject, the rows, the site,
the evaluator's code and the libraries. No child of a variant may write there.
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

# Beyond this a file costs more than it saves; of smaller ones the newest are kept.
MOST_BYTES, MOST_FILES = 256 << 20, 20
LIBRARIES = ("torch", "transformers", "transformer-lens", "sae-bench")


def passes_file(setup: ScoringSetup) -> Path:
    """Return where the passes of a setup are kept, whether or not they are there."""
    import torch

    subject, here = setup.spec.subject, Path(__file__).parent
    parts = {
        "subject": setup.activations.subject_identity,
        "site": [subject.layer, subject.site],
        "rows": [setup.spec.scoring.loss_rows, sha256_of(setup.activations.eval_tokens_file)],
        "processor": torch.backends.cpu.get_cpu_capability(),
        "libraries": [version(name) for name in LIBRARIES],
        "code": [sha256_of_tree(folder) for folder in (here, here.parent / "subjects")],
    }
    return setup.cache / "passes" / f"{digest_of(parts)}.safetensors"


def read_passes(path: Path) -> "dict[str, Tensor]":
    """Return what is kept by name; nothing where there is no file, or a damaged one."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    with contextlib.suppress(OSError, SafetensorError, ValueError):
        return load(path.read_bytes())
    return {}


def write_passes(path: Path, content: "dict[str, Tensor]") -> None:
    """Keep content for later jobs, atomically; a full disk or a large subject is not a failure."""
    from safetensors.torch import save

    if sum(part.nbytes for part in content.values()) > MOST_BYTES:
        return
    with contextlib.suppress(StorageFailed, OSError):
        write_bytes(path, save({name: part.contiguous() for name, part in content.items()}))
        files = sorted(path.parent.glob("*.safetensors"), key=lambda one: one.stat().st_mtime)
        for old in files[:-MOST_FILES]:
            old.unlink(missing_ok=True)

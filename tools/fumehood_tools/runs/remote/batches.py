"""The form of a batch of orders: what goes to nodes that share it, and what they leave in a bucket.

code/ python files · data/DIGEST/ activations · orders/NUMBER.json       in the working folder
ORDER/manifest.json, written last, and the files that it names           in the bucket
"""

from typing import Literal

from pydantic import BaseModel, Field

from fumehood_tools.receipts import WEIGHTS_FILES
from fumehood_tools.runs.remote.messages import ANSWER_FILE

CODE, ORDERS, JOBS = "code", "orders", "jobs"
PYTHON_FILE = ".python"
"""In the working folder of a node: the path of the interpreter that has torch."""
MANIFEST, MOST_MANIFEST_BYTES = "manifest.json", 1 << 18
BROUGHT = (*WEIGHTS_FILES, "config.json", "train_log.jsonl", ANSWER_FILE)
MOST_FAILURE = 8_000


class ResultFile(BaseModel, frozen=True):
    """One file of the results of an order."""

    name: Literal[
        "sae.safetensors",
        "transcoder.safetensors",
        "config.json",
        "train_log.jsonl",
        "answer.json",
    ]
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ResultsManifest(BaseModel, frozen=True):
    """The results of one order. Whoever finds this file finds all others complete."""

    order: str = Field(description="digest of the order")
    files: tuple[ResultFile, ...] = Field((), max_length=len(BROUGHT))
    failure: str | None = Field(
        None, max_length=MOST_FAILURE, description="why the trainer ended early, with its log's end"
    )

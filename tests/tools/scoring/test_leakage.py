"""A document in both splits stops scoring before anything is measured."""

import json
from pathlib import Path

import pytest

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.scoring.leakage import judge_leakage
from fumehood_tools.scoring.requests import ScoringSetup


@pytest.mark.child
def test_the_splits_of_a_harvest_share_no_document(small: ScoringSetup) -> None:
    split = json.loads(small.activations.documents_file.read_text(encoding="utf-8"))
    assert len(split["train"]) > 10 and len(split["eval"]) > 5
    assert judge_leakage(small.activations) == 0


def test_a_shared_document_is_leakage(small: ScoringSetup, tmp_path: Path) -> None:
    split = json.loads(small.activations.documents_file.read_text(encoding="utf-8"))
    split["eval"].append(split["train"][0])
    path = tmp_path / "documents.json"
    path.write_text(json.dumps(split), encoding="utf-8")
    mixed = small.activations.model_copy(update={"documents_file": path})
    with pytest.raises(IntegrityFailed, match="1 documents are in both splits") as raised:
        judge_leakage(mixed)
    assert raised.value.check == "leakage"

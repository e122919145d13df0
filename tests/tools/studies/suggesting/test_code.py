"""Files are compared by what their code does, not by names, layout and values."""

from typing import Any

import pytest

from fumehood_tools.sandbox.variants import packaged_variants
from fumehood_tools.studies.suggesting.code import (
    likeness,
    packaged_code,
    usual_likeness,
    words_of,
)

ORIGINAL = b'''
"""A variant."""
import torch
K = 32
class CustomSAE(BaseSAE):
    """With a docstring."""
    def encode(self, x):
        scores = torch.relu(self.encoder(x))
        return torch.topk(scores, K)
'''
RENAMED = b"""
from core import BaseSAE
WIDTH = 7  # another value
OTHER = -1
class CustomSAE(BaseSAE):
    def encode(self, activations):
        values = torch.relu(
            self.encoder(activations)
        )
        return torch.topk(values, WIDTH)
"""


def test_a_renamed_copy_with_other_values_is_nearly_equal_and_another_function_is_not() -> None:
    own = words_of(ORIGINAL)
    copy = words_of(RENAMED.replace(b"OTHER = -1\n", b""))
    assert likeness(own, copy) == 1.0
    assert 0.9 < likeness(own, words_of(RENAMED)) < 1.0
    other = ORIGINAL.replace(b"torch.topk(scores, K)", b"scores * (scores > self.bias)")
    assert likeness(own, words_of(other)) < 0.9


@pytest.mark.parametrize(
    "source", [b"def (", b"", b"\x00", b"\xff\xfe", b"-" * 100_000 + b"1", b"(" * 5_000]
)
def test_what_is_no_python_has_no_likeness(source: bytes) -> None:
    assert words_of(source) == ()
    assert likeness((), words_of(ORIGINAL)) == 0.0


def test_packaged_variants_are_all_different() -> None:
    middle, most = usual_likeness()
    assert 0 < middle < most < 1
    assert len(set(packaged_code().values())) == len(packaged_variants())


def test_a_copy_of_a_packaged_variant_is_found_even_if_its_file_is_gone(bench: Any) -> None:
    sandbox, _ = bench.box()
    source = (sandbox.variants / "batch_topk.py").read_text("utf-8")
    mine = sandbox.variants / "mine.py"
    mine.write_text(source.replace("floor", "least").replace("K = 32", "K = 16"), "utf-8")
    bench.score("mine")
    for _ in ("there", "gone"):
        rows = bench.rows("similar", variant="mine", sandbox="box")
        first = next(row for row in rows if row.what.startswith("code"))
        assert first.what == "code: the packaged batch_topk"
        assert first.value == 1
        mine.unlink(missing_ok=True)


def test_a_file_that_was_scored_and_deleted_is_still_compared_with(bench: Any) -> None:
    bench.file("old", "LR = 0.1\nDEPTH = 3")
    bench.score("old")
    (bench.box()[0].variants / "old.py").unlink()
    bench.file("mine", "LR = 0.2\nDEPTH = 5")
    row = next(row for row in bench.rows("similar", variant="mine") if "old in box" in row.what)
    assert row.value == 1


def test_files_that_differ_only_in_constants_are_one_row(bench: Any) -> None:
    bench.file("one", "LR = 1")
    for name in ("second", "third"):
        bench.file(name, f"LR = {len(name)}")
        bench.score(name)
    rows = [row.what for row in bench.rows("similar", variant="one") if row.what.startswith("code")]
    assert sum(" in box" in what for what in rows) == 1
    assert rows[0].endswith("and 1 more with other names or constants")


def test_an_edited_packaged_file_is_another_variant(bench: Any) -> None:
    path = bench.box()[0].variants / "topk.py"
    path.write_text(path.read_text("utf-8").replace("32", "33") + "\nEXTRA = 1\n", "utf-8")
    bench.score("topk")
    found = bench.ask("similar", variant="topk", sandbox="box")
    assert found.suggestions[0].what == "code: the packaged topk"
    assert not any("no score" in note for note in found.notes)

"""Files are compared by what their code does, not by names, layout and values."""

from typing import Any

import pytest

from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.studies.suggesting.code import likeness, usual_likeness, words_of
from fumehood_tools.studies.suggesting.similar import packaged_files

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


@pytest.mark.parametrize("kind", ["sae", "transcoder", "steering"])
def test_the_baselines_of_each_kind_are_all_different(bench: Any, kind: str) -> None:
    subject = "smollm2-135m" if kind == "steering" else "synthetic"
    files = packaged_files(create_sandbox(bench.settings, "other", source=kind, subject=subject))
    code = frozenset(map(words_of, files.values()))
    usual = usual_likeness(code)
    assert len(code) == len(files) >= 5
    assert usual is not None and 0 < usual.middle < usual.most < 1
    assert usual_likeness(frozenset()) is None


def test_a_transcoder_is_compared_with_the_baselines_of_its_kind(bench: Any) -> None:
    box = create_sandbox(bench.settings, "tc", source="transcoder", subject="synthetic")
    source = (box.variants / "batch_topk.py").read_text("utf-8")
    (box.variants / "mine.py").write_text(source.replace("K = ", "K = 1"), "utf-8")
    rows = bench.rows("similar", variant="mine", sandbox="tc")
    code = [row for row in rows if row.what.startswith("code")]
    assert code[0].what == "code: the packaged batch_topk" and code[0].value == 1
    named = {name for row in code for name in packaged_files(box) if name in row.what}
    assert named == set(packaged_files(box)), named


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

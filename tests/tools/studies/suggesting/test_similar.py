"""Ideas that were tried already are found by their text and by their trained dictionaries."""

from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from fumehood_tools.errors import BadRequest, RunFailed
from fumehood_tools.studies.suggesting.matching import (
    MOST_ASSIGNED,
    Likeness,
    StoredDecoder,
    compare,
    directions,
)

F, D = 64, 16


def weights(seed: int, near: int | None = None, share: float = 0.0) -> bytes:
    """Return a weights file with random directions, or a mixture with those of another seed."""
    W_DF = np.random.default_rng(seed).standard_normal((D, F)).astype(np.float32)
    if near is not None:
        other = np.random.default_rng(near).standard_normal((D, F)).astype(np.float32)
        W_DF = share * other + (1 - share) * W_DF
    return save({"decoder.weight": W_DF, "encoder.weight": W_DF.T.copy()})


def likeness(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> Likeness:
    """Compare two decoders [F, D] of any length."""
    return compare(*(W / np.linalg.norm(W, axis=1, keepdims=True) for W in (one, other)))


def draw(seed: int, latents: int = F) -> np.ndarray[Any, Any]:
    """Return random directions [F, D]."""
    return np.random.default_rng(seed).standard_normal((latents, D)).astype(np.float32)


def test_a_permuted_and_rescaled_dictionary_is_the_same_and_a_random_one_is_at_chance() -> None:
    own = draw(1)
    same = likeness(own, own[::-1] * 3)
    assert (same.forward, same.backward, same.shared) == pytest.approx((1, 1, 1), abs=1e-5)
    assert same.matched == pytest.approx(1, abs=1e-5)
    other = likeness(own, draw(2))
    assert other.forward == pytest.approx(other.chance, abs=0.05)
    assert other.shared < 0.2


def test_opposite_directions_are_not_the_same() -> None:
    own = np.eye(D, dtype=np.float32)
    assert likeness(own, -own).forward == 0


def test_a_dictionary_with_copies_of_few_latents_is_not_matched_one_to_one() -> None:
    own = np.eye(D, dtype=np.float32)
    copies = np.tile(own[:2], (D // 2, 1))
    found = likeness(copies, own)
    assert found.forward == 1
    assert found.shared == 2 / D
    assert found.backward == pytest.approx(2 / D)


def test_large_dictionaries_are_compared_in_blocks_without_assignment() -> None:
    own = draw(3, MOST_ASSIGNED + 100)
    found = likeness(own, own[::-1])
    assert found.matched is None
    assert (found.forward, found.shared) == pytest.approx((1, 1), abs=1e-5)


@pytest.mark.parametrize(
    ("tensors", "kind"),
    [
        ({"W_dec": (F, D)}, np.float32),
        ({"decoder.weight": (D, F)}, np.float16),
        ({"my_decoder": (F, D)}, np.float64),
        ({"W_dec": (7,), "decoder": (F, D)}, np.float32),
    ],
)
def test_a_decoder_is_found_by_its_name_and_shape(tmp_path: Any, tensors: Any, kind: Any) -> None:
    named = {name: np.ones(shape, kind) for name, shape in tensors.items()}
    assert directions(stored(tmp_path, save(named))).shape == (F, D)


def test_a_square_linear_weight_has_one_latent_per_column(tmp_path: Any) -> None:
    W = np.triu(np.ones((F, F), np.float32))
    found = directions(stored(tmp_path, save({"decoder.weight": W})))
    assert np.count_nonzero(found[0]) == 1
    found = directions(stored(tmp_path, save({"W_dec": W})))
    assert np.count_nonzero(found[0]) == F


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04K\x01.",
        save({"encoder.weight": np.ones((F, D), np.float32)}),
        save({"W_dec": np.zeros((F, D), np.float32)}),
        save({"W_dec": np.full((F, D), np.nan, np.float32)}),
        save({"W_dec": np.ones((F, D), np.int64)}),
    ],
)
def test_a_file_without_a_decoder_is_refused(tmp_path: Any, content: bytes) -> None:
    with pytest.raises(RunFailed):
        directions(stored(tmp_path, content))


def test_weights_that_are_not_the_scored_ones_are_refused(tmp_path: Any) -> None:
    one = stored(tmp_path, weights(1))
    (tmp_path / "sae.safetensors").write_bytes(weights(2))
    with pytest.raises(RunFailed, match="not those that were scored"):
        directions(one)


def stored(folder: Any, content: bytes) -> StoredDecoder:
    """Write a weights file; return what a record says of it."""
    import hashlib

    (folder / "sae.safetensors").write_bytes(content)
    return StoredDecoder(
        path=str(folder / "sae.safetensors"),
        sha256=hashlib.sha256(content).hexdigest(),
        dict_size=F,
    )


@pytest.mark.child
def test_a_dictionary_is_compared_on_the_scale_of_two_seeds_of_the_other_variant(
    bench: Any,
) -> None:
    bench.file("copy")
    bench.file("new", "LR = 1")
    for seed in (0, 1):
        bench.score("topk", seed, weights=weights(seed, near=9, share=0.6))
        bench.score("copy", seed, weights=weights(seed, near=9, share=0.6))
        bench.score("new", seed, weights=weights(20 + seed))
    rows = [row for row in bench.rows("similar", variant="copy") if row.what.startswith("weights")]
    assert [row.what for row in rows] == [
        "weights: the dictionary of topk at L0 32",
        "weights: the dictionary of new at L0 32",
    ]
    assert "two seeds of topk itself: 0." in rows[0].why
    assert "so other seeds cannot tell the two apart" in rows[0].why
    assert "with the same seed 1.00: the same dictionary, latent by latent" in rows[0].why
    # Only other seeds count, and here they are those of topk itself.
    assert f"two seeds of topk itself: {rows[0].value:.2f}" in rows[0].why
    assert "hardly more alike than chance" in rows[1].why


@pytest.mark.child
def test_weights_that_were_swapped_are_named_and_the_others_compared(bench: Any) -> None:
    bench.file("mine")
    bench.score("mine", 0, weights=weights(1))
    for seed in (0, 1):
        swapped = bench.score("topk", seed, weights=weights(seed + 5))
    content = bytearray((swapped / "sae.safetensors").read_bytes())
    content[-1] ^= 1
    (swapped / "sae.safetensors").write_bytes(content)
    found = bench.ask("similar", variant="mine")
    assert any("not those that were scored" in note for note in found.notes)
    assert any(row.what.startswith("weights") for row in found.suggestions)


def test_an_idea_is_found_in_plans_notes_and_docstrings_of_all_studies(bench: Any) -> None:
    bench.file("drop", about="Drop active latents at random, so none relies on another.")
    bench.score("drop")
    bench.plan("drop", title="Latent dropout", hypothesis="Dropout spreads information.")
    bench.study("other")
    bench.note("failed idea", "dropout on the latents: L0 doubled", study="other")
    rows = bench.rows("similar", text="dropout of latents")
    said = " ".join(row.what for row in rows)
    assert "plan of drop" in said
    assert "of the study other" in said
    assert "the file drop in box" in said
    assert all(row.quote for row in rows)
    assert not bench.rows("similar", text="quaternion")


def test_nothing_to_compare_is_a_request_for_it(bench: Any) -> None:
    with pytest.raises(BadRequest, match="text"):
        bench.rows("similar", text="  ")


def test_a_variant_without_a_score_has_no_dictionary_yet(bench: Any) -> None:
    bench.file("mine")
    assert any("no score" in note for note in bench.ask("similar", variant="mine").notes)
    (bench.box()[0].variants / "mine.py").write_text("def (", "utf-8")
    with pytest.raises(BadRequest, match="not valid Python"):
        bench.ask("similar", variant="mine")

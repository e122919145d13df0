"""What evaluations get: an SAE's latents, the same in another order, shuffled, and random ones."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from fumehood_tools.evaluations.inside.fumehood_evaluation.context import read_context
from fumehood_tools.evaluations.inside.fumehood_evaluation.latents import Latents, read_latents
from fumehood_tools.evaluations.inside.fumehood_evaluation.made_up import made_up
from fumehood_tools.evaluations.material import (
    Latented,
    TaskArrays,
    permuted,
    random_latents,
    shuffled,
    write_given,
)


@pytest.fixture
def given() -> Latented:
    latents, context = made_up(200, 8, 40, 5)
    assert context.probing is not None
    [task] = context.probing.values()
    parts = TaskArrays(task.train, task.train_labels, task.test, task.test_labels, task.classes)
    return Latented(
        latents.start,
        latents.index,
        latents.value,
        latents.dict_size,
        context.W,
        context.b,
        {"made_up": parts},
        context.siblings,
    )


def dense(given: Latented) -> np.ndarray:
    return Latents(given.dict_size, given.start, given.latent, given.value).dense()


def test_another_order_moves_latents_decoder_and_labels_together(given: Latented) -> None:
    other = permuted(given, np.random.default_rng(0))
    f, g = dense(given), dense(other)
    assert given.W is not None and other.W is not None
    assert not np.array_equal(f, g)
    assert np.allclose(f @ given.W, g @ other.W, rtol=2e-3, atol=0.05)
    task, moved = given.tasks["made_up"], other.tasks["made_up"]
    assert np.allclose(np.sort(task.train), np.sort(moved.train), rtol=3e-3)
    assert np.allclose((g > 0).sum(0)[np.argsort(g.sum(0))], (f > 0).sum(0)[np.argsort(f.sum(0))])


def test_shuffled_latents_keep_their_density_and_sizes_only(given: Latented) -> None:
    other = shuffled(given, np.random.default_rng(0))
    f, g = dense(given), dense(other)
    assert np.array_equal(np.sort(f, axis=0), np.sort(g, axis=0)) and not np.array_equal(f, g)
    assert given.W is not None and other.W is not None
    assert np.allclose(np.linalg.norm(given.W, axis=1), np.linalg.norm(other.W, axis=1), rtol=1e-5)
    assert abs(np.corrcoef(given.W.ravel(), other.W.ravel())[0, 1]) < 0.3


def test_random_latents_have_another_density(given: Latented) -> None:
    other = random_latents(given, np.random.default_rng(0))
    assert (~other.alive()).mean() >= 0.5 and other.rows == given.rows


def test_an_evaluation_reads_what_was_written_and_cannot_change_it(
    given: Latented, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name, array in {"x": np.ones((200, 8)), "tokens": np.arange(200)}.items():
        np.save(data / f"{name}.npy", array)
    np.save(data / "passage.npy", np.arange(200))
    facts = '{"seed": 3, "has_targets": false, "planted": false, "vocabulary": ["a"]}'
    (data / "facts.json").write_text(facts, encoding="utf-8")
    own = write_given(given, tmp_path / "own")
    context, latents = read_context(data, own), read_latents(own, given.dict_size)
    assert np.array_equal(latents.dense(), dense(given))
    assert np.array_equal(context.siblings[1], given.siblings[1])
    assert context.probing is not None and context.probing["made_up"].classes == ("one", "other")
    assert context.seed == 3 and context.vocabulary == ("a",) and context.planted is None
    with pytest.raises(ValueError, match="read-only"):
        context.x[0] = 1
    names = {field.name for field in fields(context)}
    assert not names & {"name", "variant", "place", "score", "weights"}

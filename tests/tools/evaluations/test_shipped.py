"""The shipped evaluations give what is computed by hand."""

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fumehood_tools.evaluations.inside.fumehood_evaluation.context import Context, Planted
from fumehood_tools.evaluations.inside.fumehood_evaluation.latents import Latents
from fumehood_tools.evaluations.source import shipped_folder


def evaluate(name: str, latents: Latents, context: Context) -> dict[str, float]:
    path = shipped_folder() / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {key: float(value) for key, value in module.evaluate(latents, context).items()}
    assert found.keys() == module.METRICS.keys()
    return found


def sparse(rows: Any) -> Latents:
    dense = np.array(rows, dtype=np.float32)
    row, index = np.nonzero(dense)
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(dense)))])
    return Latents(dense.shape[1], start, index.astype(np.int32), dense[row, index])


def context_of(latents: Latents, W: Any, **parts: Any) -> Context:
    N = latents.rows
    x = np.zeros((N, np.shape(W)[1]), dtype=np.float32)
    return Context(
        x=x,
        y=x,
        tokens=np.zeros(N, dtype=np.int32),
        passage=np.arange(N),
        W=np.array(W, dtype=np.float32),
        b=np.zeros(x.shape[1], dtype=np.float32),
        alive=latents.counts() > 0,
        d_model=x.shape[1],
        dict_size=latents.dict_size,
        seed=0,
        **parts,
    )


def planted(features: Any, directions: Any) -> Planted:
    return Planted(np.array(directions, dtype=np.float32), np.array(features, dtype=np.float32))


def test_latents_are_the_same_in_every_form() -> None:
    latents = sparse([[0, 2, 0], [0, 0, 0], [1, 0, 3]])
    assert latents.shape == (3, 3) and latents.counts().tolist() == [1, 1, 1]
    assert latents.dense(1, 3).tolist() == [[0, 0, 0], [1, 0, 3]]
    assert np.array_equal(latents.csr().toarray(), latents.dense())
    assert np.array_equal(np.asarray(latents), latents.dense())
    assert latents.row().tolist() == [0, 2, 2]


def test_dictionary_recovery_matches_one_latent_with_one_feature() -> None:
    # Three features; latents 0 and 1 are features 1 and 0 exactly, latent 2 is dead, latent 3
    # lies between features 0 and 2, so the matching gives it feature 2, with cosine 0.6.
    W = [[0, 5, 0], [2, 0, 0], [0, 0, 1], [0.8, 0, 0.6]]
    features = [[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 1]]
    latents = sparse([[0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    found = evaluate(
        "dictionary_recovery", latents, context_of(latents, W, planted=planted(features, np.eye(3)))
    )
    assert found["mcc"] == pytest.approx((1 + 1 + 0.6) / 3)
    assert found["recall"] == pytest.approx(2 / 3) and found["precision"] == pytest.approx(2 / 3)
    # Feature 2 is in rows 2 and 3, its latent in row 3 only: F1 = 2 / 3.
    assert found["detection"] == pytest.approx((1 + 1 + 2 / 3) / 3)


def test_dictionary_recovery_of_the_truth_is_perfect_and_of_nothing_is_zero() -> None:
    features = np.eye(4)
    latents = sparse(features)
    context = context_of(latents, np.eye(4), planted=planted(features, np.eye(4)))
    assert set(evaluate("dictionary_recovery", latents, context).values()) == {1.0}
    nothing = sparse(np.zeros((4, 4)))
    dead = context_of(nothing, np.eye(4), planted=planted(features, np.eye(4)))
    assert set(evaluate("dictionary_recovery", nothing, dead).values()) == {0.0}


def test_feature_absorption_counts_silent_main_latents_whose_feature_another_one_carries() -> None:
    # Feature 0 is in six rows. Its main latent is silent in two of them: in one, latent 1 writes
    # 0.5 of the coefficient along feature 0 (absorbed), in the other only 0.1 (missed).
    features = [[1, 0]] * 6 + [[0, 1]] * 4
    rows = [[1, 0, 0]] * 4 + [[0, 1, 0], [0, 0.2, 0]] + [[0, 0, 1]] * 4
    W = [[1, 0], [0.5, 0.5], [0, 1]]
    latents = sparse(rows)
    context = context_of(latents, W, planted=planted(features, np.eye(2)))
    found = evaluate("feature_absorption", latents, context)
    assert found["tracked"] == 1.0
    assert found["absorption"] == pytest.approx((1 / 6 + 0) / 2)
    assert found["missed"] == pytest.approx((2 / 6 + 0) / 2)


def test_the_census_counts_dead_rare_and_dense_latents() -> None:
    rows = np.zeros((4000, 4))
    rows[0, 1] = 1  # once in 4,000 rows: rare
    rows[::2, 2] = 1  # every second row: dense
    rows[::20, 3] = 1  # one row in twenty: neither
    latents = sparse(rows)
    found = evaluate("latent_census", latents, context_of(latents, np.eye(4)))
    assert (found["dead"], found["rare"], found["dense"]) == (0.25, 0.25, 0.25)
    share = np.array([1, 2000, 200]) / 2201
    assert found["evenness"] == pytest.approx(-(share * np.log(share)).sum() / np.log(4))


def test_seed_stability_matches_alive_latents_with_every_other_seed() -> None:
    latents = sparse([[1, 1, 0], [1, 1, 0]])  # the third is dead, so it does not count
    W = np.eye(3)
    same = W[[2, 1, 0]]
    apart = np.array([[0.6, 0.8, 0], [0, 0, 1], [0, 0, 1]])
    context = context_of(latents, W, siblings=(same, apart))
    found = evaluate("seed_stability", latents, context)
    # Against `apart`, one latent gets the row (.6, .8, 0), the other one a row with cosine 0.
    assert found["shared"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["cosine"] == pytest.approx((1 + (0.8 + 0) / 2) / 2)


def test_the_first_letter_is_found_in_latents_that_know_it() -> None:
    vocabulary = (" ant", " Bee", "ant", " b2", " cat")
    tokens = np.array([0, 1, 0, 1, 2, 3] * 20 + [4] * 5, dtype=np.int32)
    knows = np.zeros((len(tokens), 4))
    knows[tokens == 0, 1], knows[tokens == 1, 2] = 1, 1
    knows[tokens > 1, 3] = 1
    latents = sparse(knows)
    context = context_of(latents, np.eye(4), vocabulary=vocabulary)
    context = replace(context, tokens=tokens, passage=np.arange(len(tokens)))
    found = evaluate("first_letter", latents, context)
    # "ant" and " b2" are no words, and " cat" has too few rows.
    assert found["one_latent"] == 1.0 and found["probe"] == 1.0
    assert found["activations"] == pytest.approx(0.5, abs=0.1)

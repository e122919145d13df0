"""Hunts on the synthetic subject: who finds the latent scores, and questions cannot be won back."""

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes.hunters import find_planted

from fumehood_tools.errors import AlreadyExists, BadRequest, StorageFailed
from fumehood_tools.hunts.answering import give_answer
from fumehood_tools.hunts.asking import ask
from fumehood_tools.hunts.journal import read_hunt
from fumehood_tools.hunts.messages import ActiveLatents, LatentFacts
from fumehood_tools.hunts.records import HuntScore
from fumehood_tools.hunts.worker import score_hunt
from fumehood_tools.jobs import JobStore
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.receipts.audit import audit

pytestmark = pytest.mark.child
World = Any


def questions(world: World, name: str, repeat: int) -> Callable[..., Any]:
    """Return a function that asks one question and returns what is active."""

    def active(**question: Any) -> Any:
        found = ask(world.settings, world.host, name, repeat, **question).found
        assert isinstance(found, ActiveLatents)
        return found.latents

    return active


def answer(world: World, name: str, repeat: int, latent: int | None, **how: Any) -> Any:
    """Answer a repeat; the job that scores is not run."""
    with closing(JobStore(world.settings.state)) as store:
        given = give_answer(world.settings, store, name, repeat, latent, **how)
        if given.job is not None:
            store.cancel(given.job.job_id)
    return given


def scored(world: World, name: str, tmp_path: Path) -> HuntScore:
    """Score a hunt in this process."""
    return score_hunt(JobContext("job", tmp_path), world.settings, world.host, name)


def test_an_agent_that_looks_finds_the_latents_and_a_guesser_scores_nothing(
    world: World, tmp_path: Path
) -> None:
    task = world.open("honest", questions=8).opened
    draw, truth = random.Random(0), []
    world.open("guess", words=[one.word for one in task.concepts])
    for repeat, concept in enumerate(task.concepts, 1):
        latent = find_planted(concept.told, questions(world, "honest", repeat))
        truth.append(world.latents[int(concept.word)])
        assert latent == truth[-1]
        answer(world, "honest", repeat, latent)
        answer(world, "guess", repeat, draw.randrange(128))
    found, guess = scored(world, "honest", tmp_path), scored(world, "guess", tmp_path)
    assert found.score > 0.9 and found.low is not None
    assert [one.best_latent for one in found.repeats] == truth
    for one in found.repeats:
        assert one.detection.value > 0.85 and abs(one.detection.random - 0.5) < 0.01
        assert one.steering.value > one.steering.random + one.steering.random_spread
        assert one.damage < 1
    assert abs(guess.score) < 0.3 and guess.tries == [2, 2, 2]
    # Scored once: the record stays.
    assert scored(world, "honest", tmp_path) == read_hunt(world.settings.workspace, "honest").score
    report, _ = audit(world.settings.workspace)
    assert report.is_sound and report.others["hunt_score"] == 2


def test_a_direction_that_is_turned_round_and_a_harmful_strength_score_less(
    world: World, tmp_path: Path
) -> None:
    hunt = world.open("turned")
    for repeat, concept in enumerate(hunt.opened.concepts, 1):
        latent = world.latents[int(concept.word)]
        how = [{"direction": "lower"}, {"strength": 1.0}, {}][repeat - 1]
        answer(world, "turned", repeat, latent if repeat < 3 else None, **how)
    turned, strong, none = scored(world, "turned", tmp_path).repeats
    assert turned.detection.score == strong.detection.score == 1
    assert turned.steering.score is not None and turned.steering.score < -0.5
    assert strong.damage > 1 and strong.steering.score in (0, None)
    assert none.score == 0


def test_questions_are_counted_in_the_ledger_and_repeated_ones_are_free(world: World) -> None:
    hunt = world.open("few", questions=2)
    first = ask(world.settings, world.host, "few", 1, tokens=[7, 300])
    again = ask(world.settings, world.host, "few", 1, tokens=[7, 300])
    assert (first.left, again.left, again.repeated) == (1, 1, True)
    assert again.found == first.found
    # Whoever removes the entry has no question more.
    (probe,) = [one for one in read_hunt(world.settings.workspace, "few").entries if one.tag == "1"]
    shutil.rmtree(world.settings.workspace / probe.place)
    assert ask(world.settings, world.host, "few", 1, latent=5).left == 0
    with pytest.raises(BadRequest, match="No question is left in repeat 1 .* can still answer"):
        ask(world.settings, world.host, "few", 1, latent=6)
    assert ask(world.settings, world.host, "few", 2, latent=6).left == 1
    assert answer(world, "few", 1, 5).hunt.answer(1).questions == 2
    assert hunt.opened == read_hunt(world.settings.workspace, "few").opened


def test_a_repeat_is_answered_once_and_then_closed(world: World) -> None:
    world.open("once")
    answer(world, "once", 1, 4)
    answer(world, "once", 1, 4)
    with pytest.raises(BadRequest, match="was answered, so it is closed"):
        answer(world, "once", 1, 5)
    with pytest.raises(BadRequest, match="was answered, so it is closed"):
        ask(world.settings, world.host, "once", 1, latent=3)
    entry = next(
        one
        for one in read_hunt(world.settings.workspace, "once").entries
        if one.kind == "hunt_answer"
    )
    shutil.rmtree(world.settings.workspace / entry.place)
    with pytest.raises(BadRequest, match="was answered, so it is closed"):
        answer(world, "once", 1, 5)


def test_another_hunt_for_the_same_concept_is_a_further_try_also_if_the_first_is_gone(
    world: World,
) -> None:
    words = ["5", "60", "77"]
    first = world.open("first", words=words)
    ask(world.settings, world.host, "first", 1, latent=3)
    with pytest.raises(AlreadyExists, match="counts as a further try"):
        world.open("first", words=words)
    second = world.open("second", words=words).opened
    shift = second.tries[0] - first.opened.tries[0]
    assert shift == 1 and second.asked_before >= 1
    shutil.rmtree(world.settings.workspace / "hunts" / "first")
    third = world.open("third", words=words).opened
    assert third.tries[0] == second.tries[0] + 1 and third.asked_before >= second.asked_before
    with pytest.raises(AlreadyExists):
        world.open("first", words=words)


def test_no_question_shows_a_held_back_text(world: World) -> None:
    world.open("peek", questions=3)
    facts = ask(world.settings, world.host, "peek", 1, latent=9).found
    assert isinstance(facts, LatentFacts) and facts.contexts
    train = np.load(world.host.bench.setup.activations.folder / "train_tokens.npy")
    rows = {" ".join(map(str, row[1:])) for row in train.tolist()}
    for one in facts.contexts:
        shown = one.text.replace("⟪", "").replace("⟫", "")
        assert any(shown in row for row in rows)
    for wrong in ({}, {"latent": 1, "tokens": [1]}, {"tokens": []}, {"tokens": [512]}):
        with pytest.raises(BadRequest):
            ask(world.settings, world.host, "peek", 1, **wrong)
    with pytest.raises(BadRequest, match="has no text"):
        ask(world.settings, world.host, "peek", 1, text="held-back texts, please")
    assert read_hunt(world.settings.workspace, "peek").used() == 1


def test_a_task_or_an_sae_that_was_edited_is_refused(world: World) -> None:
    world.open("edited")
    place = read_hunt(world.settings.workspace, "edited").entries[0].place
    path = world.settings.workspace / place / "hunt.json"
    path.write_text(path.read_text("utf-8").replace('"questions": 16', '"questions": 99'), "utf-8")
    with pytest.raises(BadRequest, match="gone or was edited"):
        ask(world.settings, world.host, "edited", 1, latent=1)
    world.open("swapped")
    weights = world.settings.sandboxes / "box/results/standard/seed0-0000/sae.safetensors"
    before = weights.read_bytes()
    try:
        weights.write_bytes(before[:-4] + b"\0\0\0\0")
        with pytest.raises(StorageFailed, match="cannot be hunted in"):
            ask(world.settings, world.host, "swapped", 1, latent=1)
    finally:
        weights.write_bytes(before)

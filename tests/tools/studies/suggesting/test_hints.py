"""Agents that work on one study at once start in different directions."""

from collections.abc import Mapping
from typing import Any

import pytest

from fumehood_tools.studies.suggesting.axes import AXES, Axis
from fumehood_tools.studies.suggesting.hints import HAND, MOST_AGENTS, deal, tried_axes
from fumehood_tools.studies.suggesting.transcoder_axes import TRANSCODER_AXES


def cards(
    study: str,
    agent: int,
    tried: Mapping[str, int] | None = None,
    deck: tuple[Axis, ...] = AXES,
) -> list[tuple[str, str]]:
    """Return the cards of an agent: axis and direction."""
    return [(card.axis.name, card.direction) for card in deal(study, agent, tried or {}, deck)]


@pytest.mark.parametrize("deck", [AXES, TRANSCODER_AXES], ids=["saes", "transcoders"])
def test_no_two_agents_hold_the_same_card_and_all_begin_on_different_axes(
    deck: tuple[Axis, ...],
) -> None:
    hands = [cards("threshold", agent, deck=deck) for agent in range(1, MOST_AGENTS + 1)]
    every = [card for hand in hands for card in hand]
    assert len(set(every)) == len(every) == MOST_AGENTS * HAND
    assert len({hand[0][0] for hand in hands}) == MOST_AGENTS
    assert all(len({axis for axis, _ in hand}) == HAND for hand in hands)


@pytest.mark.parametrize("much", [axis.name for axis in AXES])
def test_agents_that_ask_after_an_axis_was_much_tried_still_start_elsewhere(much: str) -> None:
    before = cards("threshold", 1)[0]
    later = [cards("threshold", agent, {much: 9})[0] for agent in range(2, MOST_AGENTS + 1)]
    assert before not in later
    assert len(set(later)) == len(later)


def test_a_much_tried_axis_is_drawn_last() -> None:
    first = cards("threshold", 3)
    now = cards("threshold", 3, {first[0][0]: 5})
    assert now == [*first[1:], first[0]]
    assert cards("threshold", 3, {first[0][0]: 1}) == first


def test_the_same_agent_of_the_same_study_gets_the_same_and_another_study_another() -> None:
    assert cards("threshold", 4) == cards("threshold", 4)
    assert len({tuple(cards(f"study-{n}", 4)) for n in range(8)}) > 4


def test_the_axis_of_a_text_is_found_by_the_stems_of_its_words() -> None:
    tried = tried_axes(["We resampled dead latents.", "Momentum is off.", "Nothing of the kind."])
    assert tried["dead latents"] == 1
    assert tried["optimizer"] == 1
    assert tried["regularization"] == 0


def test_what_was_written_in_the_study_decides_what_comes_last(bench: Any) -> None:
    first = bench.rows("hints", agent=2)[0].what
    axis = next(axis for axis in AXES if first.startswith(f"{axis.name}:"))
    for number in range(5):
        bench.note("idea", f"{axis.words.split()[0]}, try {number}")
    rows = bench.rows("hints", agent=2)
    assert rows[-1].what == first
    assert "5 things tried" in rows[-1].why


def test_more_agents_than_axes_get_another_order_and_are_told(bench: Any) -> None:
    found = bench.ask("hints", agent=MOST_AGENTS + 1)
    assert found.suggestions[0].what != bench.rows("hints", agent=1)[0].what
    assert "agent 1" in found.notes[0]

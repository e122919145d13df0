"""One starting direction per agent, so that agents on one board do not all try the same.

The directions of axes.py are dealt like cards: agent n gets HAND cards, each on another axis, and
no other agent among the first MOST_AGENTS holds one of them. Who gets what depends on the name of
the study and the agent's number alone. What was tried decides only the order within a hand: axes
that were much tried on this study come last. So agents that ask at different times still never
start in the same direction. Light, and nothing is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.files import digest_of
from fumehood_tools.papers.terms import stems
from fumehood_tools.studies.suggesting.answer import Found, Suggestion
from fumehood_tools.studies.suggesting.axes import AXES, Axis

HAND = 4
MOST_AGENTS = len(AXES)
MUCH = 3
"""An axis is much tried if at least so many things were, and more than on the average axis."""
_STRIDE = 5  # has no factor in common with the number of axes, so a hand has different axes


class Card(NamedTuple):
    """One direction on one axis. tried: how many things of the study are about this axis."""

    axis: Axis
    direction: str
    tried: int


def deal(
    study: str, agent: int, tried: Mapping[str, int], deck: Sequence[Axis] = AXES
) -> list[Card]:
    """Return an agent's cards, the first of which is its hint.

    agent: its number among those that work on this board, from 1. tried: axis -> how often. deck:
    the axes of a kind of sandbox, of which there are MOST_AGENTS.
    """
    axes = sorted(deck, key=lambda axis: digest_of([study, axis.name]))
    place, turn = (agent - 1) % MOST_AGENTS, (agent - 1) // MOST_AGENTS
    cards = []
    for number in range(HAND):
        round_ = (number + turn) % HAND
        axis = axes[(place + _STRIDE * round_) % len(axes)]
        first = int(digest_of([study, axis.name])[:8], 16)
        direction = axis.directions[(first + round_) % HAND]
        cards.append(Card(axis, direction, tried.get(axis.name, 0)))
    much = max(MUCH, sum(tried.values()) / len(AXES))
    return sorted(cards, key=lambda card: card.tried >= much)


def tried_axes(texts: Iterable[str], deck: Sequence[Axis] = AXES) -> dict[str, int]:
    """Return axis -> number of texts that mention it."""
    words = {axis.name: frozenset(stems(axis.words)) for axis in deck}
    counts = dict.fromkeys(words, 0)
    for text in texts:
        there = frozenset(stems(text))
        for name, some in words.items():
            counts[name] += not some.isdisjoint(there)
    return counts


def hints(study: str, agent: int, texts: Iterable[str], deck: Sequence[Axis] = AXES) -> Found:
    """Return an agent's cards as suggestions. texts: what was tried on the study."""
    cards = deal(study, agent, tried_axes(texts, deck), deck)
    rows = [
        Suggestion(
            part="hints",
            what=f"{card.axis.name}: {card.direction}",
            why=_why(number, card, agent),
            call=f"suggest_experiments(study={study!r}, about='similar', text='…')",
        )
        for number, card in enumerate(cards)
    ]
    notes = []
    if agent > MOST_AGENTS:
        notes.append(
            f"More than {MOST_AGENTS} agents: agent {agent} has the cards of agent "
            f"{(agent - 1) % MOST_AGENTS + 1}, in another order."
        )
    return Found(rows, notes)


def _why(number: int, card: Card, agent: int) -> str:
    tried = f"{card.tried} things tried on this study mention it" if card.tried else "not tried yet"
    if number:
        return f"If that fails; {tried}."
    return f"Dealt to agent {agent} alone; {tried}."

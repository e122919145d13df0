"""The hunts that ran in the sandboxes of a study since it was opened.

A hunt has its own records (`hunts/`), and belongs to no plan: it measures how well an agent finds
latents, not a variant. A study lists it, since it took place in an SAE of the study. Only what the
ledger has is counted, so a hunt whose folder was deleted is counted, too. Light.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.receipts import Book, read_folder
from fumehood_tools.receipts.files import changed
from fumehood_tools.studies.entries import Plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import Study

_ENTRY = re.compile(
    r"hunts/([a-z0-9_-]+)/entries/(\d{4})-(hunt|hunt_probe|hunt_answer|hunt_score)-\w+"
)
_OPENED, _PROBE, _ANSWER, _SCORE = "hunt", "hunt_probe", "hunt_answer", "hunt_score"


class HuntSeen(NamedTuple):
    """One hunt. sae: place of its SAE's score; "": its task is gone or was edited.

    score: the entry of its score; None: it has none. Chance, a random direction, scores 0. tries:
    the most that one of its concepts was hunted in this SAE.
    """

    name: str
    sae: str
    questions: int
    answered: int
    tries: int
    score: Mapping[str, Any] | None

    @property
    def sandbox(self) -> str:
        """The sandbox of its SAE."""
        return self.sae.split("/")[1] if self.sae else ""

    @property
    def words(self) -> str:
        """The score in words."""
        if self.score is None:
            return "no score"
        low, high = self.score["low"], self.score["high"]
        between = "" if low is None else f" [{low:.2f}, {high:.2f}]"
        return f"score {self.score['score']:.2f}{between}"

    def controls(self) -> str:
        """Return the detection of each repeat beside that of a random direction."""
        if self.score is None:
            return ""
        return "; ".join(
            f"{one['word']}: AUROC {one['detection']['value']:.2f}, random "
            f"{one['detection']['random']:.2f}, log-odds {one['steering']['value']:+.2f}, random "
            f"{one['steering']['random']:+.2f}"
            for one in self.score["repeats"]
        )


def hunts_since(
    workspace: Path,
    book: Book,
    order: Mapping[str, int],
    opened: str,
    sandboxes: Collection[str],
) -> list[HuntSeen]:
    """Return the hunts in these sandboxes whose task was entered after a receipt, by name.

    opened: MAC of the study's first entry. Without sandboxes, those in all of them are returned. A
    hunt whose task cannot be read is in every list.
    """
    start = order.get(opened, len(order))
    by_name: dict[str, dict[str, str]] = defaultdict(dict)
    for place in book.standing:
        if found := _ENTRY.fullmatch(place):
            by_name[found[1]][place] = found[3]
    seen = []
    for name, places in sorted(by_name.items()):
        tasks = [place for place, kind in places.items() if kind == _OPENED]
        since = [place for place in tasks if order.get(book.standing[place].receipt, -1) > start]
        if since:
            one = _read(workspace, book, name, places, since[0])
            if not sandboxes or one.sandbox in ("", *sandboxes):
                seen.append(one)
    return seen


def _read(workspace: Path, book: Book, name: str, places: Mapping[str, str], task: str) -> HuntSeen:
    kinds = list(places.values())
    opened = _sound(workspace, task, book)
    scores = [place for place, kind in places.items() if kind == _SCORE]
    return HuntSeen(
        name=name,
        sae=str(opened["sae"]) if opened else "",
        questions=kinds.count(_PROBE),
        answered=kinds.count(_ANSWER),
        tries=max(opened["tries"]) if opened else 0,
        score=_sound(workspace, max(scores), book) if scores else None,
    )


def _sound(workspace: Path, place: str, book: Book) -> dict[str, Any] | None:
    held = read_folder(workspace, place, book)
    if held is None or held.problem is not None:
        return None
    return None if changed(held.kind, held.record, f"{workspace}/{place}") else held.record


def hunts_beside(lab: Lab, study: Study) -> str:
    """Return the hunts in the sandboxes of a study's plans since it was opened, in words."""
    sandboxes = {plan.sandbox for _, plan in study.only(Plan)}
    workspace, opened = lab.settings.workspace, study.entries[0].receipt
    return hunts_in_words(hunts_since(workspace, lab.book, lab.order, opened, sandboxes))


def hunts_in_words(hunts: list[HuntSeen]) -> str:
    """Return hunts in one sentence; "" if there are none."""
    if not hunts:
        return ""
    said = ", ".join(f"{one.name} ({one.words}, {one.questions} questions)" for one in hunts[:8])
    more = f" and {len(hunts) - 8} more" if len(hunts) > 8 else ""
    count = "1 hunt" if len(hunts) == 1 else f"{len(hunts)} hunts"
    return f"{count} since it was opened (0: a random direction): {said}{more}."

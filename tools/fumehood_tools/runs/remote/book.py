"""The orders of a run that wait for a place, and which place has begun which order.

What a place has begun is in a file until its machine is given back. So the run that follows a crash
gives every order to the machine that is training it, or has trained it meanwhile: on any other one,
the training would start anew.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, read_json, write_json
from fumehood_tools.runs.remote.trainee import RemoteTrainee

FOLDER = "pods/begun"
_BEGUN = TypeAdapter(dict[str, str])


class OrderBook:
    """Waiting orders, for the threads of several places. A place is named by its key."""

    def __init__(self, state: Path, places: Sequence[str]) -> None:
        """state: the workspace's .fumehood. Raises StorageFailed."""
        self._folder = state / FOLDER
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed.from_os_error(error, "Opening the orders of places") from error
        self._changed = threading.Condition()
        self._waiting: list[RemoteTrainee] = []
        self._begun = {place: _read(self._path(place)) for place in places}

    def put(self, trainee: RemoteTrainee) -> None:
        """Add an order."""
        with self._changed:
            self._waiting.append(trainee)
            self._changed.notify_all()

    def take(self, place: str, seconds: float) -> RemoteTrainee | None:
        """Return an order for a place, None if there is none within so many seconds.

        What the place has begun comes first; what another place has begun is left to that one.
        """
        end = time.monotonic() + seconds
        with self._changed:
            while (found := self._next(place)) is None:
                if (left := end - time.monotonic()) <= 0 or not self._changed.wait(left):
                    return None
            self._waiting.remove(found)
            return found

    def begun(self, place: str, order: str) -> str | None:
        """Return the name of the job that trains an order at a place; None if it was not begun."""
        with self._changed:
            return self._begun[place].get(order)

    def begin(self, place: str, order: str, job: str) -> None:
        """Write down that a job is about to train an order at a place. Raises StorageFailed."""
        with self._changed:
            self._write(place, {**self._begun[place], order: job})

    def forget(self, place: str) -> None:
        """Write down that a place has no machine any more. Raises StorageFailed."""
        with self._changed:
            if self._begun[place]:
                self._write(place, {})
                self._changed.notify_all()

    def _next(self, place: str) -> RemoteTrainee | None:
        self._waiting = [one for one in self._waiting if not one.has_ended]
        ours = self._begun[place]
        others = {order for begun in self._begun.values() for order in begun} - ours.keys()
        free = [one for one in self._waiting if one.order.digest not in others]
        return min(free, key=lambda one: one.order.digest not in ours, default=None)

    def _write(self, place: str, begun: Mapping[str, str]) -> None:
        path = self._path(place)
        if begun:
            write_json(path, dict(begun))
        else:
            path.unlink(missing_ok=True)
        self._begun[place] = dict(begun)

    def _path(self, place: str) -> Path:
        return self._folder / f"{digest_of(place)[:32]}.json"


def _read(path: Path) -> dict[str, str]:
    try:
        return _BEGUN.validate_python(read_json(path))
    except (StorageFailed, ValidationError):
        return {}  # none was begun, or not by this version: then trainings start anew

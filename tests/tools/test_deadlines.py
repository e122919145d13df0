"""All steps of a task share a deadline, and the caller chooses the error of a late step."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import StorageFailed, Unreadable
from fumehood_tools.locking import exclusive
from fumehood_tools.web.model import SourceFailed, answer_within


def clock(*moments: float) -> Iterator[float]:
    yield from moments


def late() -> Unreadable:
    return Unreadable("It took too long. Try another source.")


def test_what_one_step_used_the_next_has_no_more() -> None:
    moments = clock(100.0, 104.0, 109.5)
    deadline = Deadline(10, late, lambda: next(moments))
    assert (deadline.left(), deadline.left()) == (6.0, 0.5)


def test_when_the_time_is_up_the_error_is_the_one_that_its_maker_chose() -> None:
    moments = clock(100.0, 111.0, 112.0)
    deadline = Deadline(10, late, lambda: next(moments))
    assert deadline.remaining() == 0.0
    with pytest.raises(Unreadable, match="Try another source"):
        deadline.left()


def test_a_deadline_that_is_ended_ends_all_within_it() -> None:
    whole = Deadline(100, late)
    part = Deadline(50, late, within=whole)
    assert 0 < part.left() <= 50 < whole.left()
    assert Deadline(200, late, within=whole).remaining() <= 100
    whole.end()
    assert part.remaining() == whole.remaining() == 0
    with pytest.raises(Unreadable):
        part.left()


def test_a_service_that_is_late_has_failed_as_services_do() -> None:
    with pytest.raises(SourceFailed, match="did not answer in time") as failed:
        answer_within(0.0).left()
    assert failed.value.status == "timeout"


def test_a_lock_that_another_holds_too_long_is_an_error_that_names_it(tmp_path: Path) -> None:
    told: list[str] = []
    with exclusive(tmp_path / "lock"):
        waiting = exclusive(tmp_path / "lock", lambda: told.append("held"), seconds=0.0)
        with pytest.raises(StorageFailed, match="has held .*lock for over 0 s.*end it"), waiting:
            pytest.fail("two held it")
    assert told == ["held"]
    with exclusive(tmp_path / "lock", lambda: told.append("held again")):
        assert told == ["held"]

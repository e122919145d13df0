"""Jobs that ended long ago are deleted; recent and unfinished jobs are kept."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.errors import UnknownName
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.jobs.retention import prune
from fumehood_tools.jobs.table import Table

SLEEPER = "print('ready', flush=True); import time; time.sleep(300)"
DAY = 24 * 3600.0


@pytest.fixture
def table(root: Path) -> Iterator[Table]:
    with closing(Table(root)) as made:
        yield made


def cancelled(store: JobStore, start: Callable[..., Job], count: int) -> list[str]:
    """Create jobs that are marked as ended without having run."""
    made = [start("pass", request_key=f"key {number}").job_id for number in range(count)]
    for job_id in made:
        store.cancel(job_id)
    return made


def test_only_old_jobs_beyond_the_newest_are_forgotten_with_their_folders(
    start: Any, running: Any, store: Any, root: Path, table: Table
) -> None:
    busy = running(start(SLEEPER))
    ended, waiting = cancelled(store, start, 5), start("pass")
    assert prune(table, time.time() + 29 * DAY, kept=2) == 0
    assert prune(table, time.time() + 31 * DAY, kept=5) == 0
    assert prune(table, time.time() + 31 * DAY, kept=2) == 3
    left = [job.job_id for job in store.list().jobs]
    assert left == [waiting.job_id, ended[4], ended[3], busy.job_id] and store.list().total == 4
    assert {path.name for path in (root / "jobs").iterdir()} == set(left)
    assert store.get(waiting.job_id).queue_position == 1
    with pytest.raises(UnknownName, match="list_jobs"):
        store.get(ended[0])
    assert start("pass", request_key="key 0").job_id not in ended


def test_a_page_goes_on_where_it_ended_when_jobs_were_forgotten_between(
    start: Any, running: Any, store: Any, table: Table
) -> None:
    running(start(SLEEPER))
    ended = cancelled(store, start, 5)
    first = store.list("cancelled", limit=2)
    assert prune(table, time.time() + 31 * DAY, kept=3) == 2
    second = store.list("cancelled", limit=2, cursor=first.next_cursor)
    assert [job.job_id for job in second.jobs] == [ended[2]] and second.next_cursor is None


@pytest.mark.parametrize("job_id", ["..", "../precious", ".", "/tmp/../{folder}"])
def test_a_row_that_was_written_by_hand_leads_to_no_other_folder(
    store: Any, root: Path, table: Table, job_id: str
) -> None:
    precious = root / "precious"
    precious.mkdir()
    table.change(
        "INSERT INTO jobs(id, kind, title, slot, status, created, finished) "
        "VALUES(?, 'demo', 't', 'cpu', 'failed', 1, 1), ('new', 'demo', 't', 'cpu', 'lost', 1, 1)",
        job_id.format(folder=precious),
    )
    assert prune(table, kept=1) == 1
    assert precious.is_dir() and (root / "jobs").is_dir() and store.list().total == 1


def test_the_end_of_a_job_makes_room(
    start: Any, finished: Any, store: Any, root: Path, eventually: Any
) -> None:
    old = finished(start("print('long ago')"))
    with closing(sqlite3.connect(root / "jobs.sqlite3", isolation_level=None)) as db:
        db.execute("UPDATE jobs SET finished=1")
        db.executemany(
            "INSERT INTO jobs(id, kind, title, slot, status, created, finished) "
            "VALUES(?, 'demo', 't', 'cpu', 'failed', 1, 1)",
            [(f"old-{number}",) for number in range(1000)],
        )
    assert store.list(limit=1).total == 1001
    new = finished(start("print('now')"))
    eventually(lambda: not store.list("succeeded", limit=2).next_cursor)
    eventually(lambda: store.list(limit=1).total == 1000)
    assert not (root / "jobs" / old.job_id).exists()
    assert store.read_log(new.job_id).lines == ("now",)

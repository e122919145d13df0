"""Jobs are listed in pages, newest first."""

import sqlite3

import pytest

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.jobs import JobStore

pytestmark = pytest.mark.child

SLEEPER = "print('ready', flush=True); import time; time.sleep(300)"


def test_two_hundred_and_fifty_jobs_are_listed_once_each_newest_first(
    start, running, store
) -> None:
    blocker = running(start(SLEEPER))
    made = [start("pass", title=str(number)).job_id for number in range(249)]
    listed: list[str] = []
    cursor = None
    while True:
        page = store.list(limit=100, cursor=cursor)
        assert page.total == 250
        listed += [job.job_id for job in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert listed == [*reversed(made), blocker.job_id]
    assert store.get(made[-1]).queue_position == 249
    for job_id in made:
        store.cancel(job_id)
    assert store.list(status="cancelled", limit=1).total == 249
    assert [job.job_id for job in store.list(status="running").jobs] == [blocker.job_id]


def test_a_page_stays_the_same_while_newer_jobs_arrive(start, running, store) -> None:
    running(start(SLEEPER))
    made = [start("pass").job_id for _ in range(4)]
    first = store.list(limit=2)
    start("pass")
    second = store.list(limit=2, cursor=first.next_cursor)
    assert [job.job_id for job in second.jobs] == [made[1], made[0]]


def test_filters_by_kind_and_status_work_together(start, finished, store) -> None:
    finished(start("pass"))
    finished(store.submit("other", ["true"], title="t"))
    finished(store.submit("other", ["false"], title="t"))
    assert store.list(kind="other").total == 2
    [failed] = store.list(kind="other", status="failed").jobs
    assert failed.exit_code == 1 and store.list(kind="nothing").jobs == ()


def test_a_wrong_cursor_limit_or_status_is_refused_with_what_is_right(store) -> None:
    for cursor in ("page2", "am9iIHg=", "é", "cGFnZSAy"):
        with pytest.raises(BadRequest, match="next_cursor"):
            store.list(cursor=cursor)
    with pytest.raises(BadRequest, match="from 1 to 100"):
        store.list(limit=101)
    with pytest.raises(BadRequest, match="Known: queued"):
        store.list(status="done")


def test_an_unknown_job_offers_only_jobs_of_the_kind_that_was_asked_for(start, store) -> None:
    made = start("pass").job_id
    kind = made.rpartition("-")[0]
    with pytest.raises(UnknownName, match=made):
        store.get(f"{kind}-0123456789")
    with pytest.raises(UnknownName, match=made):
        store.get("mine")
    with pytest.raises(UnknownName) as caught:
        store.get("other-0123456789")
    assert made not in str(caught.value) and "list_jobs" in str(caught.value)


def test_totals_and_places_hold_however_long_the_queue_and_wherever_it_shrinks(
    start, running, store
) -> None:
    running(start(SLEEPER))
    made = [start("pass").job_id for _ in range(270)]
    assert store.get(made[-1]).queue_position == 270
    for job_id in (made[0], made[3], made[100]):
        store.cancel(job_id)
    places = {job.job_id: job.queue_position for job in store.list("queued", limit=100).jobs}
    assert [places[job_id] for job_id in made[:-101:-1]] == list(range(267, 167, -1))
    assert store.get(made[1]).queue_position == 1 and store.get(made[4]).queue_position == 3
    assert [store.list(status, limit=1).total for status in (None, "queued", "cancelled")] == [
        *(271, 267, 3)
    ]
    assert store.list("queued", "demo", limit=1).total == 267
    assert store.list("queued", "other", limit=1).total == 0


def test_a_table_of_an_earlier_version_keeps_its_jobs_and_gets_its_totals(
    root, start, running, finished
) -> None:
    finished(start("pass"))
    running(start(SLEEPER))
    waiting = [start("pass").job_id for _ in range(3)]
    db = sqlite3.connect(root / "jobs.sqlite3", isolation_level=None)
    for name in ("added", "removed", "moved"):
        db.execute(f"DROP TRIGGER job_{name}")
    db.execute("DROP TABLE tallies")
    db.execute("PRAGMA user_version=1")
    db.close()
    store = JobStore(root)
    assert store.list(limit=1).total == 5 and store.list("succeeded").total == 1
    assert [store.get(job_id).queue_position for job_id in waiting] == [1, 2, 3]
    store.cancel(waiting[0])
    assert store.get(waiting[1]).queue_position == 1 and store.list("queued").total == 2

"""Lists go by pages, newest first."""

import pytest

from fumehood_tools.errors import BadRequest

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
        with pytest.raises(BadRequest, match="next_cursor as it came"):
            store.list(cursor=cursor)
    with pytest.raises(BadRequest, match="from 1 to 100"):
        store.list(limit=101)
    with pytest.raises(BadRequest, match="Known: queued"):
        store.list(status="done")

"""Logs are read in pages, and cannot fill the disk."""

import pytest

from fumehood_tools.errors import BadRequest

NUMBERS = "for number in range(1000): print('line', number)"


def test_the_last_lines_come_first_and_the_whole_log_by_pages(start, finished, store) -> None:
    job_id = finished(start(NUMBERS)).job_id
    last = store.read_log(job_id, limit_lines=3)
    assert last.lines == ("line 997", "line 998", "line 999") and last.next_offset is None
    read: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = store.read_log(job_id, offset=offset, limit_lines=300)
        read += page.lines
        offset = page.next_offset
    assert read == [f"line {number}" for number in range(1000)]
    assert page.size == sum(len(line) + 1 for line in read)


def test_a_running_log_can_be_followed_without_losing_or_doubling_a_line(
    start, store, eventually
) -> None:
    code = """if True:
        import os, time
        print("one"); print("two and", end="", flush=True)
        while not os.path.exists("go"): time.sleep(0.01)
        print(" a half"); print("three")
    """
    job = start(code)
    eventually(lambda: store.read_log(job.job_id).lines == ("one", "two and"))
    first = store.read_log(job.job_id, offset=0)
    assert first.next_offset == len("one\n")  # the incomplete line will be returned again
    (store.folder(job.job_id) / "go").touch()
    eventually(lambda: store.get(job.job_id).status == "succeeded")
    rest = store.read_log(job.job_id, offset=first.next_offset)
    assert (rest.lines, rest.next_offset) == (("two and a half", "three"), None)


def test_a_filter_keeps_matching_lines_from_the_end_or_from_an_offset(
    start, finished, store
) -> None:
    job_id = finished(start(NUMBERS)).job_id
    assert store.read_log(job_id, limit_lines=2, contains="5").lines == ("line 985", "line 995")
    page = store.read_log(job_id, offset=0, limit_lines=2, contains="5")
    assert page.lines == ("line 5", "line 15")
    again = store.read_log(job_id, offset=page.next_offset, limit_lines=1, contains="5")
    assert again.lines == ("line 25",)


def test_bars_collapse_long_lines_are_cut_and_foreign_bytes_replaced(
    start, finished, store
) -> None:
    code = r"""if True:
        import sys
        out = sys.stdout.buffer
        out.write(b"".join(b"\r%d%%" % n for n in range(101)) + b"\n")
        out.write(b"\r".join(b"bar %06d" % n for n in range(50_000)) + b"\r\n")
        out.write(b"x" * 5000 + b"\n" + b"\xff\xfe ok\r\n\nend")
    """
    page = store.read_log(finished(start(code)).job_id)
    assert page.lines[:2] == ("100%", "bar 049999")
    assert page.lines[2] == "x" * 2000 + " … [3000 more]" and page.cut_lines == 1
    assert page.lines[3:] == ("�� ok", "", "end")


def test_a_log_from_the_middle_of_the_worker_s_silence_is_empty(start, running, store) -> None:
    running(start("print('ready', flush=True); import time; time.sleep(300)"))
    waiting = start("pass")
    page = store.read_log(waiting.job_id)
    assert (page.lines, page.size, page.next_offset) == ((), 0, 0)


def test_offsets_and_limits_that_cannot_be_right_are_refused(start, finished, store) -> None:
    job_id = finished(start("print('four')")).job_id
    for options in ({"offset": -1}, {"offset": 6}, {"limit_lines": 0}, {"limit_lines": 5000}):
        with pytest.raises(BadRequest):
            store.read_log(job_id, **options)
    assert store.read_log(job_id, offset=5).lines == ()


def test_a_flood_is_capped_and_its_end_kept(start, finished, store) -> None:
    code = """if True:
        import sys
        line = b"y" * 1023 + b"\\n"
        for _ in range(100): sys.stdout.buffer.write(line * 1024)
        raise SystemExit("the last words")
    """
    done = finished(start(code), timeout=30)
    page = store.read_log(done.job_id, limit_lines=1)
    assert 64 * 2**20 <= page.size < 64.2 * 2**20
    assert done.status == "failed" and page.lines == ("the last words",)
    notes = store.read_log(done.job_id, contains="[fumehood: ").lines
    assert len(notes) == 2 and "this log is full" in notes[0] and "bytes dropped" in notes[1]


def test_an_endless_flood_can_still_be_cancelled(start, store, finished, eventually) -> None:
    job = start("while True: print('y' * 1000)")
    eventually(lambda: store.read_log(job.job_id).size > 2**20)
    store.cancel(job.job_id)
    assert finished(job, timeout=10).status == "cancelled"

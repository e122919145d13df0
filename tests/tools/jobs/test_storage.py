"""With a damaged table, a full disk, a newer table or many threads, errors are typed and no job is
lost."""

import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import fumehood_tools
from fumehood_tools.errors import StorageFailed
from fumehood_tools.jobs import JobStore

HOME = str(Path(fumehood_tools.__file__).parents[1])
IN_A_SMALL_DISK = 'mkdir -p "$1" && mount -t tmpfs -o size=40m none "$1" && exec "$2" -c "$3" "$1"'
FULL = """
import sys
from pathlib import Path
from fumehood_tools.errors import StorageFailed
from fumehood_tools.jobs import JobStore
root = Path(sys.argv[1])
store = JobStore(root)

def run(code):
    job = store.submit("demo", [sys.executable, "-c", code], title="t")
    while (job := store.get(job.job_id)).finished is None: pass
    return job

flooded = run("for n in range(60): print('y' * 2**20)")
print(flooded.status, store.read_log(flooded.job_id).size < 30 * 2**20)
(root / "jobs" / flooded.job_id / "output.log").unlink()
with open(root / "filler", "wb", buffering=0) as filler:
    for size in (2**20, 2**12, 1):
        try:
            while True: filler.write(b"z" * size)
        except OSError: pass
try:
    for _ in range(50): store.submit("demo", ["true"], title="t")
except StorageFailed as error: print(error)
(root / "filler").unlink()
print(run("pass").status)
"""


def test_a_damaged_table_is_named_with_what_to_do(root, start, finished) -> None:
    finished(start("pass"))
    damaged = root.parent / "damaged"
    damaged.mkdir()
    (damaged / "jobs.sqlite3").write_bytes(b"not a database " * 1000)
    with pytest.raises(StorageFailed, match=f"{damaged}/jobs.sqlite3 is damaged. Move it away"):
        JobStore(damaged)


def test_a_table_damaged_inside_is_named_too(root, start, finished) -> None:
    done = finished(start("pass"))
    copy = root.parent / "copy"
    with sqlite3.connect(root / "jobs.sqlite3") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    raw = bytearray((copy / "jobs.sqlite3").read_bytes())
    raw[4096:] = os.urandom(len(raw) - 4096)
    (copy / "jobs.sqlite3").write_bytes(raw)
    with pytest.raises(StorageFailed, match="is damaged"):
        JobStore(copy).get(done.job_id)


def test_a_table_of_a_newer_version_is_left_alone(root, store) -> None:
    db = sqlite3.connect(root / "jobs.sqlite3")
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(StorageFailed, match="newer fumehood.*Upgrade"):
        JobStore(root)
    shutil.rmtree(root)


def test_a_workspace_that_cannot_be_written_says_so(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="Check the path"):
        JobStore(tmp_path / "file" / "state")


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small tmpfs in a namespace")
def test_a_full_disk_is_told_and_work_goes_on_once_there_is_room(tmp_path) -> None:
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    disk = str(tmp_path / "disk")
    probe = [*namespace, "mount", "-t", "tmpfs", "none", str(tmp_path)]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("no user namespaces: cannot make a small disk here")
    done = subprocess.run(
        [*namespace, "sh", "-c", IN_A_SMALL_DISK, "sh", disk, sys.executable, FULL],
        env={**os.environ, "PYTHONPATH": HOME},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout.splitlines()
    assert [said[0], said[-1]] == ["succeeded True", "succeeded"], done.stderr
    assert len(said) == 3 and said[1].startswith("The disk is full: "), said
    assert "Free some disk space" in said[1]


def test_many_threads_and_stores_share_one_table(root, eventually) -> None:
    stores = [JobStore(root, slots={"cpu": 2}) for _ in range(2)]

    def work(store: JobStore) -> int:
        job = store.submit("demo", ["true"], title="t")
        return max(store.list().total for _ in range(20) if store.get(job.job_id))

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(work, stores * 3))
    eventually(lambda: stores[0].list(status="succeeded").total == 6)


def test_several_processes_may_make_the_table_at_once(root) -> None:
    code = "import sys; from fumehood_tools.jobs import JobStore; JobStore(sys.argv[1]).list()"
    env = {**os.environ, "PYTHONPATH": HOME}
    command = [sys.executable, "-c", code, str(root)]
    processes = [subprocess.Popen(command, env=env) for _ in range(4)]
    assert [process.wait(30) for process in processes] == [0, 0, 0, 0]

"""Keys of a run on pods, searched for wherever they have no business."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
from fakes.pod_runs import box, ended, log_of, start_on_pods
from fakes.runpod import NEEDS_PODS, RunPod

from fumehood_tools.jobs import JobStore
from fumehood_tools.pods.ssh import ClientKey
from fumehood_tools.pods.ssh.keys import KEY_FILE
from fumehood_tools.settings import Settings

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS),
]
HF_TOKEN = "hf_" + "canaryCanaryCANARYcanaryCanary0123"
POD_KEY = re.compile(rb"RUNPOD_API_KEY=(\w+)")
MOST_BYTES = 64 << 20


class Search:
    """Looks for keys in lists of processes and on the disks of pods, again and again."""

    def __init__(self, cloud: RunPod, keys: dict[str, bytes]) -> None:
        self.keys, self.hits, self.looks = keys, set[str](), 0
        self.words, self.files, self.jobs = 0, 0, 0
        self._cloud, self._over = cloud, Event()
        self._thread = Thread(target=self._look_again)

    def __enter__(self) -> "Search":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look_again(self) -> None:
        while not self._over.wait(0.1):
            self.looks += 1
            for pod in self._cloud.pods().values():
                self._learn(pod.pid)
                for path in files_below(pod.folder):
                    self.files += 1
                    self._search(f"disk of a pod: {path.name}", content_of(path))
            for process in psutil.process_iter():
                self.words += 1
                line = content_of(Path(f"/proc/{process.pid}/cmdline"))
                self._search("a list of processes", line)
                if b"fumehood_tools.runs.remote.trainer" in line:
                    self.jobs += 1
                    environment = content_of(Path(f"/proc/{process.pid}/environ"))
                    self._search("the environment of a training", environment)

    def _learn(self, bubblewrap: int | None) -> None:
        """Find out the key that a pod got for itself."""
        if "pod" in self.keys or bubblewrap is None:
            return
        for child in children_of(bubblewrap):
            if found := POD_KEY.search(content_of(Path(f"/proc/{child}/environ"))):
                self.keys["pod"] = found[1]

    def _search(self, where: str, content: bytes) -> None:
        self.hits |= {f"{name} in {where}" for name, key in self.keys.items() if key in content}


def children_of(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def files_below(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("proc", "sys", "dev")]
        paths = (Path(top) / name for name in names)
        yield from (path for path in paths if path.is_file() and not path.is_symlink())


def content_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return b""  # it has just gone


def test_case_32_no_key_is_in_a_log_a_table_a_result_a_list_of_processes_or_on_a_pod(
    pod_settings: Settings, cloud: RunPod, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", HF_TOKEN)
    # Of its five lines of base64, the fourth holds nothing of the public key.
    own = ClientKey(pod_settings.state).private().splitlines()[4]
    keys = {"account": cloud.key.encode(), "HF_TOKEN": HF_TOKEN.encode(), "ssh": own}
    place = box(pod_settings, "there")
    with Search(cloud, keys) as search:
        job = start_on_pods(pod_settings, store, place, ("topk", "gated"), (0,), hours=1)
        done = ended(store, job)
    assert done.status == "succeeded", log_of(store, job)
    assert not search.hits and "pod" in search.keys
    assert min(search.looks, search.words, search.files, search.jobs) > 10
    found, searched = set[tuple[str, str]](), 0
    for path in files_below(pod_settings.workspace):
        content, searched = content_of(path), searched + 1
        found |= {(name, path.name) for name, key in search.keys.items() if key in content}
    # So the search finds what is there.
    assert found == {("ssh", KEY_FILE)}
    named = {path.name for path in files_below(pod_settings.workspace)}
    assert {"reaper.log", "jobs.sqlite3", "output.log", "rental.json", "score.json"} <= named
    print(f"{search.looks} looks, {search.files} files of pods, {search.words} command lines")
    print(f"{search.jobs} environments of trainings, {searched} files of the workspace")

"""A machine whose scorer is written down beforehand, reached by a real sshd, run by our agent."""

import json
import shutil
import sys
from pathlib import Path

from fakes.loopback_ssh import LoopbackSsh
from fakes.rented_pods import GPU
from fumehood_tools.pods.agent import Agent
from fumehood_tools.pods.ssh import ClientKey, HostKeys, Machine
from fumehood_tools.records.scores import RentedPlace
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.remote.preparing import end_job
from fumehood_tools.runs.remote.scoring_messages import Evaluator

PYTHON = """\
#!/bin/sh
case "$*" in
  "-I -S "*) exec {python} "$@" ;;
  *choose_level*) cat {folder}/level ;;
  *scoring_server*) exec {python} -I -S {folder}/score.py "$4" ;;
esac
"""
SCORE = """\
import glob, hashlib, json, os, sys, time
folder = sys.argv[1]
code = json.load(open({code!r}))
where = {{"machine": "a pod", "device": "cpu", "threads": 1, "versions": {{}}}}
where["glass"] = "bubblewrap"
METRICS = {{"l0": 3.0, "explained_variance": 0.5}}
def write(path, content):
    with open(path + ".part", "wb") as file:
        file.write(content)
    os.rename(path + ".part", path)
def ready(**more):
    write("ready.json", json.dumps({{"code": code, **more}}).encode())
def asked():
    while True:
        for path in glob.glob(folder + "/asked/*/request.json"):
            return os.path.basename(os.path.dirname(path)), json.load(open(path))
        time.sleep(0.05)
def score(sent, **more):
    weights = sent["files"][sent["request"]["weights"]]
    told = {{"name": sent["request"]["name"], "metrics": METRICS, "where": where}}
    return {{**told, "weights_sha256": weights, "seconds": 1.0, **more}}
def done(key, answer, files=(), **more):
    place = folder + "/done/" + key
    os.makedirs(place + ".made")
    for name in files:
        write(place + ".made/" + name, name.encode())
    told = {{"request": key, "code": code, "answer": answer, **more}}
    write(place + ".made/answer.json", json.dumps(told).encode())
    os.rename(place + ".made", place)
def stay():
    time.sleep(600)
"""
HONEST = "ready(); key, sent = asked(); done(key, score(sent)); stay()"


class ScriptedScorer:
    """One such pod, and the place where it is. losses: why it was released; opened: how often.

    host: its name, once it is a host of the user's; None: it is rented.
    """

    key = "a place"

    def __init__(self, sshd: LoopbackSsh, folder: Path, state: Path, name: str) -> None:
        """folder: for everything that is put there. state: the workspace's .fumehood."""
        folder.mkdir()
        self.folder, self.name = folder, f"pod {name}"
        self._python = folder / "python3"
        self._python.write_text(PYTHON.format(python=sys.executable, folder=folder), "utf-8")
        self._python.chmod(0o755)
        code = Evaluator.here().model_dump(mode="json")
        (folder / "code.json").write_text(json.dumps(code), encoding="utf-8")
        self.has_glass("landlock")
        self.scores(HONEST)
        known = HostKeys(state)
        self.machine = Machine(name, sshd.address, ClientKey(state), known, patience_s=20)
        self.host: str | None = None
        self.losses: list[str] = []
        self.opened = 0

    @property
    def jobs(self) -> list[str]:
        """The jobs that the agent knows."""
        return sorted(path.name for path in (self.folder / "root" / "jobs").glob("*"))

    def has_glass(self, level: str) -> None:
        """Have it say that variants have this glass there."""
        (self.folder / "level").write_text(level, "utf-8")

    def scores(self, program: str) -> None:
        """Have it score like this. The program knows `ready`, `asked`, `score`, `done`, `stay`."""
        text = SCORE.format(code=str(self.folder / "code.json")) + program
        (self.folder / "score.py").write_text(text, "utf-8")

    @property
    def agent(self) -> Agent:
        """Its agent, whose folder is `root`."""
        return Agent(self.machine, str(self.folder / "root"), str(self._python))

    def open(self) -> OpenPlace:
        """See RemotePlace."""
        self.opened += 1
        agent = self.agent
        agent.install()
        price = {"quoted_usd_per_hour": 1.0, "price_usd_per_hour": 3.6}
        about = {"intent": "i", "pod_id": self.machine.id, "gpu": GPU, "gpu_count": 1}
        place = None if self.host else RentedPlace.model_validate({**about, **price})
        return OpenPlace(agent, None, 1, str(self._python), place, host=self.host)

    def look(self) -> None:
        """See RemotePlace."""

    def release(self, why: str) -> None:
        """See RemotePlace. The next pod of this place has an empty disk; a host stays as it is."""
        self.losses.append(why)
        if self.host:
            return
        for job in self.jobs:
            end_job(self.agent, job)
        shutil.rmtree(self.folder / "root", ignore_errors=True)

"""Activations that are harvested on a machine that trains, and stay there.

Worth it where the subject is large: it needs not be downloaded here, nor fit here, and the training
split, which is most of the data, never comes here. What comes back, checked by sha256, is what
scoring needs: manifest, tokens, the evaluation shards, the first training shard and the probing
artifacts. They are in the cache, in activations-elsewhere/<digest of the request>.

Trusted work comes before untrusted: a rented pod on which a variant may have run never harvests.
Afterwards the shards are known by their sha256, so that they are believed also on machines that
have trained: each machine has them from a harvest of its own, or from another pod.
"""

import functools
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from fumehood_tools.errors import FumehoodError, RunFailed, StorageFailed
from fumehood_tools.files import digest_of, read_json, write_json
from fumehood_tools.glass import take_json
from fumehood_tools.harvest import Activations, Probing
from fumehood_tools.jobs import Progress
from fumehood_tools.machine import RealDtype, best_threads
from fumehood_tools.pods.agent import JobSpec, JobStatus, collect
from fumehood_tools.pods.agent.specs import RemoteFile
from fumehood_tools.pods.ssh import SshFailed, upload
from fumehood_tools.runs.harvesting import HARVEST_PATIENCE_S, Harvest, check_same_rows
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.remote.bringing import early_end, error_there, not_installed
from fumehood_tools.runs.remote.copying import copy_split
from fumehood_tools.runs.remote.glass_there import GlassThere
from fumehood_tools.runs.remote.harvest_checks import (
    check_identity,
    check_tensors,
    harvest_packages,
    read_there,
    request_of,
    split_at,
)
from fumehood_tools.runs.remote.messages import (
    ANSWER_BYTES,
    ANSWER_FILE,
    DATA,
    OF_ACTIVATIONS,
    OF_PROBING,
    OF_TARGETS,
    OUT,
    HarvestAnswer,
    in_working_folder,
    split_folder,
)
from fumehood_tools.runs.remote.places import OpenPlace, RemotePlace
from fumehood_tools.runs.remote.preparing import (
    forget_job,
    installing,
    send_code,
    started,
    status_of,
)
from fumehood_tools.runs.remote.shards import TrainingShards
from fumehood_tools.runs.remote.splits import RunThere
from fumehood_tools.runs.targets import PlaceLost
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.wings.table import POD_HARVEST

HARVESTER = "fumehood_tools.runs.remote.harvester"
KNOWN_FILE = "known.json"
POLL_SECONDS, LOOK_SECONDS = 1.0, 20.0
MOST_OPENINGS = 3


class KnownHarvest(BaseModel, frozen=True):
    """What is known here of a harvest elsewhere. split: its shards, wherever they are."""

    activations: str
    targets: str | None = None
    probing: str | None
    device: str
    dtype: RealDtype
    split: tuple[RemoteFile, ...]

    def has_bytes_of(self, other: "KnownHarvest") -> bool:
        """Whether the training split is the same, byte for byte."""
        return self.shards == other.shards

    @property
    def shards(self) -> set[tuple[str, str]]:
        """The names of the training shards, each with its sha256."""
        return {(file.path, file.sha256) for file in self.split}


class HarvestThere:
    """The data of one run, harvested at one of its places. See Split and HarvestData."""

    def __init__(
        self, places: Sequence[RemotePlace], spec: SandboxSpec, settings: Settings
    ) -> None:
        """places: those that may harvest, in the order in which they are asked."""
        self._places, self._spec, self._settings = places, spec, settings
        self._glass = GlassThere(settings.state)
        self._request = request_of(spec, settings)
        self._key = digest_of(self._request)
        self._folder = settings.cache / "activations-elsewhere" / self._key
        self._known: KnownHarvest | None = None
        self._holders: dict[str, OpenPlace] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the training shards, in order. Only after the harvest."""
        return self._shards().input_names

    @property
    def target_names(self) -> tuple[str, ...]:
        """The same of what is predicted, where it is another site."""
        return self._shards().target_names

    def harvest(
        self,
        spec: SandboxSpec,
        settings: Settings,
        folder: Path,
        on_progress: Callable[[Progress], None] = lambda _: None,
        prints: IO[bytes] | None = None,
    ) -> Harvest:
        """Return the data, harvested at the first place that can do it; see runs.harvesting.

        Raises RunFailed if none can, and the errors of the harvest.
        """
        self._known = self._read()
        if self._known is None:
            self._harvest_somewhere(on_progress)
        known = self._harvested()
        activations, targets = self._brought(known.targets is not None)
        probing = None
        if known.probing is not None:
            tasks, place = spec.scoring.probing_tasks, self._folder / OF_PROBING
            probing = Probing(digest=known.probing, folder=place, tasks=tasks)
        dtype = known.dtype if settings.dtype == "auto" else settings.dtype
        threads = best_threads(settings.cache)
        return Harvest(activations, probing, known.device, dtype, threads, targets)

    def bring(self, opened: OpenPlace, folder: str, run: RunThere) -> None:
        """See Split: the shards are there, or come from another pod, or are harvested anew."""
        if not self._is_complete(opened, folder):
            # Neither a copy that was cut nor other bytes may be taken for the shards.
            _remove(opened, folder)
            self._fetch(opened, folder, run)
        with self._lock:
            self._holders[opened.agent.machine.id] = opened

    def _fetch(self, opened: OpenPlace, folder: str, run: RunThere) -> None:
        while True:
            with self._lock:
                holder = self._holder_for(opened)
                if holder is None:
                    self._harvest_again(opened, run)
                    return
            try:
                names = (*self.names, *self.target_names)
                copy_split(holder, opened, folder, names, run)
                if self._is_complete(opened, folder):
                    return
                told = "other bytes than those of the harvest arrived"
            except (SshFailed, PlaceLost, RunFailed) as error:
                told = str(error)
            # This raises if it is this machine that went away.
            _remove(opened, folder)
            log(
                "harvest",
                opened.agent.machine.id,
                f"no copy from {holder.agent.machine.id}: {told}",
            )
            with self._lock:
                self._holders.pop(holder.agent.machine.id, None)

    def _holder_for(self, opened: OpenPlace) -> OpenPlace | None:
        """Return a pod from which another one can copy. Hosts of the user's never let others in."""
        if opened.rented is None:
            return None
        return next((one for one in self._holders.values() if one.rented is not None), None)

    def _brought(self, has_targets: bool) -> tuple[Activations, Activations | None]:
        """Return what is here of what is read, and of what is predicted, if that is another site.

        Raises StorageFailed if a file is missing, damaged, or of other tokens than the others.
        """
        activations = read_there(self._folder / OF_ACTIVATIONS)
        if not has_targets:
            return activations, None
        targets = read_there(self._folder / OF_TARGETS)
        check_same_rows(activations, targets)
        return activations, targets

    def _shards(self) -> TrainingShards:
        return TrainingShards.of_sites(*self._brought(self._harvested().targets is not None))

    def _harvested(self) -> KnownHarvest:
        assert self._known is not None, "harvest comes first"
        return self._known

    def _read(self) -> KnownHarvest | None:
        try:
            known = KnownHarvest.model_validate(read_json(self._folder / KNOWN_FILE))
            self._brought(known.targets is not None)
            return known
        except (StorageFailed, ValidationError):
            return None

    def _harvest_somewhere(self, on_progress: Callable[[Progress], None]) -> None:
        told = "there is none"
        for place in self._places:
            for _ in range(MOST_OPENINGS):
                opened = place.open()
                try:
                    if not self._may_harvest(opened):
                        told = f"variants may have run on {place.name} before"
                        break
                    run = functools.partial(_run, place, opened)
                    code = self._prepared(opened, place.name, run)
                    on_progress(_note(place.name))
                    self._known = self._harvest_on(opened, code, run)
                    self._holders[opened.agent.machine.id] = opened
                    log("harvest", place.name, "data are there, and what scoring needs is here")
                    return
                except (PlaceLost, SshFailed) as error:
                    told = str(error)
                    log("harvest", place.name, f"lost: {error}")
                    place.release(told)
                finally:
                    opened.agent.machine.close()
        raise RunFailed(
            f"No machine could harvest: {told}. End kept pods, or set FUMEHOOD_POD_HARVEST=here to "
            "harvest on this machine."
        )

    def _may_harvest(self, opened: OpenPlace) -> bool:
        seen = self._glass.seen(opened.agent.machine.id)
        # A host of the user's is trusted as this machine is, if its glass keeps variants in.
        return seen is None or (opened.rented is None and seen != "rlimits")

    def _prepared(self, opened: OpenPlace, name: str, run: RunThere) -> str:
        code = send_code(opened)
        spec = installing(opened, name, code, harvest_packages(self._spec))
        if run(spec).state != "succeeded":
            raise not_installed(opened, name, spec.job)
        forget_job(opened.agent, spec.job)
        return code.folder

    def _harvest_on(self, opened: OpenPlace, code: str, run: RunThere) -> KnownHarvest:
        """Harvest on a machine, and bring what scoring needs. Raises why it failed there."""
        agent, job = opened.agent, f"harvest-{self._key[:40]}"
        there = f"{agent.root}/orders/{job}.json"
        with tempfile.TemporaryDirectory(prefix="fumehood-harvest-") as folder:
            file = Path(folder) / "request.json"
            write_json(file, self._request)
            upload(agent.machine, file, there)
        words = (there, f"{agent.root}/{DATA}", f"{agent.root}/harvested")
        status = run(
            JobSpec(
                job=job,
                argv=(opened.python, "-P", "-m", HARVESTER, *words),
                env={"PYTHONPATH": code},
                timeout_s=HARVEST_PATIENCE_S,
                purpose="own",
            )
        )
        if status.state != "succeeded":
            raise early_end("the harvest", agent.machine.id, opened, job, status)
        collect(agent, in_working_folder(job, OUT), self._folder)
        answer = self._answer(opened)
        forget_job(agent, job)
        check_identity(self._spec, self._settings, answer)
        check_tensors((self._folder / OF_PROBING).glob("*.pt"))
        activations, targets = self._brought(answer.targets is not None)
        shards = TrainingShards.of_sites(activations, targets)
        known = KnownHarvest(
            activations=answer.activations,
            targets=answer.targets,
            probing=answer.probing,
            device=answer.device,
            dtype=answer.dtype,
            split=split_at(opened, f"{DATA}/{split_folder(activations.digest)}", shards),
        )
        write_json(self._folder / KNOWN_FILE, known.model_dump(mode="json"))
        return known

    def _answer(self, opened: OpenPlace) -> HarvestAnswer:
        try:
            answer = HarvestAnswer.model_validate(
                take_json(self._folder, ANSWER_FILE, ANSWER_BYTES)
            )
        except ValidationError as error:
            raise RunFailed("The answer of a harvest elsewhere has no valid form.") from error
        if answer.error is not None:
            name = opened.agent.machine.id
            raise error_there(answer.error, name, opened, POD_HARVEST.variable)
        return answer

    def _harvest_again(self, opened: OpenPlace, run: RunThere) -> None:
        """Harvest on another machine, because there is none from which it can have the shards."""
        if not self._may_harvest(opened):
            raise RunFailed(
                "No machine with the training split is left, and variants may have run on this "
                "one. Start the same run again: a new machine harvests."
            )
        before, name = self._harvested(), opened.agent.machine.id
        log("harvest", name, "harvests again: no other machine has the data for it")
        code = self._prepared(opened, name, run)
        if not self._harvest_on(opened, code, run).has_bytes_of(before):
            write_json(self._folder / KNOWN_FILE, before.model_dump(mode="json"))
            raise RunFailed(
                "The same harvest gave other bytes on another machine, and results on both would "
                "not be comparable. Rent the kind of GPU that was used first, or delete "
                f"activations-elsewhere/{self._key} in the cache to start anew."
            )

    def _is_complete(self, opened: OpenPlace, folder: str) -> bool:
        try:
            there = split_at(opened, folder, self._shards())
        except FumehoodError:
            return False
        return {(file.path, file.sha256) for file in there} == self._harvested().shards


def _remove(opened: OpenPlace, folder: str) -> None:
    words = ["rm", "-rf", "--", f"{opened.agent.root}/{folder}"]
    opened.agent.machine.again(lambda shell: shell.check(words))


def _note(name: str) -> Progress:
    return Progress(done=0, total=0, phase="activations", message=f"Harvesting on {name}")


def _run(place: RemotePlace, opened: OpenPlace, spec: JobSpec) -> JobStatus:
    """Run a job at a place that is looked after meanwhile; return its status at the end."""
    status, looked = started(opened.agent, spec), time.monotonic()
    while not status.is_over:
        time.sleep(POLL_SECONDS)
        if time.monotonic() - looked > LOOK_SECONDS:
            place.look()
            looked = time.monotonic()
        status = status_of(opened.agent, spec.job, place.name)
    return status

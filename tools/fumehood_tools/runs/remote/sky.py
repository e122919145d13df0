"""Training through SkyPilot: on clouds, Kubernetes and Slurm clusters. See runs.targets.Target.

The orders that a run gives at one time become one managed job, whose nodes share them. A thread
does all that takes time (sky_worker.py). What the jobs cost is not known here: SkyPilot says it
(`sky cost-report`), and the request limits only the minutes of each job.
"""

import shlex

from fumehood_tools.pods.sky import SkyCommand
from fumehood_tools.pods.sky.bucket import Bucket
from fumehood_tools.pods.wanted import SkyWanted
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.remote.shards import TrainingShards
from fumehood_tools.runs.remote.sky_batch import SkyJournal
from fumehood_tools.runs.remote.sky_worker import POLL_SECONDS, Site, SkyWorker
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.targets import PlaceLost, RunSite
from fumehood_tools.wings.table import SKY

MOST_AT_ONCE = 256
"""Orders of one batch: the nodes of a job train them one after the other."""
END_SECONDS = 600.0
"""For jobs to be canceled at the end of a run."""


class SkyTarget:
    """Trains in managed jobs of SkyPilot. None is launched before the first order."""

    def __init__(
        self, site: RunSite, wanted: SkyWanted, poll_seconds: float = POLL_SECONDS
    ) -> None:
        """Raises PartMissing if the `sky` command, or what reads the bucket, is not installed."""
        self.device = "cpu" if wanted.gpu is None else "cuda"
        self.arithmetic: str = site.found.arithmetic
        command = SkyCommand(shlex.split(site.settings.of(SKY)))
        command.check()
        self._scratch = site.scratch
        self._given: list[RemoteTrainee] = []
        self._open: list[RemoteTrainee] = []
        self._worker = SkyWorker(
            Site(
                command,
                Bucket(wanted.bucket),
                wanted,
                SkyJournal(site.settings.state),
                site.scratch,
                TrainingShards.of(site.found),
            ),
            poll_seconds,
        )
        self._worker.start()

    def places(self) -> int:
        """Return how many orders are taken at once. Raises why there will be no more."""
        if self._worker.failure is not None:
            raise self._worker.failure
        return MOST_AT_ONCE

    def start(self, order: TrainingOrder) -> RemoteTrainee:
        """Take an order; `tend` hands over all that were taken since, as one batch."""
        folder = self._scratch / f"{order.variant}-{order.digest}"
        trainee = RemoteTrainee(order, folder)
        self._given.append(trainee)
        self._open.append(trainee)
        return trainee

    def tend(self) -> None:
        """Hand over a batch; give up the orders that nobody is left to serve."""
        given, self._given = self._given, []
        if given:
            self._worker.orders.put(given)
        self._open = [one for one in self._open if not one.has_ended]
        failure = self._worker.failure
        if failure is not None:
            for one in self._open:
                one.lose(PlaceLost("SkyPilot", str(failure)))

    def close(self) -> None:
        """Cancel the jobs that still run. What kept one from ending is logged."""
        self._worker.stop()
        self._worker.join(END_SECONDS)

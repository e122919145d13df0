"""All places of a run together, as the run sees them: see runs.targets.Target."""

from collections.abc import Sequence

from fumehood_tools.errors import BadRequest
from fumehood_tools.runs.orders import TrainingOrder
from fumehood_tools.runs.remote.book import OrderBook
from fumehood_tools.runs.remote.glass_there import GlassThere
from fumehood_tools.runs.remote.places import RemotePlace
from fumehood_tools.runs.remote.serving import Server
from fumehood_tools.runs.remote.shards import TrainingShards
from fumehood_tools.runs.remote.splits import Split, SplitHere
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.runs.targets import PlaceLost, RunSite

END_SECONDS = 600.0
"""For all places to be given back. Ending a pod is repeated until the provider confirms it."""


class RemoteTarget:
    """Trains on other machines. None is opened before the first order."""

    def __init__(
        self,
        site: RunSite,
        places: Sequence[RemotePlace],
        device: str,
        split: Split | None = None,
    ) -> None:
        """device: what their trainings compute on, cpu or cuda. split: None: it is here."""
        if not places:
            raise BadRequest("There is no machine to train on. Name at least one.")
        self.device, self.arithmetic = device, site.found.arithmetic
        self._scratch = site.scratch
        self._orders = OrderBook(site.settings.state, [place.key for place in places])
        self._waiting: list[RemoteTrainee] = []
        glass = GlassThere(site.settings.state)
        split = split or SplitHere(TrainingShards.of(site.found))
        self._servers = [Server(place, self._orders, split, glass) for place in places]
        for server in self._servers:
            server.start()

    def places(self) -> int:
        """Return how many places still serve.

        If none does, raises why, as soon as what was trained before has been taken.
        """
        failures = [server.failure for server in self._servers if server.failure is not None]
        serving = len(self._servers) - len(failures)
        if not serving and not any(one.is_trained for one in self._waiting):
            raise failures[0]
        return serving

    def start(self, order: TrainingOrder) -> RemoteTrainee:
        """Take an order; the next free place serves it."""
        trainee = RemoteTrainee(order, self._scratch / f"{order.variant}-{order.digest[:16]}")
        self._orders.put(trainee)
        self._waiting.append(trainee)
        return trainee

    def tend(self) -> None:
        """Give up the orders that nobody is left to serve."""
        self._waiting = [one for one in self._waiting if not one.has_ended]
        if all(server.failure is not None for server in self._servers):
            for one in self._waiting:
                one.lose(PlaceLost(self._servers[-1].place.name, "no machine is left"))

    def close(self) -> None:
        """Cancel all trainings and give back all places. What kept one from ending is logged."""
        for server in self._servers:
            server.stop()
        for server in self._servers:
            server.join(END_SECONDS)

"""Places on rented pods. Each is rented at its first order and ended when nothing is left to do.

Its record, with the quote, the price, the cost and the proof that it has ended, is signed and kept
in rentals/<intent> of the workspace; the scores of what was trained there name it.
"""

import functools
from collections.abc import Callable, Sequence

from fumehood_tools.errors import FumehoodError
from fumehood_tools.pods.agent import Agent
from fumehood_tools.pods.api import Pod, PodsFailed
from fumehood_tools.pods.keeping import keep_record
from fumehood_tools.pods.rentals import (
    Caps,
    Desk,
    Life,
    Rental,
    Wish,
    end_rental,
    look_at,
    reconciled,
    rent,
)
from fumehood_tools.pods.rentals.model import Step
from fumehood_tools.pods.ssh import ClientKey, HostKeys, Machine, SshFailed, fingerprints_in
from fumehood_tools.records.scores import RentedPlace
from fumehood_tools.runs.log_lines import log
from fumehood_tools.runs.remote.glass_there import GlassThere
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.runs.targets import PlaceLost
from fumehood_tools.settings import Settings

PYTHON = "python3"
TRAINING, SCORING = "training", "scoring"
"""What a pod is for, as its journal says it. One for scoring harvests too, and never trains."""
HIDDEN = ("/root",)


class PodPlace:
    """One pod. See RemotePlace."""

    def __init__(self, desk: Desk, settings: Settings, wish: Wish, use: str = TRAINING) -> None:
        """use: TRAINING, or SCORING: then a pod that was ever used otherwise is not opened."""
        self.name = wish.place
        self._use = use
        self._desk, self._settings, self._wish = desk, settings, wish
        self._rental: Rental | None = None
        self._agent: Agent | None = None

    @property
    def key(self) -> str:
        """See RemotePlace."""
        return self._wish.place

    def wish_for(self, purpose: str) -> Wish:
        """Return the wish for another pod like this one."""
        return self._wish.model_copy(update={"place": f"{self._wish.place} {purpose}"})

    def open(self) -> OpenPlace:
        """Rent the pod, or take over the one that is there, and log in. Takes minutes.

        Raises what `rent` raises, and SshFailed.
        """
        rental, pod = rent(self._desk, self._wish)
        self._rental = rental
        self.name = f"pod {pod.id} ({rental.gpu})"
        try:
            if self._use == SCORING:
                check_past(self.name, self._desk.journal.steps(rental.intent))
            # Of this pod, also when the place has another one.
            see = functools.partial(life_left, self._desk, rental, self._wish.caps, self.name)
            self._agent = agent = log_in(self._desk, pod, see)
            endpoints, life = self._settings.endpoints, self._wish.watchdog
            addresses = endpoints["runpod_v2"], endpoints["runpod_graphql"]
            agent.arm_watchdog(life.lease_s, life.max_s, *addresses)
            self._desk.journal.move(rental, "busy", self._use)
        except FumehoodError as error:
            self.release(f"it could not be used: {error}")
            raise
        return OpenPlace(agent, None, 1, PYTHON, rented_place(rental, pod), HIDDEN)

    def look(self) -> None:
        """Renew the pod's lease, write down what it has cost, and see that it may go on."""
        assert self._agent is not None
        renew(self._agent, self._life_left().lease_s, self.name)

    def release(self, why: str) -> None:
        """End the pod, verified, and write its record. Raises StillBilling, InDoubt."""
        agent, self._agent = self._agent, None
        if agent is not None:
            agent.machine.close()
        rental, self._rental = self._rental, None
        if rental is None:
            return
        ended = end_with_record(self._desk, self._settings, rental.intent, why)
        log("place", self.name, f"ended, after ${ended.cost_usd:.4f}: {why}")

    def _life_left(self) -> Life:
        assert self._rental is not None
        return life_left(self._desk, self._rental, self._wish.caps, self.name)


def check_past(name: str, steps: Sequence[Step]) -> None:
    """Raise PlaceLost if a variant may have run on a pod outside of scoring, by its journal.

    name: of its place. A pod that was kept, or that the journal did not know, may have run any.
    """
    odd = [
        step
        for step in steps
        if step.state in ("idle", "orphan") or (step.state == "busy" and step.told != SCORING)
    ]
    if odd:
        raise PlaceLost(
            name,
            f"scoring needs a pod that did nothing else, and this one was {odd[0].state} "
            f"({odd[0].told})",
        )


def log_in(desk: Desk, pod: Pod, see: Callable[[], object]) -> Agent:
    """Return the agent of a pod that can be reached, installed.

    see: asks the provider, whenever the link is lost, and raises if the pod is gone. Raises
    SshFailed, and what `see` raises.
    """
    assert pod.ssh is not None
    try:
        expected = fingerprints_in(line.text for line in desk.api.logs(pod.id))
    except PodsFailed:
        expected = ()
    machine = Machine(
        pod.id, pod.ssh, ClientKey(desk.state), HostKeys(desk.state), expected, see=see
    )
    agent = Agent(machine, python=PYTHON)
    agent.install()
    return agent


def life_left(desk: Desk, rental: Rental, caps: Caps, name: str) -> Life:
    """Look at a pod that serves; return for how long it may go on.

    name: of its place. Raises PlaceLost if it is gone, or has to be left now.
    """
    seen = look_at(desk, rental.intent, caps)
    if seen.must_end is not None:
        raise PlaceLost(name, seen.must_end)
    if seen.seen not in ("up", "unknown"):
        raise PlaceLost(name, f"it is {seen.seen}. {seen.told}".strip())
    return seen.life


def renew(agent: Agent, lease_s: float, name: str) -> None:
    """Say that somebody looks after a pod. Raises PlaceLost if it does not answer."""
    try:
        agent.renew_lease(lease_s)
    except SshFailed as error:
        raise PlaceLost(name, str(error)) from error


def end_with_record(desk: Desk, settings: Settings, intent: str, why: str) -> Rental:
    """End a rental, verified, and write its record. Raises StillBilling, InDoubt, RentalBusy."""
    ended = reconciled(desk, end_rental(desk, intent, why))
    if ended.pod_id is not None:
        HostKeys(desk.state).forget(ended.pod_id)
        GlassThere(desk.state).forget(ended.pod_id)
    keep_record(settings, ended)
    return ended


def rented_place(rental: Rental, pod: Pod) -> RentedPlace:
    """Return what the scores of trainings on a pod say about it."""
    return RentedPlace(
        intent=rental.intent,
        pod_id=pod.id,
        gpu=rental.gpu,
        gpu_count=rental.gpu_count,
        quoted_usd_per_hour=rental.quoted_usd_per_hour,
        price_usd_per_hour=rental.usd_per_hour,
    )

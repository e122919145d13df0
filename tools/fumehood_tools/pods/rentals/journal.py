"""The journal of rentals: one row per rental, and every transition with its time.

A change is written before the call that it announces. Money is reserved in the same transaction
that checks the caps, so of two processes only one gets the last dollar. A rental that is not ended
counts with its reservation, or with what it has cost if that is more; an ended one with what was
measured or billed, whichever is more. A rental counts on each day (UTC) on which it is not ended.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.pods.api import Pod
from fumehood_tools.pods.rentals.clock import Clock
from fumehood_tools.pods.rentals.database import Database
from fumehood_tools.pods.rentals.failures import CapReached, RentalEnded
from fumehood_tools.pods.rentals.model import (
    ENDED,
    Caps,
    Proof,
    Rental,
    State,
    Step,
    Wish,
    disk_usd_per_hour,
)
from fumehood_tools.pods.rentals.names import PodName, new_intent
from fumehood_tools.timestamps import now

DAY_SECONDS = 86_400
ROUNDING = 1e-9
_COUNTED = "MAX(measured_usd, COALESCE(billed_usd, 0))"
_SPENT = f"COALESCE(SUM(CASE WHEN ended IS NOT NULL THEN {_COUNTED} END), 0)"
_RESERVED = "COALESCE(SUM(CASE WHEN ended IS NULL THEN MAX(reserved_usd, measured_usd) END), 0)"
_MEASURED = f"COALESCE(SUM({_COUNTED}), 0)"


class Spending(NamedTuple):
    """What a job, study or day has cost, in US dollars. measured: so far, without reservations."""

    spent: float
    reserved: float
    measured: float


class Journal:
    """The rentals of one workspace. Threads may share it; processes open one each."""

    def __init__(self, state: Path, owner: str, clock: Clock) -> None:
        """state: the workspace's .fumehood folder. Raises StorageFailed."""
        self.owner, self._clock = owner, clock
        self._db = Database(state)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def rental(self, intent: str) -> Rental:
        """Return a rental. Raises UnknownName."""
        for row in self._db.rows("SELECT * FROM rentals WHERE intent=?", intent):
            return _rental(row)
        known = [one.intent for one in self.rentals()]
        raise UnknownName("rental", intent, known, "list_pods names the pods of this workspace.")

    def rentals(self, *, ended: bool = False) -> list[Rental]:
        """Return the rentals that are not ended, oldest first; with ended=True all of them."""
        where = "1" if ended else "ended IS NULL"
        rows = self._db.rows(f"SELECT * FROM rentals WHERE {where} ORDER BY number")
        return [_rental(row) for row in rows]

    def intents(self) -> set[str]:
        """Return the intents of all rentals, also of ended ones."""
        return {row["intent"] for row in self._db.rows("SELECT intent FROM rentals")}

    def at(self, place: str) -> Rental | None:
        """Return the rental at a place that is not ended, or None."""
        query = "SELECT * FROM rentals WHERE place=? AND ended IS NULL"
        return next(map(_rental, self._db.rows(query, place)), None)

    def steps(self, intent: str) -> list[Step]:
        """Return the transitions of a rental, oldest first."""
        query = "SELECT state, time, told FROM steps WHERE intent=? ORDER BY number"
        return [Step(**dict(row)) for row in self._db.rows(query, intent)]

    def reserve(self, wish: Wish, gpu: str, quoted: float) -> Rental:
        """Write the intent to rent a pod, with its cost in reserve. Raises CapReached.

        If somebody else has just taken the place, their rental is returned.
        """
        name = PodName(self.owner, new_intent())
        disk = disk_usd_per_hour(wish.order)
        reserved = (quoted + disk) * wish.life_s / 3600
        with self._db.writing():
            if there := self.at(wish.place):
                return there
            self._check_caps(wish, reserved)
            self._db.change(
                "INSERT INTO rentals(intent, name, state, job, place, study, order_digest, gpu, "
                "gpu_count, cloud, quoted_usd_per_hour, disk_usd_per_hour, runtime_s, setup_s, "
                "reserved_usd, written) VALUES(?,?,'intent',?,?,?,?,?,?,?,?,?,?,?,?,?)",
                *(name.intent, str(name), wish.job, wish.place, wish.study, wish.digest(), gpu),
                *(wish.order.gpu_count, wish.order.cloud, quoted, disk, wish.runtime_s),
                *(wish.setup_s, reserved, now()),
            )
            self._step(name.intent, "intent", f"{gpu} at ${quoted:.4f} per hour")
        return self.rental(name.intent)

    def asking(self, rental: Rental) -> Rental:
        """Write that the provider is about to be asked to create the pod; it is billed from now."""
        clock = self._clock
        with self._unended(rental.intent):
            self._db.change(
                "UPDATE rentals SET asks=asks+1, asked_epoch=COALESCE(asked_epoch, ?), "
                "asked_ticks=COALESCE(asked_ticks, ?), boot=COALESCE(boot, ?), "
                "created=COALESCE(created, ?) WHERE intent=?",
                *(clock.epoch(), clock.ticks(), clock.boot(), now(), rental.intent),
            )
            self._step(rental.intent, "intent", f"create request {rental.asks + 1}")
        return self.rental(rental.intent)

    def created(self, rental: Rental, pod: Pod, told: str) -> Rental:
        """Write that the pod of an intent exists."""
        return self.move(
            rental, "created", told, pod_id=pod.id, price_usd_per_hour=pod.price_usd_per_hour
        )

    def move(self, rental: Rental, state: State, told: str, **facts: Any) -> Rental:
        """Write a transition, and facts by the names of Rental's fields.

        Raises RentalEnded if the rental is ended, or about to be ended and state is another one.
        """
        with self._unended(rental.intent, ending_too=state in ("terminating", *ENDED)):
            self._set(rental.intent, state=state, **facts)
            self._step(rental.intent, state, told)
        return self.rental(rental.intent)

    def ended(self, rental: Rental, state: State, told: str, proof: Proof | None) -> Rental:
        """Write that a rental is billed no more."""
        if rental.pod_id is not None:
            rental = self.accrue(rental)
        text = None if proof is None else proof.model_dump_json()
        when = {"ended": now(), "ended_epoch": self._clock.epoch()}
        return self.move(rental, state, told, proof=text, **when)

    def unmade(self, rental: Rental, why: str) -> Rental:
        """Write that an intent never became a pod, so it costs nothing."""
        rental = self.learn(rental, measured_usd=0.0, seconds=0.0, why=why)
        return self.ended(rental, "verified_gone", f"no pod was made: {why}", None)

    def learn(self, rental: Rental, **facts: Any) -> Rental:
        """Write facts by the names of Rental's fields, which change no state."""
        with self._db.writing():
            self._set(rental.intent, **facts)
        return self.rental(rental.intent)

    def still_up(self, rental: Rental) -> Rental:
        """Return the row as it is now, its age written. Raises RentalEnded if it is to be ended."""
        with self._unended(rental.intent):
            pass
        return self.accrue(rental)

    def accrue(self, rental: Rental) -> Rental:
        """Write the age of a rental and what it has cost by our clock. Neither ever decreases."""
        rental = self.rental(rental.intent)
        if rental.is_ended or rental.asked_epoch is None:
            return rental
        seconds = self.age(rental)
        usd = max(rental.measured_usd, rental.usd_for(seconds))
        return self.learn(rental, seconds=seconds, measured_usd=usd)

    def age(self, rental: Rental) -> float:
        """Return the seconds since the create request; 0 before it."""
        if rental.asked_epoch is None or rental.asked_ticks is None:
            return 0.0
        if rental.is_ended:
            return rental.seconds
        clock = self._clock
        if rental.boot == clock.boot():
            age = clock.ticks() - rental.asked_ticks
        else:
            age = clock.epoch() - rental.asked_epoch
        return max(age, rental.seconds)

    def orphan(self, pod: Pod, intent: str) -> Rental:
        """Write down a pod with our name that the journal does not know."""
        clock = self._clock
        with self._db.writing():
            self._db.change(
                "INSERT OR IGNORE INTO rentals(intent, name, state, order_digest, gpu, gpu_count, "
                "price_usd_per_hour, disk_usd_per_hour, runtime_s, setup_s, reserved_usd, asks, "
                "asked_epoch, asked_ticks, boot, pod_id, written, created) "
                "VALUES(?,?,'orphan','',?,?,?,0,0,0,0,1,?,?,?,?,?,?)",
                *(intent, pod.name, pod.gpu, pod.gpu_count, pod.price_usd_per_hour),
                *(clock.epoch(), clock.ticks(), clock.boot(), pod.id, now(), now()),
            )
            self._step(intent, "orphan", "found at the provider; the journal did not know it")
        return self.rental(intent)

    def adopt(self, rental: Rental, wish: Wish) -> Rental:
        """Give an orphan to a job, with the cost of its past and future in reserve.

        Raises CapReached; BadRequest if it is no orphan, or the place is taken.
        """
        age = self.age(rental)
        setup = age + wish.setup_s
        reserved = rental.usd_for(setup + wish.runtime_s)
        with self._db.writing():
            if self.rental(rental.intent).state != "orphan" or self.at(wish.place):
                raise BadRequest(
                    f"{rental.name} is no orphan, or another pod is at this place. See list_pods."
                )
            self._check_caps(wish, reserved - rental.measured_usd)
            self._set(
                rental.intent,
                **{"state": "created", "job": wish.job, "place": wish.place, "study": wish.study},
                **{"order_digest": wish.digest(), "runtime_s": wish.runtime_s, "setup_s": setup},
                **{"gpu_count": wish.order.gpu_count, "cloud": wish.order.cloud},
                **{"reserved_usd": reserved, "disk_usd_per_hour": disk_usd_per_hour(wish.order)},
            )
            self._step(rental.intent, "created", "an orphan, adopted")
        return self.rental(rental.intent)

    def spending(self, job: str | None = None, study: str | None = None) -> Spending:
        """Return what a job or a study has cost; without either, what today (UTC) has."""
        if job is not None:
            return self._spending("job=?", job)
        if study is not None:
            return self._spending("study=?", study)
        today = self._clock.epoch() // DAY_SECONDS * DAY_SECONDS
        return self._spending("(ended IS NULL OR ended_epoch>=?)", today)

    def _spending(self, where: str, value: Any) -> Spending:
        query = f"SELECT {_SPENT}, {_RESERVED}, {_MEASURED} FROM rentals WHERE {where}"
        return Spending(*self._db.rows(query, value)[0])

    def _check_caps(self, wish: Wish, wanted: float) -> None:
        for cap, usd, spending in self.capped(wish.caps, wish.job, wish.study):
            if spending.spent + spending.reserved + wanted > usd + ROUNDING:
                raise CapReached(cap, usd, spending.spent, spending.reserved, wanted)

    def capped(
        self, caps: Caps, job: str | None, study: str | None
    ) -> Iterator[tuple[str, float, Spending]]:
        """Yield the name and amount of each cap that applies, with what is spent under it."""
        if caps.job_usd is not None:
            yield "job", caps.job_usd, self.spending(job) if job else Spending(0, 0, 0)
        if caps.study_usd is not None and study is not None:
            yield "study", caps.study_usd, self.spending(study=study)
        if caps.day_usd is not None:
            yield "day", caps.day_usd, self.spending()

    @contextlib.contextmanager
    def _unended(self, intent: str, *, ending_too: bool = False) -> Iterator[None]:
        over = ENDED if ending_too else (*ENDED, "terminating")
        with self._db.writing():
            rental = self.rental(intent)
            if rental.state in over:
                raise RentalEnded(
                    f"The rental of pod {rental.name} was ended meanwhile ({rental.why}). Rent "
                    "another pod if it is still needed."
                )
            yield

    def _set(self, intent: str, **facts: Any) -> None:
        names = ", ".join(f"{name}=?" for name in facts)
        self._db.change(f"UPDATE rentals SET {names} WHERE intent=?", *facts.values(), intent)

    def _step(self, intent: str, state: State, told: str) -> None:
        self._db.change(
            "INSERT INTO steps(intent, state, time, told) VALUES(?,?,?,?)",
            *(intent, state, now(), told),
        )


def _rental(row: Any) -> Rental:
    fields = dict(row)
    if fields["proof"] is not None:
        fields["proof"] = json.loads(fields["proof"])
    return Rental.model_validate(fields)

"""What pods cost before they are rented, and whether that fits what may be spent.

Asks the provider for its prices, which takes a second; rents and reserves nothing.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.pods.api import PodAPI, PodOrder
from fumehood_tools.pods.configured import has_journal
from fumehood_tools.pods.rentals import Caps, MachineClock, Quotation, Quote, caps_of, quote
from fumehood_tools.pods.rentals.journal import Journal, Spending
from fumehood_tools.pods.rentals.names import owner_of
from fumehood_tools.pods.wanted import PodsWanted
from fumehood_tools.settings import Settings

DISK_GB = 40
_ALTERNATIVES = 3


class Offer(NamedTuple):
    """A quotation, and what may be spent. spending: of today (UTC), with what is reserved.

    scores: one of the pods scores what the others train, so that two are the least.
    """

    quotation: Quotation
    caps: Caps
    spending: Spending
    scores: bool = False

    @property
    def least_usd(self) -> float:
        """The least that the job can cost until the deadline, with one pod that trains."""
        least = min(one.total_usd for one in self.quotation.asked) / self.quotation.pods
        return least * 2 if self.scores else least

    @property
    def least_pods(self) -> str:
        """The pods that the job needs at least, in words."""
        return "one pod that trains and one that scores" if self.scores else "one pod"

    @property
    def most_usd(self) -> float:
        """The most that all pods together can cost until the deadline."""
        return max(one.total_usd for one in self.quotation.asked)

    @property
    def left_today_usd(self) -> float:
        """What the cap of the day leaves."""
        day = self.caps.day_usd or 0.0
        return max(0.0, day - self.spending.spent - self.spending.reserved)

    def text(self) -> str:
        """Return the quote in words: price x deadline, alternatives by total cost, and the caps."""
        found = self.quotation
        hours = found.deadline_s / 3600
        lines = [
            f"{found.pods} pod{'s' * (found.pods != 1)} until the deadline, {hours:.2f} h from now "
            "with 20 min for the setup (less if the work is done earlier)"
            f"{', one of which scores and trains nothing' if self.scores else ''}:",
            *(f"- {in_words(one, found.pods)}" for one in found.asked),
        ]
        if others := found.alternatives[:_ALTERNATIVES]:
            named = "; ".join(f"{one.gpu} ${one.total_usd:.2f}" for one in others)
            lines.append(f"Other kinds by total cost: {named}.")
        return "\n".join([*lines, self.caps_text()])

    def caps_text(self) -> str:
        """Return the caps of the settings, and what is spent today, in words."""
        spent, reserved = self.spending.spent, self.spending.reserved
        return (
            f"Caps: ${self.caps.job_usd:.2f} per job, ${self.caps.day_usd:.2f} per day; today "
            f"${spent:.2f} are spent and ${reserved:.2f} reserved."
        )


def in_words(one: Quote, pods: int) -> str:
    """Return one quote as text."""
    rate = f"${one.usd_per_hour:.2f} per hour" + (" each" if pods > 1 else "")
    return f"{one.gpu} ({one.memory_gb} GB): {rate}, at most ${one.total_usd:.2f} in all"


def offer_for(
    settings: Settings,
    api: PodAPI,
    gpus: Sequence[str],
    count: int,
    hours: float,
    scores: bool = False,
) -> Offer:
    """Return what pods would cost. gpus: may be empty: then all kinds are alternatives.

    scores: another pod scores what they train.

    Raises UnknownName for a GPU that is not offered, PodsFailed; BadRequest if none of the kinds is
    sold now.
    """
    order = PodOrder(name="", image="", disk_gb=DISK_GB)
    offers = api.offers(order.gpu_count, order.cloud)
    found = quote(offers, gpus, order=order, runtime_s=hours * 3600, pods=count + scores)
    if gpus and not found.asked:
        others = ", ".join(one.gpu for one in found.alternatives[:_ALTERNATIVES])
        raise BadRequest(f"{', '.join(gpus)} is not sold now. Choose another, such as {others}.")
    return Offer(found, caps_of(settings), spending_of(settings), scores)


def spending_of(settings: Settings) -> Spending:
    """Return what today has cost. Creates no file."""
    if not has_journal(settings):
        return Spending(0.0, 0.0, 0.0)
    with closing(Journal(settings.state, owner_of(settings.state), MachineClock())) as journal:
        return journal.spending()


def check_affordable(offer: Offer, max_cost_usd: float) -> None:
    """Raise BadRequest if the amount, or a cap, does not pay for the least pods."""
    least = offer.least_usd
    if max_cost_usd < least:
        raise BadRequest(
            f"max_cost_usd={max_cost_usd:g} does not pay for {offer.least_pods} until the "
            f"deadline: the least is {_up(least):.2f}. {offer.text()}\nPass "
            f"max_cost_usd={_up(least):.2f} or more if the user agrees, fewer hours, or a cheaper "
            "kind."
        )
    check_caps(offer)


def check_caps(offer: Offer) -> None:
    """Raise BadRequest if the caps of the settings do not pay for the least pods."""
    least, job = offer.least_usd, offer.caps.job_usd or 0.0
    if min(job, offer.left_today_usd) < least:
        name = "FUMEHOOD_POD_MAX_COST_JOB" if job < least else "FUMEHOOD_POD_MAX_COST_DAY"
        raise BadRequest(
            f"The job needs ${_up(least):.2f} in reserve for {offer.least_pods}, which {name} does "
            "not allow. "
            f"{offer.text()}\nChoose fewer hours or a cheaper kind, or ask the user to raise it."
        )


def without_amount(offer: Offer) -> BadRequest:
    """Return the error of a call that names no amount, from a client that cannot ask the user."""
    most = _up(min(offer.most_usd, offer.caps.job_usd or offer.most_usd))
    return BadRequest(
        f"Nothing was rented, because nobody has agreed to the price. {offer.text()}\nAsk the "
        f"user, then repeat the call with max_cost_usd={most:.2f}, or what they allow."
    )


def wanted_for(
    gpus: Sequence[str], count: int, hours: float, max_cost_usd: float, study: str | None = None
) -> PodsWanted:
    """Return the pods as a request names them."""
    return PodsWanted(
        gpus=tuple(gpus),
        count=count,
        hours=hours,
        max_cost_usd=max_cost_usd,
        disk_gb=DISK_GB,
        study=study,
    )


def _up(usd: float) -> float:
    """Return an amount rounded up to a cent."""
    return -(-round(usd * 100, 6) // 1) / 100

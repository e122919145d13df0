"""Nothing is rented before somebody has agreed to the price.

A client that can ask its user is made to ask, with the quote; the call goes on only when the user
accepts. With any other client the call itself must name the amount, and a call without it is told
the quote and the value to pass.
"""

from collections.abc import Sequence
from typing import Any

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult
from pydantic import BaseModel, Field

from fumehood.tooling import Toolbox, in_thread
from fumehood_tools.errors import BadRequest
from fumehood_tools.pods.api import PodAPI, choose_api
from fumehood_tools.pods.pricing import (
    Offer,
    check_affordable,
    check_caps,
    offer_for,
    wanted_for,
    without_amount,
)
from fumehood_tools.pods.wanted import PodsWanted


class Agreement(BaseModel):
    """The user's answer."""

    rent: bool = Field(description="Rent these GPUs, up to this amount")


YES = Agreement(rent=True)


def provider_of(toolbox: Toolbox) -> PodAPI:
    """Return the provider of pods that all tools share. Raises KeyRefused, PodsFailed."""
    return toolbox.service("provider of pods", lambda: choose_api(toolbox.settings))


async def agreed(
    toolbox: Toolbox,
    ctx: Context[None, Any],
    gpus: Sequence[str],
    count: int,
    hours: float,
    max_cost_usd: float | None,
    scores: bool = False,
) -> Agreement | Elicit[Agreement]:
    """Return the question for the user, or YES where the call has named an amount that will do.

    scores: another pod scores what these train.

    Raises BadRequest for an amount or a cap that does not pay for one pod, or for no amount.
    """
    offer = await in_thread(_offer, toolbox, gpus, count, hours, scores)
    if max_cost_usd is not None:
        check_affordable(offer, max_cost_usd)
    check_caps(offer)
    can_ask = ctx.client_capabilities is not None and ctx.client_capabilities.elicitation
    if not can_ask and max_cost_usd is None:
        raise without_amount(offer)
    if not can_ask:
        return YES
    most = _most(offer, max_cost_usd)
    return Elicit(f"Spend up to ${most:.2f} on rented GPUs? {offer.text()}", Agreement)


def agreed_pods(
    toolbox: Toolbox,
    answer: "ElicitationResult[Agreement]",
    gpus: Sequence[str],
    count: int,
    hours: float,
    max_cost_usd: float | None,
    study: str | None = None,
    scores: bool = False,
) -> PodsWanted:
    """Return the pods that may be rented. Raises BadRequest where the user did not accept."""
    if not (isinstance(answer, AcceptedElicitation) and answer.data.rent):
        raise BadRequest(
            "The user was asked and did not agree to the price, so nothing was rented. Ask them "
            "what they would like instead: list_gpus shows other kinds."
        )
    if max_cost_usd is None:
        max_cost_usd = _most(_offer(toolbox, gpus, count, hours, scores), None)
    return wanted_for(gpus, count, hours, max_cost_usd, study)


def _offer(toolbox: Toolbox, gpus: Sequence[str], count: int, hours: float, scores: bool) -> Offer:
    return offer_for(toolbox.settings, provider_of(toolbox), gpus, count, hours, scores)


def _most(offer: Offer, max_cost_usd: float | None) -> float:
    """Return what may be spent at most: what the call says, or else the whole quote."""
    asked = offer.most_usd if max_cost_usd is None else max_cost_usd
    return min(asked, offer.caps.job_usd if offer.caps.job_usd is not None else asked)

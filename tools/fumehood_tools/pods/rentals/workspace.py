"""The rentals of a workspace as its settings want them: its provider, its caps, its reaper."""

import httpx

from fumehood_tools.errors import BadRequest
from fumehood_tools.pods.api import choose_api
from fumehood_tools.pods.rentals.desk import Desk, open_desk
from fumehood_tools.pods.rentals.model import Caps
from fumehood_tools.pods.rentals.starting import start_reaper
from fumehood_tools.settings import Settings
from fumehood_tools.wings.table import POD_MAX_COST_DAY, POD_MAX_COST_JOB


def open_rentals(settings: Settings, client: httpx.Client | None = None) -> Desk:
    """Open the rentals of a workspace; the detached reaper is started before a pod is rented.

    client: as for `choose_api`. Sends nothing. Raises KeyRefused without a key, PodsFailed offline,
    StorageFailed.
    """
    api = choose_api(settings, client=client)
    return open_desk(settings.state, api, watch=lambda: start_reaper(settings))


def caps_of(
    settings: Settings, max_cost_usd: float | None = None, study_usd: float | None = None
) -> Caps:
    """Return the caps for a job: of the settings, and lower where the call wants so.

    max_cost_usd: for this job; it never raises the setting's. study_usd: what is budgeted for the
    study of the job in all. Raises BadRequest for a negative amount.
    """
    job, day = settings.of(POD_MAX_COST_JOB), settings.of(POD_MAX_COST_DAY)
    given = {"max_cost_usd": max_cost_usd, "study_usd": study_usd}
    named = {POD_MAX_COST_JOB.variable: job, POD_MAX_COST_DAY.variable: day, **given}
    for name, usd in named.items():
        if usd is not None and not usd >= 0:
            raise BadRequest(f"{name}={usd:g} is no amount of US dollars. Use 0 or more.")
    lowest = job if max_cost_usd is None else min(job, max_cost_usd)
    return Caps(job_usd=lowest, day_usd=day, study_usd=study_usd)

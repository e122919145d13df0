"""The doctor's checks for rented GPUs and own hosts. Sends nothing: hosts are not reached."""

import importlib.util

from fumehood_tools.doctor.report import Part, State
from fumehood_tools.errors import FumehoodError
from fumehood_tools.pods.configured import HOSTS_FILE, KEY, has_journal, has_key
from fumehood_tools.pods.hosts import read_hosts
from fumehood_tools.pods.overview import pods_of
from fumehood_tools.pods.rentals.starting import is_at_work
from fumehood_tools.settings import Settings
from fumehood_tools.wings.table import RUNPOD_INTERFACE

_SECTION = "pods"


def parts(settings: Settings) -> list[Part]:
    """Return the report on the interface, the hosts, and what is rented now."""
    found = [_interface(settings), _hosts(settings)]
    return [*found, _rentals(settings)] if has_journal(settings) else found


def _part(name: str, state: State, detail: str, command: str | None = None) -> Part:
    return Part(section=_SECTION, part=name, state=state, detail=detail, command=command)


def _interface(settings: Settings) -> Part:
    if not has_key(settings):
        return _part("RunPod", "absent", f"{KEY} is not set: no GPU can be rented")
    chosen, has_sdk = settings.of(RUNPOD_INTERFACE), importlib.util.find_spec("runpod") is not None
    if chosen == "graphql" and not has_sdk:
        detail = "GraphQL is chosen, and its package is not installed"
        return _part("RunPod", "missing", detail, "pip install runpod")
    speaks = "REST v2" if chosen == "v2" or not has_sdk else "GraphQL"
    also = ", REST v2 once that is gone" if chosen == "auto" and has_sdk else ""
    return _part("RunPod", "ok", f"{KEY} is set; speaks {speaks}{also}")


def _hosts(settings: Settings) -> Part:
    try:
        hosts = read_hosts(settings)
    except FumehoodError as error:
        return _part("own hosts", "missing", str(error))
    if not hosts:
        return _part("own hosts", "absent", f"no {HOSTS_FILE} in the workspace")
    named = ", ".join(f"{host.name} ({host.gpus} GPUs)" for host in hosts)
    return _part("own hosts", "ok", f"{named}; not tried to reach them")


def _rentals(settings: Settings) -> Part:
    try:
        rows = pods_of(settings, None).pods
        watched = is_at_work(settings.state)
    except FumehoodError as error:
        return _part("rented", "missing", str(error))
    if not rows:
        return _part("rented", "ok", "nothing is rented now")
    usd = sum(row.usd_per_hour or 0.0 for row in rows)
    detail = f"{len(rows)} pods, ${usd:.2f} per hour"
    if watched:
        return _part("rented", "ok", f"{detail}; the reaper watches them")
    command = "fumehood pods list" if has_key(settings) else None
    return _part("rented", "missing", f"{detail}, and no reaper watches them", command)

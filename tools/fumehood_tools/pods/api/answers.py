"""What the provider's refusals mean: one table for both interfaces.

The provider has no codes of its own for most of them, only English sentences, so they are told
apart by words. Sentences are quoted without the key and without values of a pod's environment,
which the provider may repeat.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from fumehood_tools.pods.api.failures import (
    AnswerLost,
    KeyRefused,
    NoCapacity,
    NoSuchPod,
    OrderRefused,
    PodsFailed,
    ProviderBusy,
    ServiceRetired,
)
from fumehood_tools.quoting import one_line

M = TypeVar("M", bound=BaseModel)
MOST_QUOTED = 300
HIDDEN = "[hidden]"
KEY_PAGE = "https://console.runpod.io/user/settings"
LOST = (
    "Nobody knows whether it was done. List the pods and look for the name before asking again, "
    "because a pod may be running and billed."
)
_POD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FULL = re.compile(
    r"no longer any instances|not enough free gpus|no (?:free|available) (?:gpus?|machines?|"
    r"instances?)|no instances? (?:are |is )?(?:currently )?available|could not be placed"
    r"|(?:out of|no|insufficient) capacity",
    re.I,
)
_POOR = re.compile(r"balance|insufficient (?:funds|credit)|not enough (?:funds|credit)", re.I)
_MISSING = re.compile(r"pod (?:was )?not found|no such pod|pod does not exist", re.I)
_SLOW_DOWN = re.compile(r"too many requests|rate.?limit", re.I)
_STRANGER = re.compile(r"unauthori[sz]ed|unauthenticated|not authenticated|api key", re.I)
_BROKEN = re.compile(r"something went wrong|internal server error|try again later", re.I)


def check_pod_id(pod_id: str) -> str:
    """Return the id. Raises NoSuchPod for a text that can be no id and would break a request."""
    if not _POD_ID.fullmatch(pod_id):
        raise NoSuchPod("This is not an id of a pod. Take one from the list of pods.")
    return pod_id


def check_gpu(gpu: str) -> str:
    """Return the kind of GPU. Raises OrderRefused if none is named: that would rent a CPU pod."""
    if not gpu.strip():
        raise OrderRefused("No kind of GPU is named, and CPU pods are no use. Choose an offer.")
    return gpu


def quoted(text: object, secrets: Iterable[str] = ()) -> str:
    """Return the start of what the provider said, on one line, with every secret masked."""
    said = str(text)
    parts = {line.strip() for secret in secrets for line in (secret, *secret.splitlines())}
    forms = {form for part in parts if part for form in (part, json.dumps(part)[1:-1])}
    for form in sorted(forms, key=len, reverse=True):
        said = said.replace(form, HIDDEN)
    return one_line(said)[:MOST_QUOTED]


def failure_of_status(
    status: int, said: str, *, wait: float | None = None, changes: bool = False
) -> PodsFailed:
    """Return the failure for an HTTP status.

    said: what the provider explained, masked. wait: seconds of its Retry-After. changes: whether
    the request may have changed something before it failed.
    """
    quote = f" It said: {said!r}." if said else ""
    if status == 429:
        when = f"Ask again in {wait:.0f} s." if wait else "Ask again later."
        return ProviderBusy(f"RunPod received too many requests (HTTP 429). {when}", wait)
    if status == 410:
        return ServiceRetired(
            "RunPod has switched this interface off (HTTP 410). Set FUMEHOOD_RUNPOD_INTERFACE=v2."
        )
    if status in (401, 403):
        return _key_refused(f"HTTP {status}", quote)
    if status == 402 or (status < 500 and _POOR.search(said)):
        return _no_credit(f"HTTP {status}", quote)
    if status >= 500 or status in (408, 425):
        return broken(f"HTTP {status}", wait=wait, changes=changes)
    if 300 <= status < 400:
        return PodsFailed(f"RunPod redirects to another address (HTTP {status}): not followed.")
    if status == 404:
        return NoSuchPod(f"RunPod knows no such pod (HTTP 404). List the pods.{quote}")
    if _FULL.search(said):
        return _no_capacity(quote)
    return OrderRefused(f"RunPod refused the request (HTTP {status}). Change it.{quote}")


def failure_of_sentence(error: Any, said: str, *, changes: bool) -> PodsFailed:
    """Return the failure for an error of a GraphQL answer. said: its sentence, masked."""
    code = ""
    if isinstance(error, dict) and isinstance(error.get("extensions"), dict):
        code = str(error["extensions"].get("code", ""))
    quote = f" It said: {said!r}." if said else ""
    if _FULL.search(said):
        return _no_capacity(quote)
    if _MISSING.search(said):
        return NoSuchPod(f"RunPod knows no such pod. List the pods.{quote}")
    if _SLOW_DOWN.search(said):
        return ProviderBusy(f"RunPod received too many requests. Ask again later.{quote}")
    if code in ("UNAUTHENTICATED", "FORBIDDEN") or _STRANGER.search(said):
        return _key_refused("GraphQL", quote)
    if _POOR.search(said):
        return _no_credit("GraphQL", quote)
    if code == "INTERNAL_SERVER_ERROR" or _BROKEN.search(said):
        return broken("an error without a cause", changes=changes)
    return OrderRefused(f"RunPod refused the request. Change it.{quote}")


def broken(what: str, *, wait: float | None = None, changes: bool) -> PodsFailed:
    """Return the failure for an answer that says nothing about whether the request was done."""
    if changes:
        return AnswerLost(f"RunPod failed while it worked on the request ({what}). {LOST}", wait)
    return ProviderBusy(f"RunPod is not available ({what}). Ask again later.", wait)


def parsed(model: type[M], raw: Any, *, changes: bool = False) -> M:
    """Return an answer as a model. Raises what `broken` returns for one of another form."""
    try:
        return model.model_validate(raw)
    except ValidationError:
        # Reported below, not chained: the answer repeats the environment of the pod.
        pass
    raise broken("an answer of another form", changes=changes)


def no_account() -> KeyRefused:
    """Return the failure for an answer without the account that the key belongs to."""
    return _key_refused("no account", "")


def _no_capacity(quote: str) -> NoCapacity:
    text = "RunPod has no free machine for this now. Try another kind of GPU, or later."
    return NoCapacity(text + quote)


def _key_refused(what: str, quote: str) -> KeyRefused:
    return KeyRefused(
        f"RunPod refused RUNPOD_API_KEY ({what}): it is wrong or revoked, or it may not do this. "
        f"Check it at {KEY_PAGE}.{quote}"
    )


def _no_credit(what: str, quote: str) -> OrderRefused:
    text = f"The account has too little credit for this ({what}). Add some at {KEY_PAGE}."
    return OrderRefused(text + quote)

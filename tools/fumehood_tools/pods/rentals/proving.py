"""Terminate pods until the provider says that they are gone.

The answer to a terminate request proves nothing: providers have answered 204 and gone on billing.
A pod has ended when the provider says that it does not exist, asked for the pod itself and for the
list of all pods. Until then the requests are repeated, for about three minutes.
"""

from collections.abc import Iterable

from fumehood_tools.pods.api import PodAPI, PodsFailed
from fumehood_tools.pods.rentals.clock import Clock
from fumehood_tools.pods.rentals.failures import StillBilling
from fumehood_tools.pods.rentals.model import Proof
from fumehood_tools.timestamps import now

WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0, 60.0)
"""Seconds between the tries to end pods."""
GONE = "asked for this pod, it answered that there is none; its list of all pods lacks it, too"
_STAYS = "the provider accepted the request to terminate it, and still has it"


def end_pods(api: PodAPI, clock: Clock, pod_ids: Iterable[str]) -> dict[str, Proof | str]:
    """Terminate pods, all in each round, and return a proof for each, or why there is none."""
    pending = dict.fromkeys(pod_ids, _STAYS)
    proofs: dict[str, Proof | str] = {}
    for wait in (*WAITS, None):
        for pod_id in list(pending):
            try:
                api.terminate(pod_id)
                if is_gone(api, pod_id):
                    proofs[pod_id] = Proof(time=now(), interface=api.interface, answer=GONE)
                    del pending[pod_id]
                else:
                    pending[pod_id] = _STAYS
            except PodsFailed as error:
                pending[pod_id] = str(error)
        if not pending:
            break
        if wait is not None:
            clock.sleep(wait)
    return proofs | pending


def end_pod(api: PodAPI, clock: Clock, pod_id: str, name: str, usd_per_hour: float | None) -> Proof:
    """Terminate one pod and return the proof. Raises StillBilling."""
    proof = end_pods(api, clock, [pod_id])[pod_id]
    if isinstance(proof, Proof):
        return proof
    raise StillBilling(pod_id, name, usd_per_hour, proof)


def is_gone(api: PodAPI, pod_id: str) -> bool:
    """Whether the provider has no such pod, by two of its answers. Raises PodsFailed."""
    if api.get(pod_id) is not None:
        return False
    return all(pod.id != pod_id for pod in api.pods())

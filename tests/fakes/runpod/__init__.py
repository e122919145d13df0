"""A stand-in for the provider RunPod, on loopback: both interfaces, and pods with a real sshd.

    started.py      RunPod, as tests use it      __main__.py   the same for people
    serving.py      the web server               control.py    what tests order of it
    graphql_api.py  GraphQL, on schema.py        rest_api.py   REST v2: rest_bodies, catalog,
    answering.py    what both share                            billing, logs
    cloud.py        stock, account, all pods     faults.py     what goes wrong, and when
    pod.py          the life of one pod          clock.py      time and bills
    container.py    bubblewrap and sshd          memory.py     a limit that really kills
    views.py        how a pod looks              orders.py     what is ordered and offered
    gpu.py          a nvidia-smi that tests set  running.py     the processes of a container

Facts are from the provider's documentation and specification of August 2026 and from its SDK
(runpod 1.12.0). Not checked against a live account: the texts of errors, what the key of a pod may
do (here: everything to its own pod), how long a stream of logs stays open (here: while the pod
lives), what a pod with a crashing container reports.
"""

from fakes.runpod.cloud import Asked
from fakes.runpod.orders import GPUS, Gpu
from fakes.runpod.started import NEEDS_CAP, NEEDS_PODS, EndedPod, LivingPod, RunPod

__all__ = ["GPUS", "NEEDS_CAP", "NEEDS_PODS", "Asked", "EndedPod", "Gpu", "LivingPod", "RunPod"]

"""Both adapters keep the contract of PodAPI, whatever the provider does.

The cases are numbered as in the matrix of faults of the wing.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fakes.pod_orders import BOTH, GPU, Opened, ordered
from fakes.runpod import NEEDS_PODS, RunPod

from fumehood_tools.pods.api import (
    AnswerLost,
    KeyRefused,
    NoCapacity,
    NoSuchPod,
    OrderRefused,
    Pod,
    PodAPI,
    ProviderBusy,
    ServiceRetired,
)

pytestmark = pytest.mark.child

slow = pytest.mark.slow
BREAKING = ["500", pytest.param("502", marks=slow), pytest.param("reset", marks=slow)]

Look = Callable[[str], dict[str, Any]]


def mutations(cloud: RunPod) -> int:
    """Return how many requests to create a pod the stand-in has had."""
    asked = ("podFindAndDeployOnDemand", "deployCpuPod")
    return sum(
        one.operation in asked or (one.method, one.operation) == ("POST", "/v2/pods")
        for one in cloud.requests()
    )


def only(pods: list[Pod]) -> Pod:
    """Return the only pod of a list."""
    assert len(pods) == 1, pods
    return pods[0]


@pytest.mark.parametrize(("cloud_kind", "count"), [("secure", 2), ("community", 1), ("secure", 16)])
def test_both_interfaces_offer_the_same(
    cloud: RunPod, opened: Opened, cloud_kind: Any, count: int
) -> None:
    cloud.set_capacity(0, "NVIDIA A100 80GB PCIe")
    first, second = (
        {one.gpu: one for one in opened(name, cloud.url, cloud.key).offers(count, cloud_kind)}
        for name in BOTH
    )
    assert first == second
    a40, sold_out = first[GPU], first["NVIDIA A100 80GB PCIe"]
    is_sold = cloud_kind == "secure" and count <= 8
    assert a40.price_usd_per_hour == (pytest.approx(0.44 * count) if is_sold else None)
    assert (a40.memory_gb, a40.stock == "none") == (48, not is_sold)
    assert sold_out.stock == "none"


def test_a_pod_lives_from_its_order_to_its_end(api: PodAPI, cloud: RunPod) -> None:
    made = api.create(ordered(gpu_count=2), GPU)
    assert (made.state, made.gpu, made.gpu_count) == ("preparing", GPU, 2)
    seen = api.get(made.id)
    assert seen is not None and seen == only(api.pods())
    assert (seen.id, seen.name, seen.state) == (made.id, ordered().name, "preparing")
    assert seen.price_usd_per_hour == pytest.approx(0.88) and seen.ssh is None
    assert seen.gpu_count == 2 and seen.gpu in GPU
    api.stop(made.id)
    stopped = api.get(made.id)
    assert stopped is not None and stopped.state == "stopped"
    api.resume(made.id, 2)
    again = api.get(made.id)
    assert again is not None and again.state == "preparing"
    api.terminate(made.id)
    assert api.get(made.id) is None and api.pods() == [] and not cloud.pods()


def test_every_text_of_an_order_arrives_as_it_is(api: PodAPI, as_sent: Look) -> None:
    odd = 'a "b" \\ c\nd\te {f} ${g} ü😀", gpuCount: 8, name: "x'
    order = ordered(
        name=odd,
        environment={"TEXT": odd, "EMPTY": ""},
        start_command=odd,
        volume_gb=20,
        volume_path="/a b",
        data_centers=("US-TX-3",),
        cuda_versions=("12.8",),
        cloud="secure",
        disk_gb=33,
    )
    made = api.create(order, GPU)
    sent = as_sent(made.id)
    assert (sent["name"], sent["args"], sent["gpu"]) == (odd, odd, {"id": GPU, "count": 1})
    assert sent["env"] == {"TEXT": odd, "EMPTY": ""}
    assert sent["mounts"] == {"persistent": {"size": 20, "path": "/a b"}}
    assert (sent["ports"], sent["disk"], sent["dataCenterId"]) == (["22/tcp"], 33, "US-TX-3")
    assert (made.name, only(api.pods()).name) == (odd, odd)


def test_what_is_not_ordered_is_not_sent(api: PodAPI, as_sent: Look, client: httpx.Client) -> None:
    bodies: list[str] = []
    client.event_hooks = {"request": [lambda request: bodies.append(request.content.decode())]}
    sent = as_sent(api.create(ordered(), GPU).id)
    # An empty command would replace that of the image, whose sshd then never starts.
    assert not [name for name in ("dockerArgs", '"args"', '"mounts"') if name in "".join(bodies)]
    assert (sent["args"], sent["mounts"], sent["env"]) == ("", {}, {})
    assert (sent["cloud"], sent["ports"]) == ("SECURE", ["22/tcp"])


def test_graphql_which_takes_one_data_center_is_asked_for_each(
    opened: Opened, cloud: RunPod, as_sent: Look
) -> None:
    api, order = opened("graphql", cloud.url, cloud.key), ordered(data_centers=("XX-1", "EU-RO-1"))
    assert as_sent(api.create(order, GPU).id)["dataCenterId"] == "EU-RO-1"
    assert mutations(cloud) == 2


@pytest.mark.parametrize("gpu", ["", "  "])
def test_a_pod_without_a_gpu_is_refused_before_anything_is_sent(
    api: PodAPI, cloud: RunPod, gpu: str
) -> None:
    with pytest.raises(OrderRefused, match="Choose an offer"):
        api.create(ordered(), gpu)
    assert cloud.requests() == []


@pytest.mark.parametrize("pod_id", ["", "..", "a/b", 'x"}) { id } #', "a" * 65])
def test_a_text_that_is_no_id_is_never_sent(api: PodAPI, cloud: RunPod, pod_id: str) -> None:
    for ask in (api.get, api.terminate, api.stop, api.logs, api.billed_usd):
        with pytest.raises(NoSuchPod):
            ask(pod_id)
    assert cloud.requests() == []


def test_two_accounts_are_used_side_by_side(interface: str, opened: Opened, cloud: RunPod) -> None:
    known, unknown = (opened(interface, cloud.url, key) for key in (cloud.key, "rpa_UNKNOWN"))

    def ask(api: PodAPI) -> bool:
        try:
            return api.pods() == []
        except KeyRefused:
            return False

    with ThreadPoolExecutor(4) as threads:
        answered = list(threads.map(ask, [known, unknown] * 10))
    assert answered == [True, False] * 10


def test_the_account_is_told_where_the_interface_knows_it(api: PodAPI) -> None:
    account = api.account()
    if api.interface == "v2":
        assert account.balance_usd is None
    else:
        assert account.balance_usd == pytest.approx(100, abs=1) and account.id


def test_case_01_a_wait_that_is_too_long_ends_the_call(impatient: PodAPI, cloud: RunPod) -> None:
    cloud.fault(on="http", kind="429", times=9, retry_after=120)
    with pytest.raises(ProviderBusy, match="Ask again in 120 s") as busy:
        impatient.pods()
    assert busy.value.retry_after == 120 and len(cloud.requests()) == 1


@slow
def test_case_01_after_too_many_requests_it_waits_as_told(
    interface: str, opened: Opened, cloud: RunPod
) -> None:
    api = opened(interface, cloud.url, cloud.key, seconds=5)
    cloud.fault(on="http", kind="429", times=2, retry_after=2)
    assert api.pods() == []
    assert len(cloud.requests()) == 3
    cloud.fault(on="http", kind="429", times=99, retry_after=2)
    with pytest.raises(ProviderBusy):
        api.terminate("x")
    # At 0, 2 and 4 seconds: backoff without the header would have asked ten times.
    assert len(cloud.requests()) == 6


def test_case_01_a_create_is_not_repeated_after_too_many_requests(
    api: PodAPI, cloud: RunPod
) -> None:
    cloud.fault(on="create", kind="429", retry_after=1)
    with pytest.raises(ProviderBusy):
        api.create(ordered(), GPU)
    assert mutations(cloud) == 1 and not cloud.pods()


@pytest.mark.parametrize("kind", BREAKING)
def test_case_02_03_reads_and_terminate_are_repeated(api: PodAPI, cloud: RunPod, kind: str) -> None:
    made = api.create(ordered(), GPU)
    for operation in ("list", "get", "terminate"):
        cloud.fault(on=operation, kind=kind)
    assert len(api.pods()) == 1 and api.get(made.id) is not None
    api.terminate(made.id)
    assert not cloud.pods()


@pytest.mark.parametrize("kind", BREAKING)
def test_case_02_03_a_create_is_sent_once(api: PodAPI, cloud: RunPod, kind: str) -> None:
    cloud.fault(on="create", kind=kind)
    with pytest.raises(AnswerLost, match="look for the name before asking again"):
        api.create(ordered(), GPU)
    assert mutations(cloud) == 1


@pytest.mark.parametrize("kind", BREAKING)
def test_case_02_03_what_changes_a_pod_is_sent_once(api: PodAPI, cloud: RunPod, kind: str) -> None:
    made = api.create(ordered(), GPU)
    cloud.fault(on="stop", kind=kind)
    with pytest.raises(AnswerLost):
        api.stop(made.id)
    api.stop(made.id)
    cloud.fault(on="resume", kind=kind)
    with pytest.raises(AnswerLost):
        api.resume(made.id, 1)


@slow
def test_case_03_a_silent_provider_is_not_waited_for_longer_than_agreed(
    impatient: PodAPI, cloud: RunPod
) -> None:
    cloud.fault(on="http", kind="hang", times=9, seconds=2)
    with pytest.raises(ProviderBusy, match="did not answer in time"):
        impatient.pods()
    with pytest.raises(AnswerLost, match="did not answer in time"):
        impatient.stop("x")


@slow
def test_case_03_a_provider_that_cannot_be_reached_has_done_nothing(
    interface: str, opened: Opened
) -> None:
    api = opened(interface, "http://127.0.0.1:9", "key", 0.4)
    for ask in (api.pods, lambda: api.create(ordered(), GPU), lambda: api.terminate("x")):
        with pytest.raises(ProviderBusy, match="cannot be reached"):
            ask()


def test_case_04_an_interface_that_is_gone_is_asked_once(api: PodAPI, cloud: RunPod) -> None:
    cloud.fault(on="http", kind="410", times=9)
    with pytest.raises(ServiceRetired, match="FUMEHOOD_RUNPOD_INTERFACE=v2"):
        api.pods()
    assert len(cloud.requests()) == 1
    with pytest.raises(ServiceRetired):
        api.create(ordered(), GPU)


def test_case_05_a_revoked_key_is_named_and_the_pod_is_still_there(
    api: PodAPI, cloud: RunPod
) -> None:
    made = api.create(ordered(), GPU)
    cloud.revoke_key()
    asks: list[Callable[[], object]] = [
        *(api.pods, api.offers, lambda: api.get(made.id), lambda: api.create(ordered(), GPU)),
        *(lambda: api.terminate(made.id), lambda: api.stop(made.id)),
    ]
    for ask in asks:
        with pytest.raises(KeyRefused, match="RUNPOD_API_KEY"):
            ask()
    assert list(cloud.pods()) == [made.id]
    cloud.restore_key()
    api.terminate(made.id)
    assert not cloud.pods()


def test_case_05_a_key_that_may_not_do_it_is_refused(api: PodAPI, cloud: RunPod) -> None:
    cloud.fault(on="http", kind="403")
    with pytest.raises(KeyRefused, match="it may not do this"):
        api.pods()


@pytest.mark.parametrize("kind", ["lost_response", "made_but_500"])
def test_case_06_a_pod_whose_answer_was_lost_is_found_by_its_name(
    api: PodAPI, cloud: RunPod, kind: str
) -> None:
    cloud.fault(on="create", kind=kind)
    with pytest.raises(AnswerLost):
        api.create(ordered("fumehood-1-2"), GPU)
    assert [pod.name for pod in api.pods()] == ["fumehood-1-2"]
    assert mutations(cloud) == 1


def test_case_07_without_a_free_machine_another_kind_can_be_tried(
    api: PodAPI, cloud: RunPod
) -> None:
    cloud.set_capacity(0, GPU)
    with pytest.raises(NoCapacity, match="Try another kind of GPU"):
        api.create(ordered(), GPU)
    assert not cloud.pods()
    assert api.create(ordered(), "NVIDIA H100 80GB HBM3").id in cloud.pods()


def test_case_07_a_kind_that_does_not_exist_or_is_not_sold_is_refused(
    api: PodAPI, cloud: RunPod
) -> None:
    with pytest.raises(OrderRefused):
        api.create(ordered(), "NVIDIA Unheard Of")
    with pytest.raises(NoCapacity):
        api.create(ordered(cloud="community"), GPU)
    assert not cloud.pods()


@slow
@pytest.mark.skipif(not RunPod.is_possible(), reason=NEEDS_PODS)
def test_case_10_only_a_public_address_of_ssh_counts(api: PodAPI, running_cloud: RunPod) -> None:
    running_cloud.reset()
    running_cloud.fault(on="boot", kind="no_public_ip", name="hidden")
    hidden, plain = (api.create(ordered(name), GPU) for name in ("hidden", "plain"))
    port = running_cloud.reach(plain.id)
    seen = api.get(plain.id)
    assert seen is not None and seen.state == "running" and seen.ssh is not None
    assert (seen.ssh.host, seen.ssh.port, seen.ssh.user) == ("127.0.0.1", port, "root")
    other = api.get(hidden.id)
    assert other is not None and other.ssh is None


def test_case_22_23_a_preempted_pod_is_stopped_and_a_vanished_one_is_none(
    api: PodAPI, cloud: RunPod
) -> None:
    made = api.create(ordered(), GPU)
    cloud.preempt(made.id)
    seen = api.get(made.id)
    assert seen is not None and seen.state == "stopped"
    cloud.vanish(made.id)
    assert api.get(made.id) is None and api.pods() == []
    for ask in (lambda: api.stop(made.id), lambda: api.resume(made.id, 1)):
        with pytest.raises(NoSuchPod):
            ask()


def test_case_27_an_answer_to_terminate_proves_nothing(api: PodAPI, cloud: RunPod) -> None:
    made = api.create(ordered(), GPU)
    cloud.fault(on="terminate", kind="500")
    cloud.fault(on="terminate", kind="silent")
    api.terminate(made.id)
    assert api.get(made.id) is not None
    api.terminate(made.id)
    assert api.get(made.id) is None


def test_case_28_a_pod_that_is_gone_can_be_terminated_again(api: PodAPI, cloud: RunPod) -> None:
    made = api.create(ordered(), GPU)
    api.terminate(made.id)
    api.terminate(made.id)
    cloud.fault(on="terminate", kind="lost_response")
    other = api.create(ordered(), GPU)
    api.terminate(other.id)
    assert api.get(other.id) is None


def test_case_39_a_stopped_pod_whose_gpus_are_taken_is_not_resumed(
    api: PodAPI, cloud: RunPod
) -> None:
    made = api.create(ordered(), GPU)
    api.stop(made.id)
    cloud.fault(on="resume", kind="no_gpus")
    with pytest.raises(NoCapacity, match="not enough free GPUs"):
        api.resume(made.id, 1)
    seen = api.get(made.id)
    assert seen is not None and seen.state == "stopped"

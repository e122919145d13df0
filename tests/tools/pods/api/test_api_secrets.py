"""Case 32: key and environment of a pod are in nothing that the adapters return, say or log."""

import json
import logging
import traceback
from collections.abc import Callable

import httpx
import pytest
from fakes.pod_orders import BOTH, GPU, Opened, ordered
from fakes.runpod import RunPod
from pydantic import SecretStr

from fumehood_tools.pods.api import KeyRefused, OrderRefused, PodAPI, PodsFailed
from fumehood_tools.pods.api.sdk import SdkPods
from fumehood_tools.pods.api.v2 import RestPods

VALUE = 'canary-value-4711\ncanary "line" 4712'
ENVIRONMENT = {"HF_TOKEN": VALUE}
ORDER = ordered(environment=ENVIRONMENT)
CANARIES = ("canary-value-4711", "4712", "canary-key-0815")


def everything(error: BaseException) -> str:
    """Return all that can be printed of an exception, and of those it is chained to."""
    texts = traceback.format_exception(error)
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        texts += [str(one), repr(one), repr(vars(one))]
        waiting += [one.__cause__, one.__context__]
        assert isinstance(one, PodsFailed), f"chained to {type(one)}, which may hold the request"
    return "\n".join(texts)


def assert_clean(text: str, key: str) -> None:
    """Assert that no secret is in a text."""
    assert not [secret for secret in (*CANARIES, key) if secret in text]


@pytest.mark.child
def test_case_32_no_failure_and_no_log_has_the_key_or_the_environment(
    api: PodAPI, cloud: RunPod, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for kind in ("401", "403", "410", "429", "500", "reset", "lost_response", "capacity"):
        cloud.fault(on="create", kind=kind)
        with pytest.raises(PodsFailed) as failed:
            api.create(ORDER, GPU)
        texts.append(everything(failed.value))
    with pytest.raises(OrderRefused) as refused:
        api.create(ORDER, "NVIDIA Unheard Of")
    texts += [everything(refused.value), caplog.text, repr(ORDER)]
    assert "canary-value-4711" in json.dumps(ORDER.model_dump())
    assert_clean("\n".join(texts), cloud.key)


@pytest.mark.child
def test_case_32_what_is_returned_has_no_environment(
    api: PodAPI, cloud: RunPod, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = api.create(ORDER, GPU)
    told = [made, api.get(made.id), *api.pods(), *api.logs(made.id), api.account()]
    text = "\n".join(f"{one!r} {one.model_dump_json() if one else ''}" for one in told)
    assert_clean(text + repr(vars(api)) + caplog.text, cloud.key)


def echoing(status: int, body: Callable[[str], object]) -> httpx.Client:
    """Return a client whose provider repeats what it was sent."""

    def answer(request: httpx.Request) -> httpx.Response:
        sent = request.content.decode()
        if "gpuTypes" in sent:
            return httpx.Response(200, json={"data": {"gpuTypes": [{"id": GPU}]}})
        return httpx.Response(status, json=body(sent))

    return httpx.Client(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize("interface", BOTH)
@pytest.mark.parametrize("status", [200, 400, 401, 422])
def test_case_32_a_provider_that_repeats_the_request_is_not_quoted_in_full(
    interface: str, status: int
) -> None:
    def body(sent: str) -> object:
        said = f"canary-key-0815 may not send {VALUE} or {json.dumps(VALUE)[1:-1]} in {sent}"
        errors = [{"message": said}] if interface == "graphql" else [said]
        return {"title": said, "status": status, "detail": said, "errors": errors}

    with echoing(status, body) as client:
        key = SecretStr("canary-key-0815")
        api: PodAPI = (
            SdkPods(client, "http://x/graphql", key)
            if interface == "graphql"
            else RestPods(client, "http://x/v2", key)
        )
        with pytest.raises(PodsFailed) as failed:
            api.create(ORDER, GPU)
    assert_clean(everything(failed.value), "canary-key-0815")
    if (interface, status) != ("v2", 200):
        assert "[hidden]" in str(failed.value)


@pytest.mark.parametrize("interface", BOTH)
@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"pod": {"name": "no id"}}, "name": "no id"},
        {"data": None},
        {"data": {}},
        [1],
        "text",
        {"data": {"pod": "canary-value-4711"}},
        {"data": {"pod": {"id": 5, "env": ["A=canary-value-4711"]}}, "id": {}},
    ],
)
def test_an_answer_of_another_form_is_a_failure_and_not_a_crash(
    interface: str, answer: object, opened: Opened
) -> None:
    reply = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    with httpx.Client(transport=reply) as client:
        key = SecretStr("canary-key-0815")
        api: PodAPI = (
            SdkPods(client, "http://x/graphql", key, 0.05)
            if interface == "graphql"
            else RestPods(client, "http://x/v2", key, 0.05)
        )
        with pytest.raises(PodsFailed) as failed:
            api.get("x")
    assert_clean(everything(failed.value), "canary-key-0815")


def test_an_account_that_is_null_means_that_the_key_is_unknown() -> None:
    answer = httpx.Response(200, json={"data": {"myself": None}})
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as client:
        api = SdkPods(client, "http://x/graphql", SecretStr("k"), 0.05)
        for ask in (api.account, api.pods):
            with pytest.raises(KeyRefused):
                ask()

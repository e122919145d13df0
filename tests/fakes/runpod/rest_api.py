"""REST v2: pods, their logs, the catalog of GPUs, bills and SSH keys, as specified in August 2026.

Pages, templates, network volumes and serverless endpoints are not here.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web

from fakes.runpod.answering import Rates, apply_fault, problem, spoil, too_many
from fakes.runpod.billing import billing_of
from fakes.runpod.catalog import catalog
from fakes.runpod.cloud import Asked, Caller, Cloud
from fakes.runpod.faults import Circumstances
from fakes.runpod.logs import stream_logs
from fakes.runpod.orders import Refused
from fakes.runpod.pod import Pod
from fakes.runpod.rest_bodies import (
    CreatePod,
    PodAction,
    SshKeys,
    Unprocessable,
    UpdatePod,
    changed,
    order_of,
    read,
)
from fakes.runpod.views import actions, v2_pod

ACTIONS = {"start": "resume", "stop": "stop", "restart": "restart", "terminate": "terminate"}


class Task(NamedTuple):
    """One request: who asks, what was sent, about which pod."""

    request: web.Request
    caller: Caller
    body: Any
    now: Circumstances
    pod: Pod | None = None

    @property
    def its(self) -> Pod:
        """The pod that the address names. Raises Refused if there is none."""
        if self.pod is None:
            raise Refused(404, "resource not found")
        return self.pod


Handler = Callable[[Task], Awaitable[web.StreamResponse]]


class RestInterface:
    """Answers everything under /v2."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._rates = cloud, Rates(cloud.setup.per_minute)

    def add_routes(self, app: web.Application) -> None:
        """Add the addresses of this interface to an application."""
        routes: list[tuple[str, str, str, Handler]] = [
            ("GET", "/v2/pods", "list", self._list),
            ("POST", "/v2/pods", "create", self._create),
            ("GET", "/v2/pods/{id}", "get", self._get),
            ("PATCH", "/v2/pods/{id}", "update", self._update),
            ("DELETE", "/v2/pods/{id}", "terminate", self._terminate),
            ("POST", "/v2/pods/{id}/action", "action", self._act),
            ("GET", "/v2/pods/{id}/logs", "logs", self._logs),
            ("GET", "/v2/catalog/gpus", "offers", self._offers),
            ("GET", "/v2/catalog/gpus/{gpu}", "offers", self._offers),
            ("GET", "/v2/billing/pods", "billing", self._billing),
            ("GET", "/v2/account/ssh-keys", "account", self._keys),
            ("PUT", "/v2/account/ssh-keys", "account", self._set_keys),
        ]
        for method, path, operation, handler in routes:
            app.router.add_route(method, path, self._guarded(path, operation, handler))
        app.router.add_route("*", "/v2/{rest:.*}", self._guarded("/v2/…", "other", self._nothing))

    def _guarded(
        self, path: str, operation: str, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            self._cloud.requests.append(Asked(request.method, path))
            answered = await self._answer(request, operation, handler)
            if not answered.prepared and answered.status != 401:
                answered.headers.update(self._rates.headers())
            return answered

        return answer

    async def _answer(
        self, request: web.Request, operation: str, handler: Handler
    ) -> web.StreamResponse:
        sent = request.headers.get("Authorization", "")
        caller = self._cloud.caller(sent.removeprefix("Bearer "))
        if caller is None:
            return problem(401, "invalid bearer token" if sent else "missing bearer token")
        if (seconds := self._rates.count()) is not None:
            return too_many(seconds)
        task = await self._task(request, operation, caller)
        fault = self._cloud.answer_fault(task.now)
        if fault and (answer := await apply_fault(fault, request, "v2")):
            return answer
        if caller.pod and task.pod is not caller.pod:
            return problem(403, "access denied")
        try:
            answer = await handler(task)
        except Unprocessable as error:
            answer = problem(422, str(error), error.errors)
        except Refused as error:
            answer = problem(error.status, str(error))
        return await spoil(fault, request, answer, "v2") if fault else answer

    async def _task(self, request: web.Request, operation: str, caller: Caller) -> Task:
        try:
            body = await request.json() if request.can_read_body else None
        except json.JSONDecodeError:
            body = None
        pod = self._cloud.pods.get(request.match_info.get("id", ""))
        if operation == "action":
            asked = body.get("action") if isinstance(body, dict) else None
            operation = ACTIONS.get(str(asked), "action")
        name = body.get("name") if isinstance(body, dict) else None
        now = Circumstances(
            on=("http", operation),
            name=pod.order.name if pod else name if isinstance(name, str) else None,
            interface="v2",
            key=caller.kind,
        )
        return Task(request, caller, body, now, pod)

    async def _list(self, _: Task) -> web.Response:
        return web.json_response({"pods": [v2_pod(pod) for pod in self._cloud.listed()]})

    async def _create(self, task: Task) -> web.Response:
        order = order_of(read(CreatePod, task.body))
        return web.json_response(v2_pod(self._cloud.create(order, task.now)), status=201)

    async def _get(self, task: Task) -> web.Response:
        return web.json_response(v2_pod(task.its))

    async def _update(self, task: Task) -> web.Response:
        pod, body = task.its, read(UpdatePod, task.body)
        pod.order = changed(pod.order, body)
        pod.locked = pod.locked if body.locked is None else body.locked
        if body.model_fields_set - {"name", "locked"} and pod.is_rented:
            self._cloud.restart(pod)
        return web.json_response(v2_pod(pod))

    async def _terminate(self, task: Task) -> web.Response:
        self._cloud.terminate(task.its, task.now)
        return web.Response(status=204)

    async def _act(self, task: Task) -> web.Response:
        pod, action = task.its, read(PodAction, task.body).action
        if action not in actions(pod):
            raise Refused(409, f"action {action} is not valid for a pod that is {pod.status}")
        if action == "terminate":
            return await self._terminate(task)
        if action == "start":
            self._cloud.resume(pod, task.now)
        elif action == "stop":
            self._cloud.stop(pod)
        else:
            self._cloud.restart(pod)
        return web.json_response(v2_pod(pod))

    async def _logs(self, task: Task) -> web.StreamResponse:
        return await stream_logs(task.request, task.its, self._rates.headers())

    async def _offers(self, task: Task) -> web.Response:
        return web.json_response(catalog(self._cloud, task.request))

    async def _billing(self, task: Task) -> web.Response:
        return web.json_response(billing_of(self._cloud, task.request.query))

    async def _keys(self, _: Task) -> web.Response:
        return web.json_response({"keys": self._cloud.ssh_keys})

    async def _set_keys(self, task: Task) -> web.Response:
        self._cloud.ssh_keys = read(SshKeys, task.body).keys
        return await self._keys(task)

    async def _nothing(self, task: Task) -> web.Response:
        raise Refused(404, "resource not found")

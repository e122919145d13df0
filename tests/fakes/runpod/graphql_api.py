"""The GraphQL interface, which the provider's SDK speaks: documents are really parsed and executed.

An operation on a missing pod, a refused order and a wrong document are answered as errors with
HTTP status 200 or 400, as by the provider; only a wrong key has status 401.
"""

import json
from typing import Any, NamedTuple

from aiohttp import web
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    parse,
    validate,
    value_from_ast_untyped,
)

from fakes.runpod.answering import apply_fault, spoil
from fakes.runpod.cloud import Asked, Caller, Cloud
from fakes.runpod.faults import Circumstances
from fakes.runpod.orders import Gpu, Order, Refused
from fakes.runpod.pod import Pod
from fakes.runpod.schema import SDL
from fakes.runpod.views import graphql_pod

OPERATIONS = {
    "podFindAndDeployOnDemand": "create",
    "deployCpuPod": "create",
    "pod": "get",
    "podStop": "stop",
    "podResume": "resume",
    "podTerminate": "terminate",
    "gpuTypes": "offers",
    "updateUserSettings": "account",
}
FOR_PODS = {"get", "stop", "resume", "terminate"}


class Call(NamedTuple):
    """The first field of a document: what is asked for, and about which pod."""

    field: str
    operation: str
    pod_id: str | None = None
    name: str | None = None


class GraphQLInterface:
    """Answers POST /graphql."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._schema = cloud, build_schema(SDL)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Execute a document, or apply the fault that was ordered for it."""
        try:
            body = await request.json()
        except json.JSONDecodeError as error:
            return _errors(400, f"the body is no JSON: {error}")
        document, problem = self._read(body.get("query") or "")
        variables = body.get("variables") or {}
        call = _call(document, variables) if document else Call("(invalid)", "invalid")
        self._cloud.requests.append(Asked("POST", call.field))
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        caller = self._cloud.caller(sent or request.query.get("api_key", ""))
        if caller is None:
            return _errors(401, "Unauthorized")
        now = self._circumstances(call, caller)
        fault = self._cloud.answer_fault(now)
        if fault and (answer := await apply_fault(fault, request, "graphql")):
            return answer
        if document is None:
            return _errors(400, problem)
        if caller.pod and (call.operation not in FOR_PODS or call.pod_id != caller.pod.id):
            return _errors(200, "Unauthorized")
        root = Root(self._cloud, now)
        result = execute_sync(self._schema, document, root_value=root, variable_values=variables)
        content: dict[str, Any] = {"data": result.data}
        if result.errors:
            content = {"errors": [_error(one) for one in result.errors], **content}
        answer = web.json_response(content)
        return await spoil(fault, request, answer, "graphql") if fault else answer

    def _read(self, text: str) -> tuple[DocumentNode | None, str]:
        try:
            document = parse(text)
        except GraphQLSyntaxError as error:
            return None, error.message
        wrong = validate(self._schema, document)
        return (None, wrong[0].message) if wrong else (document, "")

    def _circumstances(self, call: Call, caller: Caller) -> Circumstances:
        pod = self._cloud.pods.get(call.pod_id or "")
        return Circumstances(
            on=("http", call.operation),
            name=pod.order.name if pod else call.name,
            interface="graphql",
            key=caller.kind,
        )


class Root:
    """The resolvers of one document."""

    def __init__(self, cloud: Cloud, now: Circumstances) -> None:
        self._cloud, self._now = cloud, now

    def myself(self, _: Any) -> dict[str, Any]:
        cloud = self._cloud
        rented = [pod for pod in cloud.pods.values() if pod.is_rented]
        return {
            "id": "user_2standin",
            "email": "ada@example.org",
            "pubKey": "\n".join(cloud.ssh_keys) or None,
            "clientBalance": float(cloud.balance()),
            "currentSpendPerHr": float(sum(pod.rate for pod in rented)),
            "networkVolumes": [],
            "podTemplates": [],
            "containerRegistryCreds": [],
            "pods": lambda _: [graphql_pod(pod) for pod in cloud.listed()],
        }

    def pod(self, _: Any, input: dict[str, Any]) -> dict[str, Any] | None:
        found = self._cloud.pods.get(input["podId"])
        return graphql_pod(found) if found else None

    def gpuTypes(self, _: Any, input: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        wanted = (input or {}).get("id")
        kinds = self._cloud.setup.gpus
        return [
            _gpu_type(self._cloud, name, kind)
            for name, kind in kinds.items()
            if wanted in (None, name)
        ]

    def podFindAndDeployOnDemand(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:
        return self._create(input)

    def deployCpuPod(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:
        return self._create({**input, "gpuTypeId": None})

    def podStop(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:
        pod = self._needed(input, "pod not found to stop")
        _refusing(lambda: self._cloud.stop(pod))
        return graphql_pod(pod)

    def podResume(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:
        pod = self._needed(input, "Pod not found")
        _refusing(lambda: self._cloud.resume(pod, self._now))
        return graphql_pod(pod)

    def podTerminate(self, _: Any, input: dict[str, Any]) -> None:
        self._cloud.terminate(self._needed(input, "pod not found to terminate"), self._now)

    def updateUserSettings(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:
        self._cloud.ssh_keys = [line for line in (input.get("pubKey") or "").split("\n") if line]
        return self.myself(_)

    def _create(self, sent: dict[str, Any]) -> dict[str, Any]:
        order = _order({**sent, "cloudType": self._cloud_type(sent)})
        return graphql_pod(_refusing(lambda: self._cloud.create(order, self._now)))

    def _cloud_type(self, sent: dict[str, Any]) -> str:
        """Return where a pod is placed; ALL is the cheaper cloud that sells the GPU."""
        kind = self._cloud.setup.gpus.get(sent.get("gpuTypeId") or "")
        if (asked := sent.get("cloudType")) in ("SECURE", "COMMUNITY") or kind is None:
            return "COMMUNITY" if asked == "COMMUNITY" else "SECURE"
        secure, community = kind.price("SECURE", 1), kind.price("COMMUNITY", 1)
        cheaper = community is not None and (secure is None or community < secure)
        return "COMMUNITY" if cheaper else "SECURE"

    def _needed(self, sent: dict[str, Any], otherwise: str) -> Pod:
        found = self._cloud.pods.get(sent["podId"])
        if found is None:
            raise GraphQLError(otherwise)
        return found


def _refusing(act: Any) -> Any:
    try:
        return act()
    except Refused as error:
        raise GraphQLError(str(error)) from error


def _order(sent: dict[str, Any]) -> Order:
    center = sent.get("dataCenterId")
    given = {
        "name": sent.get("name") or "pod",
        "image": sent.get("imageName") or "",
        "gpu": sent.get("gpuTypeId"),
        "count": sent.get("gpuCount") or 1,
        "cloud": sent["cloudType"],
        "args": sent.get("dockerArgs") or "",
        "disk_gb": sent.get("containerDiskInGb") or 10,
        "volume_gb": int(sent.get("volumeInGb") or 0),
        "volume_path": sent.get("volumeMountPath") or "/workspace",
        "ports": [port for port in (sent.get("ports") or "").split(",") if port],
        "env": {pair["key"]: pair["value"] for pair in sent.get("env") or []},
        "data_centers": [center] if center else [],
        "cuda_versions": sent.get("allowedCudaVersions") or [],
        "public_ip": sent.get("cloudType") == "SECURE" or bool(sent.get("supportPublicIp")),
        "start_ssh": bool(sent.get("startSsh")),
    }
    return Order.model_validate(given)


def _gpu_type(cloud: Cloud, name: str, kind: Gpu) -> dict[str, Any]:
    def lowest(_: Any, input: dict[str, Any] | None = None) -> dict[str, Any]:
        asked = input or {}
        count, secure = asked.get("gpuCount", 1), asked.get("secureCloud")
        prices = [] if secure is False else [kind.price("SECURE", count)]
        prices += [] if secure else [kind.price("COMMUNITY", count)]
        sold = [price for price in prices if price is not None]
        free = cloud.free(name) if sold and count <= kind.most else 0
        return {
            "minimumBidPrice": None,
            "uninterruptablePrice": float(min(sold)) if free else None,
            "stockStatus": stock_level(free),
        }

    secure, community = kind.price("SECURE", 1), kind.price("COMMUNITY", 1)
    return {
        "id": name,
        "displayName": name.removeprefix("NVIDIA "),
        "memoryInGb": kind.memory_gb,
        "maxGpuCount": kind.most,
        "manufacturer": "Nvidia",
        "cudaCores": 0,
        "secureCloud": secure is not None,
        "communityCloud": community is not None,
        "securePrice": None if secure is None else float(secure),
        "communityPrice": None if community is None else float(community),
        "lowestPrice": lowest,
    }


def stock_level(free: int) -> str | None:
    """Return how much is left, in the words of this interface; None: nothing."""
    return None if free == 0 else "Low" if free == 1 else "Medium" if free < 4 else "High"


def _call(document: DocumentNode, variables: dict[str, Any]) -> Call:
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            for field in definition.selection_set.selections:
                if isinstance(field, FieldNode):
                    return _call_of(field, variables)
    return Call("(empty)", "invalid")


def _call_of(field: FieldNode, variables: dict[str, Any]) -> Call:
    name: str = field.name.value
    sent: dict[str, Any] = {}
    for argument in field.arguments or ():
        sent = value_from_ast_untyped(argument.value, variables) or {}
    if name == "myself":
        inner = field.selection_set.selections if field.selection_set else ()
        lists = any(isinstance(one, FieldNode) and one.name.value == "pods" for one in inner)
        return Call("myself.pods" if lists else "myself", "list" if lists else "account")
    return Call(name, OPERATIONS.get(name, "invalid"), sent.get("podId"), sent.get("name"))


def _error(error: GraphQLError) -> dict[str, Any]:
    where = [{"line": one.line, "column": one.column} for one in error.locations or ()]
    told = {"message": error.message, "locations": where, "path": error.path}
    return told | {"extensions": {"code": "RUNPOD"}}


def _errors(status: int, message: str) -> web.Response:
    content = {"errors": [{"message": message, "extensions": {"code": "RUNPOD"}}]}
    return web.Response(status=status, text=json.dumps(content), content_type="application/json")

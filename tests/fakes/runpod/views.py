"""How a pod looks through each of the two interfaces."""

from datetime import datetime
from typing import Any

from fakes.runpod.orders import CUDA_VERSIONS
from fakes.runpod.pod import Pod

HOST = "127.0.0.1"
MEMORY_GB, CPUS = 31, 8


def graphql_pod(pod: Pod) -> dict[str, Any]:
    """Return a pod as the GraphQL interface tells it; desiredStatus is what was asked for."""
    order = pod.order
    name = (order.gpu or "").removeprefix("NVIDIA ") if order.gpu else "unknown"
    return {
        "id": pod.id,
        "name": order.name,
        "containerDiskInGb": order.disk_gb,
        "costPerHr": float(pod.rate),
        "desiredStatus": "EXITED" if pod.status in ("EXITED", "ERROR") else "RUNNING",
        "dockerArgs": order.args,
        "dockerId": None,
        "env": [f"{key}={value}" for key, value in order.env.items()],
        "gpuCount": order.count if order.gpu else 0,
        "imageName": order.image,
        "lastStatusChange": f"Rented by User: {_javascript_date(pod.date(pod.created))}",
        "machineId": pod.machine,
        "memoryInGb": MEMORY_GB,
        "podType": "RESERVED",
        "port": None,
        "ports": ",".join(order.ports),
        "uptimeSeconds": 0,
        "vcpuCount": CPUS,
        "volumeInGb": order.volume_gb,
        "volumeMountPath": order.volume_path,
        "createdAt": _date(pod.date(pod.created)),
        "runtime": _graphql_runtime(pod),
        "machine": {
            "gpuDisplayName": name,
            "podHostId": f"{pod.id}-64410065",
            "location": pod.data_center,
            "dataCenterId": pod.data_center,
        },
        "containerRegistryAuthId": None,
    }


def v2_pod(pod: Pod) -> dict[str, Any]:
    """Return a pod as REST v2 tells it."""
    order = pod.order
    mount = {"size": order.volume_gb, "path": order.volume_path}
    compute: dict[str, Any] = {"gpu": {"id": order.gpu, "count": order.count}}
    if order.gpu is None:
        compute = {"cpu": {"id": "cpu3c", "vcpuCount": 2, "memory": 4}}
    return {
        "id": pod.id,
        "name": order.name,
        "image": order.image,
        "args": order.args,
        "disk": order.disk_gb,
        "ports": order.ports,
        "env": order.env,
        "registry": None,
        "status": pod.status,
        "actions": actions(pod),
        "mounts": {"persistent": mount} if order.volume_gb else {},
        **compute,
        "cloud": order.cloud,
        "dataCenterId": pod.data_center,
        "cudaVersion": CUDA_VERSIONS[-2] if order.gpu else None,
        "ssh": {"proxy": _proxy(pod), "direct": _direct(pod)},
        "template": None,
        "cost": float(pod.rate) if pod.is_rented else 0.0,
        "locked": pod.locked,
        "globalNetworking": {"enabled": False},
        "runtime": _v2_runtime(pod),
        "createdAt": _date(pod.date(pod.created)),
        "startedAt": None if pod.started is None else _date(pod.date(pod.started)),
    }


def actions(pod: Pod) -> list[str]:
    """Return what can be done with a pod in its state."""
    match pod.status:
        case "RUNNING":
            return ["stop", "restart", "terminate"]
        case "EXITED" | "ERROR":
            return ["start", "terminate"]
        case _:
            return ["stop", "terminate"]


def is_reachable(pod: Pod) -> bool:
    """Whether sshd of a pod has a published port."""
    return pod.public and "22/tcp" in pod.order.ports


def _graphql_runtime(pod: Pod) -> dict[str, Any] | None:
    if pod.started is None:
        return None
    inside = {"ip": "100.65.0.101", "isIpPublic": False}
    ports = [
        {**inside, "privatePort": int(port.split("/")[0]), "publicPort": 60_141, "type": "http"}
        for port in pod.order.ports
        if port.endswith("/http")
    ]
    if "22/tcp" in pod.order.ports:
        published = {"ip": HOST, "isIpPublic": True} if pod.public else inside
        ports.append({**published, "privatePort": 22, "publicPort": pod.port, "type": "tcp"})
    return {"ports": ports, "uptimeInSeconds": pod.uptime()}


def _v2_runtime(pod: Pod) -> dict[str, Any] | None:
    if pod.started is None:
        return None
    ports = []
    if is_reachable(pod):
        ports = [{"private": 22, "public": pod.port, "type": "tcp", "ip": HOST}]
    return {"uptime": pod.uptime(), "ports": ports}


def _direct(pod: Pod) -> dict[str, Any] | None:
    if not is_reachable(pod):
        return None
    command = f"ssh root@{HOST} -p {pod.port}"
    return {"host": HOST, "port": pod.port, "username": "root", "command": command}


def _proxy(pod: Pod) -> dict[str, Any] | None:
    if pod.status == "PROVISIONING":
        return None
    host, user = "ssh.runpod.io", f"{pod.id}-{pod.machine[:8]}"
    return {"host": host, "port": 22, "username": user, "command": f"ssh {user}@{host}"}


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _javascript_date(moment: datetime) -> str:
    return moment.strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")

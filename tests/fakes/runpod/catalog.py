"""The catalog of GPUs in REST v2: prices always, stock where it is asked for."""

from typing import Any

from aiohttp import web

from fakes.runpod.cloud import Cloud
from fakes.runpod.orders import CUDA_VERSIONS, DATA_CENTERS, Gpu, Refused

COUNTRIES = {"US-KS-2": "US", "US-TX-3": "US", "EU-RO-1": "RO"}
ONLY_WITH_STOCK = ("product", "count", "cloud", "countryCodes", "cudaVersions", "minCudaVersion")


def catalog(cloud: Cloud, request: web.Request) -> dict[str, Any]:
    """Return one kind of GPU, or all. Raises Refused."""
    query = dict(request.query)
    with_stock = query.get("include") == "AVAILABILITY"
    stray = [name for name in ONLY_WITH_STOCK if name in query]
    if stray and not with_stock:
        raise Refused(400, f"{stray[0]} is valid only with include=AVAILABILITY")
    if with_stock and "product" not in query:
        raise Refused(400, "include=AVAILABILITY requires product")
    wanted = request.match_info.get("gpu")
    if wanted is not None and wanted not in cloud.setup.gpus:
        raise Refused(404, "resource not found")
    listed = {
        name: _described(name, kind) | (_stock(cloud, name, kind, query) if with_stock else {})
        for name, kind in cloud.setup.gpus.items()
        if wanted in (None, name)
    }
    if wanted is not None:
        return listed[wanted]
    narrowed = [it for it in listed.values() if "countryCodes" not in query or "dataCenters" in it]
    return {"gpus": narrowed}


def _described(name: str, kind: Gpu) -> dict[str, Any]:
    secure, community = kind.price("SECURE", 1), kind.price("COMMUNITY", 1)
    return {
        "id": name,
        "name": name.removeprefix("NVIDIA ").removeprefix("GeForce "),
        "pool": None,
        "manufacturer": "NVIDIA",
        "memory": kind.memory_gb,
        "secure": secure is not None,
        "community": community is not None,
        "price": {"secure": float(secure or 0), "community": float(community or 0)},
        "maxCount": {
            "secure": kind.most if secure is not None else 0,
            "community": kind.most if community is not None else 0,
        },
    }


def _stock(cloud: Cloud, name: str, kind: Gpu, query: dict[str, str]) -> dict[str, Any]:
    count = query.get("count", "1")
    if not count.isdecimal() or int(count) < 1:
        raise Refused(400, "count must be a positive integer")
    asked = query.get("cloud", "SECURE")
    sold = kind.price("COMMUNITY" if asked == "COMMUNITY" else "SECURE", 1) is not None
    versions = query.get("cudaVersions", ",".join(CUDA_VERSIONS)).split(",")
    countries = query.get("countryCodes", "US,RO").split(",")
    free = cloud.free(name) if sold and int(count) <= kind.most else 0
    level = "NONE" if free == 0 else "LOW" if free == 1 else "MEDIUM" if free < 4 else "HIGH"
    places = [
        {"id": place, "name": label, "availability": level}
        for place, label in DATA_CENTERS.items()
        if COUNTRIES[place] in countries
    ]
    found: dict[str, Any] = {"availability": level if places else "NONE"}
    if places and free:
        found["dataCenters"] = places
    found["cudaVersions"] = [
        {"version": one, "available": free > 0} for one in CUDA_VERSIONS if one in versions
    ]
    return found

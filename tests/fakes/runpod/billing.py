"""The history of bills in REST v2: one record per pod, in the bucket of today."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fakes.runpod.clock import Amounts
from fakes.runpod.cloud import Cloud
from fakes.runpod.orders import Refused
from fakes.runpod.pod import Pod

NAMES = ("totalAmount", "gpuAmount", "cpuAmount", "diskAmount")
SIZES = ("hour", "day", "week", "month", "year")


def billing_of(cloud: Cloud, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what all pods, or the one in the query, have cost. Raises Refused."""
    if "lastN" in query and ("startTime" in query or "endTime" in query):
        raise Refused(400, "lastN and startTime/endTime are mutually exclusive")
    if query.get("bucketSize", "day") not in SIZES:
        raise Refused(400, "bucketSize is not known")
    start = cloud.clock.date(0).replace(hour=0, minute=0, second=0, microsecond=0)
    end = cloud.clock.date(cloud.clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    end += timedelta(days=1)
    wanted = query.get("podId")
    pods = [*cloud.pods.values(), *(it.pod for it in cloud.ended.values())]
    records = [_record(pod, start, end) for pod in pods if wanted in (None, pod.id)]
    totals = {name: sum(record[name] for record in records) for name in NAMES}
    window = {"startTime": _text(start), "endTime": _text(end), "bucketSize": "day"}
    return {
        "records": records,
        "metadata": {
            "query": {**window, "podId": wanted},
            "recordCount": len(records),
            "uniquePodCount": len(records),
            "totals": totals,
        },
    }


def _record(pod: Pod, start: datetime, end: datetime) -> dict[str, Any]:
    billed: Amounts = pod.bill.amounts()
    compute = float(billed.compute)
    return {
        "startTime": _text(start),
        "endTime": _text(end),
        "podId": pod.id,
        "totalAmount": float(billed.total),
        "gpuAmount": compute if pod.order.gpu else 0.0,
        "cpuAmount": 0.0 if pod.order.gpu else compute,
        "diskAmount": float(billed.disk),
    }


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

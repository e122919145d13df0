"""One interface to the provider of pods, and its adapters."""

from fumehood_tools.pods.api.failing_over import choose_api
from fumehood_tools.pods.api.failures import (
    AnswerLost,
    InterfaceUnusable,
    KeyRefused,
    NoCapacity,
    NoSuchPod,
    OrderRefused,
    PodsFailed,
    ProviderBusy,
    ServiceRetired,
)
from fumehood_tools.pods.api.model import (
    Account,
    Cloud,
    GpuOffer,
    LogLine,
    Pod,
    PodOrder,
    PodState,
    SshAddress,
    Stock,
)
from fumehood_tools.pods.api.protocol import PodAPI

__all__ = [
    "Account",
    "AnswerLost",
    "Cloud",
    "GpuOffer",
    "InterfaceUnusable",
    "KeyRefused",
    "LogLine",
    "NoCapacity",
    "NoSuchPod",
    "OrderRefused",
    "Pod",
    "PodAPI",
    "PodOrder",
    "PodState",
    "PodsFailed",
    "ProviderBusy",
    "ServiceRetired",
    "SshAddress",
    "Stock",
    "choose_api",
]

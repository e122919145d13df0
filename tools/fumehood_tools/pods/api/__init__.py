"""One interface to the provider of pods, and its adapters."""

from fumehood_tools.pods.api.failures import (
    AnswerLost,
    KeyRefused,
    NoCapacity,
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
    "KeyRefused",
    "LogLine",
    "NoCapacity",
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
]

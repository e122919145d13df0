"""What can go wrong between us and the provider of pods.

PodsFailed               the provider did not do what was asked
├── KeyRefused           the API key is missing, wrong or revoked
├── OrderRefused         the provider does not accept this order: repeating it is no use
│   └── NoSuchPod        there is no pod with this id
├── NoCapacity           no machine of this kind is free now: try another GPU or later
├── ProviderBusy         too many requests, or the service is down: nothing was done
├── AnswerLost           nobody knows whether it was done: look before asking again
├── ServiceRetired       this interface of the provider was switched off (HTTP 410)
└── InterfaceUnusable    the package for this interface is missing or does not fit
"""

from fumehood_tools.errors import FumehoodError


class PodsFailed(FumehoodError):
    """The provider did not do what was asked.

    retry_after: seconds that the provider asked us to wait, if it named any.
    """

    code = "pods_failed"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class KeyRefused(PodsFailed):
    """The API key is missing, wrong, revoked, or has no right to do this."""

    code = "pods_key_refused"


class OrderRefused(PodsFailed):
    """The provider does not accept this order, whenever it is sent."""

    code = "pods_order_refused"


class NoSuchPod(OrderRefused):
    """The provider has no pod with this id, or the key may not see it."""

    code = "pods_no_such_pod"


class NoCapacity(PodsFailed):
    """No machine of this kind is free now."""

    code = "pods_no_capacity"


class ProviderBusy(PodsFailed):
    """The provider answered that it did nothing: too many requests, or the service is down."""

    code = "pods_busy"


class AnswerLost(PodsFailed):
    """The request was sent, and no usable answer came back: it may or may not have been done.

    After a create, look for the pod by its name before asking again: it may be running and billed.
    """

    code = "pods_answer_lost"


class ServiceRetired(PodsFailed):
    """The provider has switched this interface off."""

    code = "pods_service_retired"


class InterfaceUnusable(PodsFailed):
    """The package that speaks this interface is missing, broken, or has changed too much."""

    code = "pods_interface_unusable"

"""What tests order from the provider of pods, and the two interfaces to it."""

from collections.abc import Callable
from typing import Any

from fumehood_tools.pods.api import PodAPI, PodOrder

GPU = "NVIDIA A40"
BOTH = ("graphql", "v2")
Opened = Callable[..., PodAPI]
"""Opens an adapter: (interface, url of the stand-in, key, seconds=…)."""


def ordered(name: str = "fumehood-0000000f-000000000000000a", **more: Any) -> PodOrder:
    """Return an order."""
    return PodOrder(name=name, image="image", **more)

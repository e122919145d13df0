"""A controller that rents a pod and ends it, and kills itself with SIGKILL at a chosen call.

controller.py STATE URL KEY INTERFACE METHOD NUMBER WHEN: before or after the NUMBER-th call of a
METHOD of the interface to the provider; METHOD "" lives on. Prints the id of the pod.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from fumehood_tools.pods.api import PodOrder, choose_api
from fumehood_tools.pods.rentals import MachineClock, Wish, end_rental, open_desk, rent
from fumehood_tools.settings import load_settings


class Fatal:
    """An interface to the provider one of whose calls is the last one of this process."""

    def __init__(self, api: Any, method: str, number: int, when: str) -> None:
        self._api, self._method, self._left, self._when = api, method, number, when

    def __getattr__(self, name: str) -> Any:
        its = getattr(self._api, name)
        if name != self._method:
            return its

        def call(*words: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = its(*words)
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return call


def main() -> None:
    """Rent, tell the pod, end it."""
    workspace, endpoints, key, interface, method, number, when = sys.argv[1:]
    environ = {"FUMEHOOD_ENDPOINTS": endpoints, "FUMEHOOD_RUNPOD_INTERFACE": interface}
    settings = load_settings(Path(workspace), environ)
    api = choose_api(settings, {"RUNPOD_API_KEY": SecretStr(key)})
    desk = open_desk(settings.state, Fatal(api, method, int(number), when), MachineClock())
    order = PodOrder(name="", image="an/image", environment={"PUBLIC_KEY": "ssh-ed25519 AAAA t"})
    rental, pod = rent(desk, Wish(place="p", order=order, gpus=("NVIDIA A40",), runtime_s=600))
    print(pod.id, flush=True)
    end_rental(desk, rental.intent, "done")


if __name__ == "__main__":
    main()

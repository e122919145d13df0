"""The request of a launch, as the door checks it and as its job reads it from its folder."""

from pydantic import BaseModel, Field

from fumehood_tools.pods.wanted import PodsWanted

REQUEST_FILE = "request.json"
RESULTS = "results"
"""The folder of the job's folder with one folder of results per pod."""


class Script(BaseModel, frozen=True):
    """A program of the user's, run once on each pod.

    It runs in an empty folder. results: files and folders that it leaves there; (): everything.
    """

    name: str
    source: str
    arguments: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


class LaunchRequest(BaseModel, frozen=True):
    """Pods, and what is done on them."""

    pods: PodsWanted
    script: Script | None = Field(None, description="None: the pods are kept for later runs")

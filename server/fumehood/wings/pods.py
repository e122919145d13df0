"""The pods wing: rented GPUs and the user's own hosts. Off until a key or a host is configured."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Command, Wing
from fumehood_tools.wings import table

WING = Wing(
    name="pods",
    door="fumehood.doors.pods",
    tools=("list_gpus", "launch_pods", "list_pods", "terminate_pods"),
    guidance=Guidance(
        steps={
            "run": (Sentence("list_gpus: more GPUs.", ("list_gpus",)),),
        },
    ),
    commands=(Command("pods", "list rented GPUs, or end them", "fumehood.pods"),),
    declared=table.PODS,
    why_off="fumehood_tools.pods.configured:why_off",
    at_start="fumehood_tools.pods.at_start:watch_rentals",
)

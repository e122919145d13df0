"""The hunt wing: find a concept's latent with few questions. Off unless it is named."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(
    name="hunt",
    door="fumehood.doors.hunts",
    tools=("open_hunt", "probe_latents", "answer_hunt"),
    guidance=Guidance(
        steps={
            "judge": (Sentence("open_hunt: a test.", ("open_hunt",)),),
        },
    ),
    declared=table.HUNT,
    why_off="fumehood_tools.hunts.offering:why_off",
)

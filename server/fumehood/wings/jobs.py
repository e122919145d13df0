"""The jobs wing: work that continues after the call that started it."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Wing

WING = Wing(
    name="jobs",
    door="fumehood.doors.jobs",
    tools=("list_jobs", "wait_for_job", "read_job_log", "cancel_job"),
    guidance=Guidance(
        steps={
            "wait": (
                Sentence(
                    "wait_for_job: up to 45 s; repeat until the job has ended.",
                    ("wait_for_job",),
                ),
                Sentence("read_job_log shows why one failed.", ("read_job_log",)),
                Sentence("list_jobs finds jobs after a disconnect.", ("list_jobs",)),
            ),
        },
    ),
)

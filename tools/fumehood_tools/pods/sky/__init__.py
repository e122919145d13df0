"""Training through SkyPilot, for clouds, Kubernetes and Slurm clusters.

SkyPilot pins other versions of our packages, so it never lives in our environment: its command
`sky` runs as a process of its own. `task` writes task.yaml, `command` calls the command.
"""

from fumehood_tools.pods.sky.command import SkyCommand, SkyJob
from fumehood_tools.pods.sky.task import RESULTS, SkyTask, write_task

__all__ = ["RESULTS", "SkyCommand", "SkyJob", "SkyTask", "write_task"]

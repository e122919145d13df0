"""Jobs on machines that are reached by ssh: a program of ours over there, and our side of it.

`Agent` starts, follows, cancels and lists; `collect` and `sync` bring files here; `start_command`
guards a pod before anybody can log in. The program itself is `in_pod`.
"""

from fumehood_tools.pods.agent.archive import ROOT, agent_bytes, agent_name, start_command
from fumehood_tools.pods.agent.collecting import Collected, collect, sync
from fumehood_tools.pods.agent.controlling import Agent, LogPiece
from fumehood_tools.pods.agent.specs import (
    Health,
    JobSpec,
    JobState,
    JobStatus,
    Manifest,
    RemoteFile,
)

__all__ = [
    "ROOT",
    "Agent",
    "Collected",
    "Health",
    "JobSpec",
    "JobState",
    "JobStatus",
    "LogPiece",
    "Manifest",
    "RemoteFile",
    "agent_bytes",
    "agent_name",
    "collect",
    "start_command",
    "sync",
]

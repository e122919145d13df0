"""The wings of fumehood, in the order of their tools."""

from fumehood.wings import bench, code, guides, hunt, jobs, papers, pods, sandbox, studies
from fumehood.wings.wing import Command, Wing, choose_wings, declared_by

WINGS = (
    papers.WING,
    code.WING,
    guides.WING,
    sandbox.WING,
    bench.WING,
    studies.WING,
    jobs.WING,
    pods.WING,
    hunt.WING,
)

__all__ = ["WINGS", "Command", "Wing", "choose_wings", "declared_by"]

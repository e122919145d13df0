"""The tools of a study: its notebook, plans, verdicts, suggestions and reports."""

from fumehood.doors import (
    study_holdout,
    study_notebook,
    study_plans,
    study_prompts,
    study_reports,
    study_suggestions,
)
from fumehood.tooling import Toolbox

DOORS = (
    study_notebook,
    study_suggestions,
    study_plans,
    study_reports,
    study_holdout,
    study_prompts,
)


def register(toolbox: Toolbox) -> None:
    """Declare the tools, prompts and resources of studies."""
    for door in DOORS:
        door.register(toolbox)

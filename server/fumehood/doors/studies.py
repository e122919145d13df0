"""The tools of a study: its notebook, plans, verdicts, suggestions and reports."""

from fumehood.doors import study_holdout, study_notebook, study_plans
from fumehood.tooling import Toolbox


def register(toolbox: Toolbox) -> None:
    """Declare the tools, prompts and resources of studies."""
    study_notebook.register(toolbox)
    study_plans.register(toolbox)
    study_holdout.register(toolbox)

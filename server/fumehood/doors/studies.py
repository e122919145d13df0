"""The tools of a study: its notebook, plans, verdicts, suggestions and reports."""

from fumehood.doors import study_notebook, study_plans, study_suggestions
from fumehood.tooling import Toolbox


def register(toolbox: Toolbox) -> None:
    """Declare the tools, prompts and resources of studies."""
    study_notebook.register(toolbox)
    study_plans.register(toolbox)
    study_suggestions.register(toolbox)

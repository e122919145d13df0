"""The tools of a study: its notebook, plans, verdicts, suggestions and reports."""

from fumehood.doors import study_notebook, study_reports
from fumehood.tooling import Toolbox


def register(toolbox: Toolbox) -> None:
    """Declare the tools, prompts and resources of studies."""
    study_notebook.register(toolbox)
    study_reports.register(toolbox)

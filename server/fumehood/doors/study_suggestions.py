"""The tool that suggests what to try next in a study."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors.arguments import Cursor
from fumehood.doors.study_notebook import StudyName, lab_of
from fumehood.tooling import Toolbox, answer
from fumehood_tools.studies.suggesting.answer import Part, Suggestions
from fumehood_tools.studies.suggesting.suggest import Asked, suggest


def register(toolbox: Toolbox) -> None:
    """Declare the tool."""

    @toolbox.tool(
        title="Suggest experiments",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def suggest_experiments(
        study: StudyName,
        about: Annotated[
            Part | None, Field(description="One part in full; default: all in short")
        ] = None,
        sandbox: Annotated[
            str | None, Field(max_length=64, description="Default: the newest plan's")
        ] = None,
        variant: Annotated[
            str | None, Field(max_length=100, description="For parameters and similar")
        ] = None,
        text: Annotated[
            str | None,
            Field(max_length=4_000, description="similar: an idea; failures: words to find"),
        ] = None,
        agent: Annotated[
            int, Field(ge=1, le=1_000, description="Your number among agents on this study")
        ] = 1,
        minutes: Annotated[
            float | None, Field(gt=0, description="Most that the next experiment may take")
        ] = None,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, Suggestions]:
        """Suggest what to try next, from all that was measured in this workspace.

        parameters: values for a variant's constants, by its metric at equal L0; each is a try.
        next: experiments by verdicts expected to change per minute. similar: what resembles an idea
        or variant in text, code or trained dictionary. failures: what failed and why. hints: where
        you start, and no other agent. Next: the call named in a row.
        """
        asked = Asked(study, about, sandbox, variant, text, agent, minutes, cursor)
        found = suggest(lab_of(toolbox), toolbox.jobs, asked)
        return answer(found.text(), found, sparse=True)

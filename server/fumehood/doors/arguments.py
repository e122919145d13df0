"""Arguments that several tools share, so that their descriptions are the same everywhere."""

from typing import Annotated

from pydantic import Field

Cursor = Annotated[str | None, Field(description="From the previous page")]

SandboxName = Annotated[str, Field(description="Name, e.g. 'demo'", min_length=1, max_length=64)]

"""The facts that the process of the blocks writes, read as data that may be wrong or forged."""

import json
from typing import IO, Annotated, Any

from pydantic import BaseModel, Field, ValidationError

MOST_FACTS = 32 << 20
MOST_TEXT = 4_000
Text = Annotated[str, Field(max_length=MOST_TEXT)]
Number = Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)]


class ErrorFacts(BaseModel, frozen=True):
    """An exception that ended a block."""

    type: Text
    types: tuple[Text, ...] = ()
    message: Text = ""
    chain: tuple[Text, ...] = ()
    line: Number | None = None
    package: Text = ""
    name: Text = ""
    wanted: Text = ""
    near: tuple[Text, ...] = ()
    has_top: bool = False
    is_none: bool = False
    is_library: bool = False
    errno: Number | None = None
    code: Number | None = None


class Facts(BaseModel, frozen=True):
    """One line: that a block started, ended, or tried what is refused."""

    block: Number
    event: Text
    sha256: Text = ""
    error: ErrorFacts | None = None
    warnings: tuple[tuple[Text, Text], ...] = ()
    nothings: tuple[tuple[Text, Text, Number], ...] = ()
    attempts: tuple[Text, ...] = ()
    bound: tuple[Text, ...] = ()


def read_facts(file: IO[bytes]) -> list[Facts]:
    """Return the facts in a file. Lines that are not facts are skipped: a block wrote them."""
    file.seek(0)
    found = []
    for line in file.read(MOST_FACTS).splitlines():
        try:
            content: Any = json.loads(line)
            found.append(Facts.model_validate(content))
        except (ValidationError, ValueError, RecursionError):
            continue
    return found

"""The script that a notebook becomes, and what could not be carried over."""

from pydantic import BaseModel, Field

MOST_QUOTED = 200


class NotCarried(BaseModel, frozen=True):
    """A part of a notebook that the script contains as a comment only, or in another form."""

    cell: int = Field(description="number of the cell in the notebook, from 1")
    line: int = Field(description="line in this cell, from 1")
    text: str = Field(description="the line, cut if it is long; text from outside")
    reason: str = Field(description="why it could not be carried over")


class Script(BaseModel, frozen=True):
    """A notebook as a Python script, which compiles and needs no IPython."""

    source: str = Field(description="the script")
    language: str = Field(description="the notebook's language, in lower case")
    language_stated: bool = Field(description="false: it states none, and is taken as Python")
    format: int = Field(description="format of the notebook file: 1 to 4")
    cells: int = Field(description="number of cells, of all kinds")
    code_cells: int = Field(description="number of cells with code")
    not_carried: tuple[NotCarried, ...] = Field(description="what is a comment in the script")

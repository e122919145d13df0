"""What can be asked of a packer."""

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from fumehood_tools.packing.formats import Format

PackerAsked = Literal["auto", "own", "repomix"]
Packer = Literal["own", "repomix (npm)", "repomix (PyPI)"]
LEAST_BUDGET = 500


class Ranked(BaseModel, frozen=True):
    """A file that should be shown in full before others."""

    path: str
    reason: str = Field(description='Why, as in "names the hyperparameter k=32 (line 12)"')


class PackRequest(BaseModel, frozen=True):
    """A repository, and how to pack it."""

    source: str = Field(description="Workspace path, URL or package, as `open_checkout` reads it")
    format: Format = "xml"
    include: tuple[str, ...] = Field(default=(), description="Patterns as in .gitignore")
    exclude: tuple[str, ...] = Field(default=(), description="Patterns as in .gitignore")
    compress: bool = Field(default=False, description="Signatures instead of whole files")
    budget_tokens: int | None = Field(default=None, ge=LEAST_BUDGET)
    ranking: tuple[Ranked, ...] = Field(
        default=(), description="Files to show in full first, most important first"
    )
    packer: PackerAsked = "auto"

    @field_validator("source")
    @classmethod
    def _without_credentials(cls, source: str) -> str:
        """Cut credentials off, since requests are stored with their jobs. None are ever used."""
        from fumehood_tools.repositories.address import without_credentials

        return without_credentials(source)

"""What is asked of a validation, and where its report is kept."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import read_json, write_json
from fumehood_tools.glass import choose_level, remove_folder
from fumehood_tools.proving.folder import SandboxFolder, look
from fumehood_tools.proving.report import Budget, Report
from fumehood_tools.proving.standard import VERSION
from fumehood_tools.runs.code import evaluator_sha256, template_sha256
from fumehood_tools.settings import Settings

FOLDER = "proving"


class ValidationRequest(BaseModel, frozen=True):
    """A validation of one sandbox."""

    sandbox: str
    budget: Budget = Field("quick", description="read: run nothing; full: sandbox.toml's budget")
    sarif: bool = False


def validation_id(request: ValidationRequest, folder: SandboxFolder, settings: Settings) -> str:
    """Return the id of a validation: the same for the same files, budget, glass and version."""
    parts = [
        VERSION,
        request.sandbox,
        request.budget,
        folder.digest(),
        settings.glass,
        choose_level("auto"),
        template_sha256(),
        evaluator_sha256(),
    ]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


class ReportShelf:
    """The reports of validations in one workspace."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.state / FOLDER

    def get(self, validation: str) -> Report | None:
        """Return a report, or None if there is none that can be read."""
        try:
            return Report.model_validate(read_json(self.folder / f"{validation}.json"))
        except (StorageFailed, ValidationError):
            return None

    def put(self, report: Report) -> None:
        """Keep a report. Raises StorageFailed."""
        write_json(self.folder / f"{report.id}.json", report.model_dump(mode="json"))

    def bench(self, sandbox: str, validation: str) -> Path:
        """Return the folder in which a validation works; it is removed at the end.

        What earlier validations of the sandbox left that were stopped, before a file changed, is
        removed now.
        """
        own = self.folder / f"{sandbox}.{validation}"
        for path in self.folder.glob(f"{sandbox}.*"):
            if path != own:
                remove_folder(path)
        return own


def kept_report(request: ValidationRequest, settings: Settings) -> Report | None:
    """Return the kept report of the same validation; None if it has to be run.

    Raises UnknownName for a sandbox that does not exist.
    """
    folder = look(settings, request.sandbox)
    return ReportShelf(settings).get(validation_id(request, folder, settings))


def sarif_path(settings: Settings, report: Report) -> Path:
    """Return the place of a report's SARIF file in the workspace."""
    return settings.workspace / "validations" / f"{report.sandbox}-{report.id}.sarif"

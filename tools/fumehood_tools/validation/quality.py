"""Tell how usable the code is: licence, tests, last commit, pinned dependencies, installable."""

from fumehood_tools.repositories import Checkout
from fumehood_tools.validation.history import History
from fumehood_tools.validation.metadata import Metadata
from fumehood_tools.validation.models import Evidence
from fumehood_tools.validation.sources import Sources


def quality_evidence(
    checkout: Checkout, sources: Sources, metadata: Metadata, history: History | None
) -> list[Evidence]:
    """Return what speaks for the code's quality. It never changes the score or the class."""
    tests = sources.skipped.get("tests and fixtures", 0)
    licence = metadata.licence_file
    pinned, dependencies = metadata.pinned
    last = f"Last commit {history.last_date}" if history else "No history: the age is unknown"
    return [
        _fact(
            "licence",
            f"Licence: {metadata.licence}" if metadata.licence else "No licence: reuse not allowed",
            licence.path if licence else "",
        ),
        _fact("tests", f"{tests} files of tests" if tests else "No tests"),
        _fact("last_commit", last),
        _fact("pinned", f"{pinned} of {dependencies} dependencies have an exact version"),
        _fact(
            "installable",
            "Can be installed as a package" if metadata.installable else "Has no build file",
            metadata.installable,
        ),
        _fact("size", f"{sources.code_lines:,} lines of source in {len(checkout.files):,} files"),
    ]


def _fact(kind: str, says: str, file: str = "") -> Evidence:
    return Evidence(part="quality", kind=kind, says=says, file=file)

"""Tell how usable the code is: licence, tests, last commit, pinned dependencies, installable."""

from fumehood_tools.repositories import Checkout, RepositoryFacts
from fumehood_tools.validation.metadata import Metadata
from fumehood_tools.validation.models import Evidence
from fumehood_tools.validation.sources import Sources


def quality_evidence(
    checkout: Checkout, facts: RepositoryFacts, sources: Sources, metadata: Metadata
) -> list[Evidence]:
    """Return what speaks for the code's quality. It never changes the score or the class."""
    tests = sources.skipped.get("tests and fixtures", 0)
    packaged = checkout.origin.kind == "package"
    without = "No tests; packages often leave them out" if packaged else "No tests"
    pinned, dependencies = metadata.pinned
    last = f"Last commit {facts.committed[:10]}" if facts.committed else "No date of a commit"
    return [
        _fact("licence", _licence(facts), facts.licence_file),
        _fact("tests", f"{tests} files of tests" if tests else without),
        _fact("last_commit", last),
        _fact("pinned", f"{pinned} of {dependencies} dependencies have an exact version"),
        _fact(
            "installable",
            "Can be installed as a package" if metadata.installable else "Has no build file",
            metadata.installable,
        ),
        _fact("size", f"{sources.code_lines:,} lines of source in {len(checkout.files):,} files"),
    ]


def _licence(facts: RepositoryFacts) -> str:
    if facts.licence == "other":
        return "Has a licence whose text is not a known one: read it"
    return f"Licence: {facts.licence}" if facts.licence else "No licence: reuse not allowed"


def _fact(kind: str, says: str, file: str = "") -> Evidence:
    return Evidence(part="quality", kind=kind, says=says, file=file)

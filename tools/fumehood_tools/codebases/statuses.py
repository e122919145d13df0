"""What is at a candidate's address now: its files, and what its host says about it.

Git is asked first, since that needs no key and has no hourly limit; GitHub's REST API adds whether
a repository is archived or a fork. Only a definite answer of its host makes a candidate dead.
"""

import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.codebases.asking import GITHUB_PACE, github_headers
from fumehood_tools.codebases.model import Candidate, CodeStatus
from fumehood_tools.deadlines import Deadline
from fumehood_tools.errors import FumehoodError, RepositoryFailed
from fumehood_tools.papers.services import Services
from fumehood_tools.repositories import Limits, read_address
from fumehood_tools.repositories.clones import Ask
from fumehood_tools.repositories.packages import package_versions
from fumehood_tools.repositories.peeking import Peek, peek
from fumehood_tools.settings import Settings
from fumehood_tools.web.model import SourceFailed, answer_within

MOST_PAGE = 3_000_000
TOKEN = "GITHUB_TOKEN"
_SOON = re.compile(
    r"coming soon|to be released|will (?:be|soon be) (?:released|made|available|uploaded)|"
    r"under construction|stay tuned|code (?:is )?(?:coming|to come)|will (?:release|upload)|"
    r"(?:release|available) (?:upon|after) (?:acceptance|publication)|\btbd\b",
    re.I,
)
_OF_FAILURE: dict[str, CodeStatus] = {
    "missing": "dead",
    "no_repository": "dead",
    "empty": "empty",
    "private_or_missing": "private_or_missing",
    "unreachable": "unreachable",
    "timeout": "unreachable",
}


class Checker(NamedTuple):
    """Checks candidates. asks_github: whether GitHub's REST API is asked too."""

    settings: Settings
    services: Services
    deadline: Deadline

    def check(self, candidate: Candidate, *, asks_github: bool) -> Candidate:
        """Return the candidate with its status. Never raises a FumehoodError."""
        try:
            if candidate.kind == "package":
                return self._package(candidate)
            if candidate.kind == "archive_page":
                return self._page(candidate)
            found = self._repository(candidate)
        except RepositoryFailed as failed:
            status = _OF_FAILURE.get(failed.status, "not_checked")
            told = candidate.model_copy(update={"status": status, "detail": str(failed)})
            hidden = status == "private_or_missing" and asks_github
            return self._with_owner(told) if hidden else told
        except SourceFailed as failed:
            gone = failed.http in (404, 410)
            status = "dead" if gone else "unreachable"
            return candidate.model_copy(update={"status": status, "detail": str(failed)})
        except FumehoodError as failed:
            return candidate.model_copy(update={"status": "not_checked", "detail": str(failed)})
        return self._with_host(found) if asks_github else found

    def _ask(self) -> Ask:
        return Ask(self.settings, self.deadline, Limits(), lambda _: None)

    def _repository(self, candidate: Candidate) -> Candidate:
        """Return the candidate as git sees it; one of its guesses if only that exists."""
        try:
            return _seen(candidate, peek(read_address(candidate.source), self._ask()))
        except RepositoryFailed as failed:
            if failed.status not in ("missing", "private_or_missing"):
                raise
            for guess in candidate.guesses[:2]:
                try:
                    found = peek(read_address(guess), self._ask())
                except RepositoryFailed:
                    continue
                return _seen(candidate.model_copy(update={"source": guess}), found)
            raise

    def _package(self, candidate: Candidate) -> Candidate:
        name = candidate.source.removeprefix("pkg:").partition("==")[0]
        versions = package_versions(name, self._ask())
        detail = f"The package index has it; newest version {versions[-1]}." if versions else ""
        return candidate.model_copy(
            update={"status": "alive" if versions else "empty", "detail": detail}
        )

    def _page(self, candidate: Candidate) -> Candidate:
        with tempfile.TemporaryDirectory(prefix="fumehood-page-") as place:
            to, limit = Path(place) / "page", answer_within(self.deadline.left())
            self.services.downloads().fetch(candidate.source, to, limit, MOST_PAGE)
        detail = "Its page answers. Download its files, then pass the archive."
        return candidate.model_copy(update={"status": "alive", "detail": detail})

    def _with_owner(self, candidate: Candidate) -> Candidate:
        """Tell more about a repository that GitHub hides: it is gone if its owner is."""
        address = read_address(candidate.source)
        if address.host != "github.com":
            return candidate
        owner = address.path.partition("/")[0]
        try:
            if isinstance(self._said(f"/repos/{address.path}"), dict):
                detail = "It is private; your GITHUB_TOKEN may read it. Clone it, pass the folder."
                return candidate.model_copy(update={"detail": detail})
        except SourceFailed as failed:
            if failed.http != 404:
                return candidate
        try:
            self._said(f"/users/{owner}")
        except SourceFailed as failed:
            if failed.http == 404:
                detail = f"GitHub has no account {owner!r}, so it is gone and not private."
                return candidate.model_copy(update={"status": "dead", "detail": detail})
        return candidate

    def _said(self, path: str) -> Any:
        """Return GitHub's answer. Raises SourceFailed."""
        web = self.services.web(GITHUB_PACE)
        headers = github_headers(web.key(TOKEN) if self.services.has_key(TOKEN) else "")
        return web.get_json(path, answer_within(self.deadline.left()), {}, headers)

    def _with_host(self, candidate: Candidate) -> Candidate:
        """Add what GitHub says: archived, fork, licence, stars."""
        address = read_address(candidate.source)
        if address.host != "github.com" or candidate.status == "empty":
            return candidate
        try:
            said = self._said(f"/repos/{address.path}")
        except SourceFailed as failed:
            why = "too many requests" if is_rate_limit(failed) else failed.status
            key = "" if self.services.has_key(TOKEN) else f" Set {TOKEN} for more requests."
            return candidate.model_copy(
                update={
                    "detail": f"{candidate.detail} Whether it is archived or a fork is unknown: "
                    f"GitHub's API did not say ({why}).{key}".strip()
                }
            )
        return _told(candidate, said) if isinstance(said, dict) else candidate


def is_rate_limit(failed: SourceFailed) -> bool:
    """Return whether GitHub refused a request because of its hourly limit (HTTP 403 or 429)."""
    return failed.status == "rate_limited" or "rate limit" in str(failed).lower()


def _seen(candidate: Candidate, found: Peek) -> Candidate:
    moved = candidate.moved_from
    if found.address.page.lower() != candidate.source.lower():
        moved = [*moved, candidate.source]
    status, detail = _judged(found)
    return candidate.model_copy(
        update={
            "source": found.address.page,
            "moved_from": moved,
            "status": status,
            "detail": detail,
            "commit": found.commit,
            "committed": found.committed,
            "files": None if found.note else len(found.files),
        }
    )


def _judged(found: Peek) -> tuple[CodeStatus, str]:
    if found.has_content:
        return "alive", found.note
    if not found.files:
        return "empty", "Its newest commit has no files."
    if soon := _SOON.search(found.readme):
        return "coming_soon", f"It has no code yet; its README says {soon.group().lower()!r}."
    return (
        "readme_only",
        f"Its {len(found.files)} files are about the repository: no code, no data.",
    )


def _told(candidate: Candidate, said: dict[str, Any]) -> Candidate:
    licence = said.get("license")
    parent = said.get("parent") if said.get("fork") else None
    archived = bool(said.get("archived"))
    name = parent.get("full_name") if isinstance(parent, dict) else ""
    spdx = licence.get("spdx_id") if isinstance(licence, dict) else ""
    stars = said.get("stargazers_count")
    return candidate.model_copy(
        update={
            "archived": archived,
            "status": "archived" if archived and candidate.status == "alive" else candidate.status,
            "fork_of": f"https://github.com/{name}" if isinstance(name, str) and name else "",
            "licence": spdx if isinstance(spdx, str) and spdx != "NOASSERTION" else "",
            "stars": stars if isinstance(stars, int) else None,
        }
    )

"""Fakes of the services that name and describe repositories: git hosts, GitHub's REST API, others.

The formats follow the published references of GitHub's REST API (2022-11-28), Hugging Face papers,
Perplexity's /search and Exa's /search. The repositories are real git repositories.
"""

import contextlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fakes.git_server import GitServer
from fakes.http_service import HttpService, Reply, Request

NOT_FOUND = Reply.of({"message": "Not Found", "status": "404"}, 404)
LIMITED = Reply.of({"message": "API rate limit exceeded for 127.0.0.1."}, 403)


class CodeServices:
    """All services.

    about: facts of repositories on GitHub. named: what each search returns. hashes: what the
    package index states of a file.
    """

    def __init__(self, root: Path) -> None:
        self.git = GitServer(root / "github", hides=True)
        self.about: dict[str, dict[str, Any]] = {}
        self.named: dict[str, list[str]] = {"github": [], "perplexity": [], "exa": []}
        self.papers: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, dict[str, bytes]] = {}
        self.hashes: dict[str, str] = {}
        self.pages: dict[str, str] = {}
        self.services = {
            name: HttpService(getattr(self, name), keep_alive=False)
            for name in ("github", "hugging_face", "perplexity", "exa", "package_index")
        }

    def __getitem__(self, name: str) -> HttpService:
        return self.services[name]

    @property
    def endpoints(self) -> str:
        """The value for FUMEHOOD_ENDPOINTS."""
        named = {name: service.url for name, service in self.services.items()}
        named["github_git"] = self.git.url
        return ";".join(f"{name}={url}" for name, url in named.items())

    @contextlib.contextmanager
    def running(self) -> Iterator["CodeServices"]:
        """Serve until the block ends."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.git)
            for service in self.services.values():
                stack.enter_context(service)
            yield self

    def github(self, request: Request) -> Reply:
        """GET /repos/{owner}/{name}, /users/{owner} and /search/repositories"""
        if request.path == "/search/repositories":
            items = [
                {"html_url": url, "full_name": url.partition(".com/")[2], "description": "Found."}
                for url in self.named["github"]
            ]
            return Reply.of({"total_count": len(items), "items": items})
        if request.path.startswith("/users/"):
            owner = request.path.removeprefix("/users/").lower()
            known = (self.git.root / owner).is_dir()
            return Reply.of({"login": owner, "type": "User"}) if known else NOT_FOUND
        name = request.path.removeprefix("/repos/")
        if not (self.git.root / name.lower()).is_dir():
            return NOT_FOUND
        facts: dict[str, Any] = {"archived": False, "fork": False, "stargazers_count": 7}
        return Reply.of(facts | {"license": {"spdx_id": "MIT"}} | self.about.get(name.lower(), {}))

    def hugging_face(self, request: Request) -> Reply:
        """GET /api/papers/{arXiv id}"""
        found = self.papers.get(request.path.removeprefix("/api/papers/"))
        return NOT_FOUND if found is None else Reply.of(found)

    def perplexity(self, request: Request) -> Reply:
        """POST /search"""
        results = [
            {"title": "Code", "url": url, "snippet": "The official code."}
            for url in self.named["perplexity"]
        ]
        return Reply.of({"id": "1", "results": results})

    def exa(self, request: Request) -> Reply:
        """POST /search"""
        results = [
            {"id": url, "title": "Code", "url": url, "highlights": ["Our implementation."]}
            for url in self.named["exa"]
        ]
        return Reply.of({"requestId": "1", "results": results, "costDollars": {"total": 0.007}})

    def package_index(self, request: Request) -> Reply:
        """GET /simple/{name}/ (PEP 691) and the files; GET /page/… for authors' pages"""
        if request.path.startswith("/page/"):
            page = self.pages.get(request.path)
            return Reply(page.encode(), content_type="text/html") if page else NOT_FOUND
        parts = request.path.strip("/").split("/")
        files = self.packages.get(parts[1] if len(parts) > 1 else "")
        if files is None:
            return NOT_FOUND
        if parts[0] == "files":
            return Reply(files[parts[2]], content_type="application/octet-stream")
        listed = [
            {"filename": it, "url": f"/files/{parts[1]}/{it}", "hashes": self._hash(it)}
            for it in files
        ]
        body = {"meta": {"api-version": "1.0"}, "name": parts[1], "files": listed}
        reply = Reply.of(body)
        return Reply(reply.body, content_type="application/vnd.pypi.simple.v1+json")

    def _hash(self, file: str) -> dict[str, str]:
        return {"sha256": self.hashes[file]} if file in self.hashes else {}


def sdist(name: str, version: str, files: dict[str, str]) -> dict[str, bytes]:
    """Return {file name: archive} of a source distribution."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return {f"{name}-{version}.tar.gz": packed.getvalue()}

"""A git server on loopback: `git http-backend`, which is the real smart HTTP protocol, behind CGI.

Also makes repositories from files, at fixed dates, so that their commits are always the same.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

WHEN = "2026-01-02T03:04:05+00:00"
_CLEAN = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada Example",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada Example",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": WHEN,
    "GIT_COMMITTER_DATE": WHEN,
    "HOME": "/nonexistent",
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
}


def run_git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run git in a folder, without any configuration of the user; return what it prints."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        input=stdin,
        env=_CLEAN,
        check=True,
        timeout=60,
        capture_output=True,
    )
    return done.stdout.decode().strip()


def make_repository(
    folder: Path, files: Mapping[str, str | bytes], message: str = "First commit"
) -> str:
    """Make or extend a git repository with these files, and return the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        run_git(folder, "init", "--quiet", "--initial-branch=main")
        run_git(folder, "config", "uploadpack.allowFilter", "true")
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    run_git(folder, "add", "--all", "--force")
    run_git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return run_git(folder, "rev-parse", "HEAD")


@dataclass
class GitServer:
    """Serves the repositories below a folder, as http://127.0.0.1:port/owner/name[.git].

    moved: path of a repository -> path or URL to which it redirects. private: paths that ask for a
    login. broken: paths that answer with this HTTP status. silent: paths that never answer git's
    second request; hung: those that were asked, and given_up: those whose client then hung up.
    hides: ask for a login also where nothing is, as GitHub does. log: the paths of all requests.
    """

    root: Path
    moved: dict[str, str] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    broken: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    hung: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    hides: bool = False
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, path: str, files: Mapping[str, str | bytes]) -> str:
        """Add a repository, or a commit to it; return the commit."""
        return make_repository(self.root / path, files)

    def remove(self, path: str) -> None:
        """Delete a repository."""
        shutil.rmtree(self.root / path)


def _handler_of(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, format: str, *args: Any) -> None:
            """Write no log."""

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            server.log.append(self.path)
            parts = urlsplit(self.path)
            repository, _, rest = parts.path.strip("/").partition("/info/refs")
            tail = "/info/refs" if "/info/refs" in parts.path else ""
            if not tail:
                repository, _, rest = parts.path.strip("/").partition("/git-upload-pack")
                tail = "/git-upload-pack"
            # GitHub does not distinguish capitals in names.
            name = repository.removesuffix(".git").lower()
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length) if length else self._chunks()
            if name in server.moved:
                to = server.moved[name]
                to = to if "://" in to else f"{server.url}/{to}"
                self._plain(301, {"Location": f"{to}{tail}?{parts.query}"})
            elif name in server.private:
                self._plain(401, {"WWW-Authenticate": 'Basic realm="git"'})
            elif name in server.broken:
                self._plain(server.broken[name], {})
            elif name in server.silent and tail == "/git-upload-pack":
                server.hung.append(name)
                self.rfile.read(1)
                server.given_up.append(name)
            elif rest or not (server.root / name / ".git").is_dir():
                self._plain(401 if server.hides else 404, {})
            else:
                self._backend(f"/{name}/.git{tail}", parts.query, body)

        def _chunks(self) -> bytes:
            if self.headers.get("transfer-encoding", "").lower() != "chunked":
                return b""
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _plain(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _backend(self, path: str, query: str, body: bytes) -> None:
            environment = _CLEAN | {
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
                "REMOTE_ADDR": "127.0.0.1",
            }
            done = subprocess.run(
                ["git", "http-backend"],
                input=body,
                env=environment,
                capture_output=True,
                timeout=60,
                check=False,
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(
                line.split(": ", 1) for line in head.decode().splitlines() if ": " in line
            )
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler

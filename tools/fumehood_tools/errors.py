"""The errors that a caller is expected to handle.

    FumehoodError
    ├── BadRequest            an argument that is never valid
    ├── UnknownName           something that does not exist: job, sandbox, variant, subject, site …
    ├── AlreadyExists         a folder or record that would be overwritten
    ├── PartMissing           a package, model or corpus that is not installed
    ├── CorpusTooSmall        a corpus with fewer tokens than requested
    ├── GlassTooWeak          isolation that this machine cannot provide
    ├── VariantRejected       a variant file that breaks a rule of the sandbox
    ├── RunFailed             training or scoring failed
    │   └── IntegrityFailed   a check of the evaluator failed: no score
    ├── Unreadable            a paper whose text cannot be read
    ├── NotReady              a job is still making what the call needs
    ├── RepositoryFailed      a repository, package or archive of source code cannot be opened
    └── StorageFailed         disk full, folder not writable, file damaged

Each message says what happened, then what to do next, because an agent reads it and acts on it.
"""

import difflib
import errno
from collections.abc import Iterable


class FumehoodError(Exception):
    """Base class of every failure a caller is expected to handle.

    `code` is a stable word for programs; the message is for the agent. `check` is the name of the
    evaluator's check that failed, `limit` the name of the limit that was reached, if any.
    """

    code = "error"
    check: str | None = None
    limit: str | None = None


class BadRequest(FumehoodError):
    """An argument that is invalid regardless of the state of the workspace."""

    code = "bad_request"


class UnknownName(FumehoodError):
    """A name in the request does not exist."""

    code = "unknown_name"

    def __init__(self, kind: str, name: str, known: Iterable[str], next_step: str) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        listed = (
            f" Known: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}." if names else ""
        )
        super().__init__(f"No {kind} {name!r}.{hint}{listed} {next_step}")
        self.kind, self.name = kind, name


class AlreadyExists(FumehoodError):
    """Writing would replace an existing folder or record."""

    code = "already_exists"


class PartMissing(FumehoodError):
    """A package, model or corpus is not installed."""

    code = "part_missing"

    def __init__(self, part: str, command: str, why: str = "") -> None:
        reason = f" ({why})" if why else ""
        super().__init__(f"{part} is not available{reason}. Install it with: {command}")
        self.part, self.command = part, command


class CorpusTooSmall(FumehoodError):
    """A corpus contains fewer tokens than requested."""

    code = "corpus_too_small"


class GlassTooWeak(FumehoodError):
    """This machine cannot provide the requested isolation."""

    code = "glass_too_weak"


class VariantRejected(FumehoodError):
    """A variant file breaks a rule of the sandbox."""

    code = "variant_rejected"

    def __init__(self, path: str, line: int | None, rule: str, instead: str) -> None:
        """line: None if the fault is on no line that is known."""
        where = path if line is None else f"{path}:{line}"
        super().__init__(f"{where}: {rule}. Instead: {instead}.")
        self.path, self.line, self.rule, self.instead = path, line, rule, instead


class RunFailed(FumehoodError):
    """Training or scoring failed; results that were written before are kept."""

    code = "run_failed"


class IntegrityFailed(RunFailed):
    """A check of the evaluator failed; `check` is its name."""

    code = "integrity"

    def __init__(self, check: str, measured: str, instead: str) -> None:
        super().__init__(f"{check}: {measured}. {instead}")
        self.check = check


class Unreadable(FumehoodError):
    """A paper, or one of its sources, cannot be read."""

    code = "unreadable"


class NotReady(FumehoodError):
    """What a call needs is still being made by a job that its message names."""

    code = "not_ready"


class RepositoryFailed(FumehoodError):
    """A repository, package or archive of source code cannot be opened.

    status: the reason. Only "missing" means that the host said it is not there;
    "private_or_missing" that the host does not say which; "unreachable" that the network or the
    host failed, which tells nothing about the repository.
    """

    code = "repository_failed"

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


class StorageFailed(FumehoodError):
    """A file could not be written or read."""

    code = "storage_failed"

    @classmethod
    def from_os_error(cls, error: OSError, doing: str) -> "StorageFailed":
        """Return a StorageFailed for an OSError. doing: what failed, as in "Writing x.json"."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            cure = "Free some disk space (fumehood doctor shows what the cache holds), then repeat"
            return cls(
                f"The disk is full: {doing} stopped; nothing already written is lost. {cure}."
            )
        where = f" at {error.filename}" if error.filename else ""
        reason = error.strerror or type(error).__name__
        return cls(
            f"{doing} failed{where}: {reason}. Check the path and its permissions, then repeat."
        )

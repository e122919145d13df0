"""Every failure a caller is expected to handle.

    FumehoodError
    ├── BadRequest            an argument that cannot be right
    ├── UnknownName           something that does not exist: job, sandbox, variant, subject, site …
    ├── AlreadyExists         a folder or record that would be overwritten
    ├── PartMissing           a package, model or corpus that is not installed
    ├── CorpusTooSmall        fewer tokens than were asked for
    ├── GlassTooWeak          isolation that this machine cannot give
    ├── VariantRejected       a variant file that breaks a rule of the sandbox
    ├── RunFailed             training or scoring did not end well
    │   └── IntegrityFailed   a check of the evaluator did not pass: no score
    ├── Unreadable            a paper whose text can't be had
    └── StorageFailed         disk full, folder not writable, file damaged

Each message says what happened, then what to do next: an agent reads it and acts on it.
"""

import difflib
import errno
from collections.abc import Iterable


class FumehoodError(Exception):
    """Base class of every failure a caller is expected to handle.

    `code` is a stable word for programs; the message is for the agent. `check` names the check
    that did not pass, `limit` the limit that was reached, where it was one of these.
    """

    code = "error"
    check: str | None = None
    limit: str | None = None


class BadRequest(FumehoodError):
    """An argument that cannot be right, whatever the state of the workspace."""

    code = "bad_request"


class UnknownName(FumehoodError):
    """Something was asked for by a name that does not exist."""

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
    """Writing would replace something that is there."""

    code = "already_exists"


class PartMissing(FumehoodError):
    """A package, model or corpus is not installed."""

    code = "part_missing"

    def __init__(self, part: str, command: str, why: str = "") -> None:
        reason = f" ({why})" if why else ""
        super().__init__(f"{part} is not available{reason}. Get it with: {command}")
        self.part, self.command = part, command


class CorpusTooSmall(FumehoodError):
    """A corpus holds fewer tokens than were asked for."""

    code = "corpus_too_small"


class GlassTooWeak(FumehoodError):
    """This machine cannot give the isolation that is asked for."""

    code = "glass_too_weak"


class VariantRejected(FumehoodError):
    """A variant file breaks a rule of the sandbox."""

    code = "variant_rejected"

    def __init__(self, path: str, line: int, rule: str, instead: str) -> None:
        super().__init__(f"{path}:{line}: {rule}. Instead: {instead}.")
        self.path, self.line, self.rule, self.instead = path, line, rule, instead


class RunFailed(FumehoodError):
    """Training or scoring did not end well; what was written before is kept."""

    code = "run_failed"


class IntegrityFailed(RunFailed):
    """A check of the evaluator did not pass; `check` is its name."""

    code = "integrity"

    def __init__(self, check: str, measured: str, instead: str) -> None:
        super().__init__(f"{check}: {measured}. {instead}")
        self.check = check


class Unreadable(FumehoodError):
    """A paper, or one of its sources, can't be read."""

    code = "unreadable"


class StorageFailed(FumehoodError):
    """A file could not be written or read."""

    code = "storage_failed"

    @classmethod
    def from_os_error(cls, error: OSError, doing: str) -> "StorageFailed":
        """Return the typed form of an OSError met while `doing` something."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            cure = "Free some disk space (fumehood doctor shows what the cache holds), then repeat"
            return cls(
                f"The disk is full: {doing} stopped; nothing already written is lost. {cure}."
            )
        where = f" at {error.filename}" if error.filename else ""
        reason = error.strerror or type(error).__name__
        return cls(f"{doing} failed{where}: {reason}. Check the path and its rights, then repeat.")

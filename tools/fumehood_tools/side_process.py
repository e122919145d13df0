"""Have a short-lived trusted child do what needs heavy imports: drawing, statistics.

`python -m MODULE FILE` with what it is asked in FILE, one line of answer on its stdout. The child's
working folder makes our packages importable, in a checkout and in an install.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fumehood_tools.errors import FumehoodError, RunFailed
from fumehood_tools.files import last_lines, write_text


def ask_side_process(
    module: str,
    content: str,
    *,
    seconds: float,
    missing: Mapping[str, FumehoodError],
    what: str,
    instead: str,
    folder: Path | None = None,
) -> str:
    """Return the last line that the child printed.

    missing: package -> the error to raise when the child has not got it. what, instead: for the
    text of errors. folder: where FILE (spec.json) is put; the child may leave files beside it.
    Raises RunFailed when it ended badly or took longer than so many seconds, StorageFailed.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="fumehood-") as temporary:
            return ask_side_process(
                module,
                content,
                seconds=seconds,
                missing=missing,
                what=what,
                instead=instead,
                folder=Path(temporary),
            )
    path = folder / "spec.json"
    write_text(path, content)
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, str(path)],
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RunFailed(f"{what} took over {seconds:g} s. {instead}") from error
    if done.returncode == 0 and done.stdout.strip():
        return done.stdout.splitlines()[-1]
    for package, problem in missing.items():
        if f"No module named '{package}" in done.stderr:
            raise problem
    said = last_lines(done.stderr, 3)
    raise RunFailed(f"{what} failed (exit {done.returncode}): {said}. {instead}")

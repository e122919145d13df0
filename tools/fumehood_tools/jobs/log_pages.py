"""Read one page of a job's log without reading the whole log.

Reading the last lines, or a page from an offset, takes time proportional to their length. A filter
reads on until it has found enough lines. Bytes that are not UTF-8 are replaced. If a line rewrites
itself with \\r, as progress bars do, only its last state is shown.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.jobs.models import LogPage

LONGEST_LINE = 2000
"""Longest line that is shown, in characters. The rest is cut off."""

BLOCK = 64 * 1024
KEPT = 16 * 1024
"""Number of bytes of one line that are kept in memory."""


class _Line(NamedTuple):
    text: str
    end: int  # byte offset after it
    whole: bool  # it is complete: nothing will be appended to it


def read_page(
    path: Path, ended: bool, offset: int | None, limit: int, contains: str | None
) -> LogPage:
    """Return the last lines of a log, or the lines from a byte offset. A missing log is empty.

    An incomplete last line is returned now, and again when it is complete. ended: whether the job
    has ended. contains: return only lines with this text. Raises BadRequest for an offset after the
    end, StorageFailed if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if offset is not None and not 0 <= offset <= size:
                raise BadRequest(
                    f"Offset {offset} is outside the log, which has {size} bytes. Pass a "
                    "next_offset from an earlier page."
                )
            start = offset
            if start is None:
                start = 0 if contains else _start_of_last(file, size, limit)
            found: deque[_Line] = deque(maxlen=limit)
            end = start
            for line in _lines(file, start, size, ended):
                if not contains or contains in line.text:
                    found.append(line)
                end = line.end if line.whole else end
                if offset is not None and len(found) == limit:
                    break
    except FileNotFoundError:
        return LogPage(lines=(), cut_lines=0, size=0, next_offset=None if ended else 0)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Reading a job's log") from error
    return LogPage(
        lines=tuple(_shown(line.text) for line in found),
        cut_lines=sum(len(line.text) > LONGEST_LINE for line in found),
        size=size,
        next_offset=None if ended and end >= size else end,
    )


def _lines(file: BinaryIO, start: int, size: int, ended: bool) -> Iterator[_Line]:
    file.seek(start)
    while file.tell() < size:
        kept, whole = b"", False
        while not whole and (chunk := file.readline(min(BLOCK, size - file.tell()))):
            whole = chunk.endswith(b"\n")
            kept = _last_state(kept + chunk.rstrip(b"\n"))
        text = kept.strip(b"\r").decode("utf-8", errors="replace")
        yield _Line(text, file.tell(), whole or ended)


def _last_state(line: bytes) -> bytes:
    states = [state for state in line.split(b"\r") if state]
    ending = b"\r" if line.endswith(b"\r") else b""
    return (states[-1][:KEPT] if states else b"") + ending


def _start_of_last(file: BinaryIO, size: int, limit: int) -> int:
    """Return the offset at which the last `limit` lines begin. An incomplete line counts as one.

    Reads the file backwards in blocks and counts line ends.
    """
    position, wanted = size, limit
    if size:
        file.seek(size - 1)
        wanted += file.read(1) == b"\n"
    while position > 0:
        length = min(BLOCK, position)
        position -= length
        file.seek(position)
        block = file.read(length)
        count = block.count(b"\n")
        if count >= wanted:
            at = length
            for _ in range(wanted):
                at = block.rindex(b"\n", 0, at)
            return position + at + 1
        wanted -= count
    return 0


def _shown(text: str) -> str:
    over = len(text) - LONGEST_LINE
    return f"{text[:LONGEST_LINE]} … [{over} more]" if over > 0 else text

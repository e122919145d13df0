"""Read what nodes have left in a bucket, or in a folder that they share with this machine.

The content is not trusted: only files that were named are read, up to a size that was named, and
each is compared with its sha256. No folder is listed. s3:// needs the package s3fs and gs:// the
package gcsfs; both find the user's credentials as the clouds' own programs do.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from fumehood_tools.errors import FumehoodError, PartMissing
from fumehood_tools.files import replacing
from fumehood_tools.plain_files import NotPlain, open_plain
from fumehood_tools.pods.sky.task import SHARED

_PART = 1 << 20
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs"}
Open = Callable[[str], Any]


class ResultsRefused(FumehoodError):
    """A file in the bucket is not what its manifest says, or is no plain file."""

    code = "results_refused"


class BucketFailed(FumehoodError):
    """The bucket cannot be read."""

    code = "bucket_failed"


class Bucket:
    """A bucket, or a folder below it. Each call may take seconds; it is used by one thread."""

    def __init__(self, url: str) -> None:
        """url: s3://…, gs://… or file:///…. Raises PartMissing, without a request."""
        self._url = url.rstrip("/")
        shared = self._url.removeprefix(SHARED) if self._url.startswith(SHARED) else None
        self._open = _opener(self._url) if shared is None else _local_opener(Path(shared))

    def read(self, name: str, most_bytes: int) -> bytes | None:
        """Return a file, None if it is not there. Raises ResultsRefused, BucketFailed."""
        try:
            with self._open(name) as file:
                content: bytes = file.read(most_bytes + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(name, error) from error
        if len(content) > most_bytes:
            raise ResultsRefused(f"{name} in the bucket has more than {most_bytes:,} bytes.")
        return content

    def fetch(self, name: str, target: Path, size: int, sha256: str) -> None:
        """Copy a file of exactly this size and hash to `target`, which is replaced at the end.

        Raises ResultsRefused, BucketFailed, StorageFailed.
        """
        with replacing(target) as here:
            try:
                with self._open(name) as file:
                    is_same = _copied(file, here, size) == sha256
            except FileNotFoundError as error:
                raise ResultsRefused(f"{name} is not in the bucket.") from error
            except OSError as error:
                raise self._failed(name, error) from error
            if not is_same:
                raise ResultsRefused(
                    f"{name} in the bucket has other bytes than its manifest says."
                )

    def _failed(self, name: str, error: OSError) -> FumehoodError:
        if isinstance(error, NotPlain | NotADirectoryError | IsADirectoryError):
            return ResultsRefused(f"{name} in the bucket: {error.strerror}.")
        return BucketFailed(
            f"{name} in the bucket cannot be read ({type(error).__name__}: "
            f"{error.strerror or 'no reason given'}). Check that your credentials on this machine "
            "may read the bucket."
        )


def _copied(file: BinaryIO, here: BinaryIO, size: int) -> str | None:
    """Copy at most `size` bytes; return their hash, None if there are fewer or more."""
    digest, left = hashlib.sha256(), size
    while part := file.read(min(_PART, left + 1)):
        left -= len(part)
        if left < 0:
            return None
        digest.update(part)
        here.write(part)
    return digest.hexdigest() if left == 0 else None


def _local_opener(root: Path) -> Open:
    def opened(name: str) -> Any:
        path = root / name
        # No part of the name may be a link: what it points to may be any file of this machine.
        expected = Path(os.path.realpath(root)) / name
        if os.path.lexists(path) and Path(os.path.realpath(path)) != expected:
            raise NotPlain(0, "a link, not a plain file", name)
        return open_plain(path)

    return opened


def _opener(url: str) -> Open:
    package = _PACKAGES[url.partition("://")[0]]
    try:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(url)
    except ImportError as error:
        command = f"pip install {package}"
        raise PartMissing(f"The package {package}", command, f"it reads {url}") from error

    def opened(name: str) -> Any:
        files.invalidate_cache()
        return files.open(f"{root}/{name}", "rb", cache_type="readahead")

    return opened

"""Importing this lets libraries start that open a log file beside their own code.

nnsight 0.3 does so when it is imported, and the environment of a check is read-only. Such a log
goes nowhere; logs in the block's own folder are written as usual.
"""

import errno
import logging
import os
from typing import Any

_open = logging.FileHandler._open


def _open_or_discard(handler: logging.FileHandler) -> Any:
    try:
        return _open(handler)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        return open(os.devnull, handler.mode, encoding="utf-8")


logging.FileHandler._open = _open_or_discard  # type: ignore[method-assign]

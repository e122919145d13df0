"""Importing this in the parent of all children makes the environment of a check usable.

- Python lists a folder of packages to import from it, and importlib.metadata lists it to find a
  version. A child may not list a folder of which it sees only parts, so both lists are made here,
  and are kept when such a folder changes during a check.
- nnsight 0.3 opens a log file beside its own code when it is imported, and the environment is
  read-only. Such a log goes nowhere; logs in the block's own folder are written as usual.
- A child starts without what `site` adds to the builtins: exit, quit and help.
"""

import builtins
import contextlib
import errno
import importlib.machinery
import importlib.metadata
import importlib.util
import logging
import os
import site
import sys
from typing import Any

from . import event_loop  # noqa: F401

NOWHERE = "a_module_that_does_not_exist"

_fill: Any = importlib.machinery.FileFinder._fill_cache  # type: ignore[attr-defined]
_open = logging.FileHandler._open


def _open_or_discard(handler: logging.FileHandler) -> Any:
    try:
        return _open(handler)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        return open(os.devnull, handler.mode, encoding="utf-8")


logging.FileHandler._open = _open_or_discard  # type: ignore[method-assign, assignment]


def _fill_or_keep(finder: Any) -> None:
    known = finder._path_cache, finder._relaxed_path_cache
    _fill(finder)
    if not finder._path_cache:
        finder._path_cache, finder._relaxed_path_cache = known


importlib.machinery.FileFinder._fill_cache = _fill_or_keep  # type: ignore[attr-defined]
# Not site's own exit and quit, which also close stdin for the blocks that follow.
vars(builtins).update(exit=sys.exit, quit=sys.exit)
site.sethelper()
importlib.util.find_spec(NOWHERE)
with contextlib.suppress(importlib.metadata.PackageNotFoundError):
    importlib.metadata.version(NOWHERE)

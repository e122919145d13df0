"""Loads the scripts of the paper benchmark, which are not a package."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "pdf"
_NAMES = ("pandoc", "peers", "score", "source_truth", "run", "real", "make_truth")


def load(*names: str) -> list[ModuleType]:
    """Import scripts and forget their names, which are too common to stay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        modules = [importlib.import_module(name) for name in names]
        for name in _NAMES:
            sys.modules.pop(name, None)
    return modules

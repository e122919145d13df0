"""Light stand-ins for packages that are imported by others and used by nobody here.

`dictionary_learning` imports nnsight (9 s) and wandb; torch's optimisers import the compiler
(3 s). A training lasts some ten seconds, so these would double its time.
Call `stub_unused` before the first import of dictionary_learning, `postpone_compiler` before the
first optimiser. Nothing is hidden from code that really uses a package: using a stub of nnsight or
wandb is an ImportError, using the compiler loads it.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

UNUSED = ("nnsight", "wandb")
COMPILER = "torch._dynamo"


class _Unused(ModuleType):
    """A package whose classes can be named (in annotations, in imports) but not made."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        package = self.__name__

        def refuse(*args: object, **kwargs: object) -> None:
            raise ImportError(f"{package} is not loaded in a sandbox: nothing there needs it")

        return type(name, (), {"__init__": refuse})


class _Postponed(ModuleType):
    """The compiler until somebody compiles: what optimisers ask of it does nothing."""

    def graph_break(self) -> None:
        """Do nothing: there is no graph."""

    def disable(self, fn: Any, recursive: bool = True, **how: Any) -> Any:
        """Return fn itself: nothing compiles it."""
        return fn

    def __getattr__(self, name: str) -> Any:
        if name in ("__spec__", "__file__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def stub_unused() -> None:
    """Put stand-ins for nnsight and wandb into sys.modules, unless the real ones are there."""
    for name in UNUSED:
        if name not in sys.modules:
            module = _Unused(name)
            # Some libraries look for wandb with find_spec, which raises when there is no spec.
            module.__spec__ = ModuleSpec(name, loader=None)
            sys.modules[name] = module


def postpone_compiler() -> None:
    """Let torch's optimisers work without importing the compiler (saves about 3 s)."""
    if COMPILER not in sys.modules:
        sys.modules[COMPILER] = _Postponed(COMPILER)

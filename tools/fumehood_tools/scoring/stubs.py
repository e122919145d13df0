"""Light stand-ins for packages that sae-bench's parts import and that no scoring uses.

Measured on 2 cores of an EPYC: of 5.3 s of processor time for the scorer's imports,
`sae_selection_utils` takes 1.2 (it reads the list of all published SAEs), `datasets` and `wandb`
together 0.6. Using a stand-in is an ImportError; real packages that are loaded already stay.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

UNUSED = ("datasets", "wandb", "sae_bench.sae_bench_utils.sae_selection_utils")


class _StandIn(ModuleType):
    """A module whose names can be imported, as classes that cannot be made or called."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        package = self.__name__

        def refuse(*args: object, **kwargs: object) -> None:
            raise ImportError(f"{package} is not loaded by the scorer: nothing there needs it")

        return type(name, (), {"__init__": refuse})


class _Finder(MetaPathFinder, Loader):
    """Finds a stand-in for each name in UNUSED and for all below it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if any(fullname == name or fullname.startswith(f"{name}.") for name in UNUSED):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a stand-in has no code."""


def stub_unused() -> None:
    """Let later imports of UNUSED find stand-ins. Call before the first import of sae-bench."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())

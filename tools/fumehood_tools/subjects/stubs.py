"""Empty stand-ins for modules that sae-bench imports and we do not use.

They save 4.8 of 6.7 s of processor time for the scorer's imports (2 cores of a Xeon): 1.4 s for
`sae_selection_utils`, which reads the list of all published SAEs, 2.9 s for `transformer_lens` and
`sae_lens` with the parts of `transformers` and torch's compiler that they load, and the rest for
`datasets`, `wandb` and `pandas`. sae-bench names their classes in annotations, and in functions
that load models and published SAEs; we give it a model and an SAE of our own. Using a stand-in
raises ImportError. Modules that are loaded already are not replaced. A scorer of a language model
needs transformer_lens to load it, and calls `load_after_all`; it saves the rest. A harvest of the
synthetic subject, which trains sae-bench's probes, takes 3.1 instead of 5.0 s.

torch's optimizers, which fit the probes, load the compiler only to exclude themselves from it. It
is loaded when something else is asked of it.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

UNUSED = (
    "datasets",
    "pandas",
    "sae_bench.sae_bench_utils.sae_selection_utils",
    "sae_lens",
    "transformer_lens",
    "wandb",
)
COMPILER = "torch._dynamo"
_in_use: set[str] = set()
"""Packages of UNUSED that are needed after all."""


class _StandIn(ModuleType):
    """A module from which any name can be imported, as a class that cannot be instantiated."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        package = self.__name__

        def refuse(*args: object, **kwargs: object) -> None:
            raise ImportError(f"{package} is not loaded by the scorer: nothing there needs it")

        return type(name, (), {"__init__": refuse})


class _PostponedCompiler(ModuleType):
    """torch's compiler for optimizers, until anything but the two functions below is used."""

    def graph_break(self) -> None:
        """Do nothing, because no graph is being recorded."""

    def disable(self, fn: Any, *args: object, **kwargs: object) -> Any:
        """Return fn, because nothing compiles it."""
        return fn

    def __getattr__(self, name: str) -> Any:
        if name in ("__spec__", "__file__"):
            raise AttributeError(name)
        if sys.modules.get(COMPILER) is self:
            del sys.modules[COMPILER]
        return getattr(importlib.import_module(COMPILER), name)


class _Finder(MetaPathFinder, Loader):
    """Finds a stand-in for each module in UNUSED and for its submodules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if any(_is_of(name, fullname) for name in UNUSED if name not in _in_use):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing, because a stand-in has no code."""


def _is_of(package: str, module: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def load_after_all(*packages: str) -> None:
    """Make the next imports of these packages load the packages themselves.

    Names that were imported before stay those of stand-ins.
    """
    _in_use.update(packages)
    for name, module in list(sys.modules.items()):
        if isinstance(module, (_StandIn, _PostponedCompiler)) and any(
            _is_of(one, name) for one in packages
        ):
            del sys.modules[name]


def stub_unused() -> None:
    """Make imports of UNUSED return stand-ins, and postpone that of torch's compiler.

    Call it before sae-bench is imported.
    """
    if COMPILER not in sys.modules:
        sys.modules[COMPILER] = _PostponedCompiler(COMPILER)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())

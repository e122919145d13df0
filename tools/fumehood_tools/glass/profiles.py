"""What a child behind the glass sees and finds loaded, by the kind of work that it does.

A profile can only say which packages and folders are in view: limits, the file system, the network
and all other walls are the same for every profile. `SAE` is what variants of SAEs get.
"""

from dataclasses import dataclass
from pathlib import Path

from fumehood_tools.files import data_path

# Import names: torch and what it loads, dictionary_learning and what that loads, numpy, einops,
# what compiles kernels.
_PACKAGES = (
    "torch",
    "torchgen",
    "functorch",
    "numpy",
    "numpy.libs",
    "einops",
    "jaxtyping",
    "wadler_lindig",
    "safetensors",
    "dictionary_learning",
    "dill",
    "tqdm",
    "typing_extensions",
    "sympy",
    "mpmath",
    "networkx",
    "jinja2",
    "markupsafe",
    "filelock",
    "fsspec",
    "packaging",
    "nvidia",
    "triton",
    "numba",
    "llvmlite",
)


@dataclass(frozen=True)
class GlassProfile:
    """What children of one nursery see besides the interpreter and its standard library."""

    packages: tuple[str, ...] = ()
    """Import names of installed packages. One that is not named, here cannot be imported."""
    import_path: tuple[Path, ...] = ()
    """Folders put on sys.path. That alone does not make them readable."""
    preload: tuple[str, ...] = ()
    """Modules that are imported before the first child starts: each is a fork that has them."""
    readable: tuple[Path, ...] = ()
    """Files and folders in view, whole. What several children read must hold no secret of one."""
    loaded_early: tuple[str, ...] = ()
    """Those of `packages` that `preload` imports: their headers, tests and programs are left out.

    A folder of which only some entries are in view cannot be listed, which importing needs: these
    were listed when the nursery loaded them.
    """


def template() -> Path:
    """Return the folder in which the SAE template's `core` lies."""
    return data_path("sandbox_template") / "sae"


SAE = GlassProfile(
    packages=_PACKAGES,
    import_path=(template(),),
    preload=(
        "torch",
        "safetensors.torch",
        "core",
        "core.kernels.compiled",
        "core.train",
        "core.check",
        "fumehood_child.serve",
    ),
    readable=(template() / "core",),
    loaded_early=("torch", "numpy", "numba"),
)

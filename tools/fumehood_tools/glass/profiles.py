"""Profiles: which files a child behind the glass can read, and which modules are preloaded.

A profile only chooses the packages and folders in view. Limits, network access and all other
restrictions are the same for every profile. SAE variants run with the profile `SAE`.
"""

from dataclasses import dataclass
from pathlib import Path

from fumehood_tools.kinds import core_folder, template_root

# Import names of torch, dictionary_learning, numpy, einops, the packages that these import, and the
# kernel compilers.
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
    """What the children of one nursery can read besides Python and its standard library."""

    packages: tuple[str, ...] = ()
    """Import names of the installed packages that children can import; all others are hidden."""
    import_path: tuple[Path, ...] = ()
    """Folders to add to sys.path. This alone does not make them readable."""
    preload: tuple[str, ...] = ()
    """Modules that the nursery imports before it forks its first child."""
    readable: tuple[Path, ...] = ()
    """Other files and whole folders in view. All children read them: include no child's secrets."""
    loaded_early: tuple[str, ...] = ()
    """The entries of `packages` that `preload` imports; hides their headers, tests and programs.

    Hiding part of a folder makes it impossible to list, and Python must list a folder to import
    from it. This is safe only for packages that the nursery has imported already.
    """


SAE = GlassProfile(
    packages=_PACKAGES,
    import_path=(template_root(),),
    preload=(
        "torch",
        "safetensors.torch",
        "core",
        "core.kernels.compiled",
        "core.train",
        "core.check",
        "fumehood_child.serve",
    ),
    readable=(core_folder(),),
    loaded_early=("torch", "numpy", "numba"),
)

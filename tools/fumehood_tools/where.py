"""Where something was computed: the machine, the device, the threads, the glass, the packages.

A score contains this twice, for training and for scoring, as the two may run on different machines.
Each process that computes reports its own. For a variant's child process, which is not trusted, the
process that started it reports it.
"""

import functools
import platform
from importlib.metadata import PackageNotFoundError, version

import psutil
from pydantic import BaseModel, Field

from fumehood_tools.settings import GlassLevel

PACKAGES = ("torch", "dictionary-learning", "sae-bench", "transformer-lens", "transformers")


class Where(BaseModel, frozen=True):
    """One place of computation."""

    machine: str = Field(description="processor, cores, system")
    device: str = Field(description="cpu or cuda")
    threads: int = Field(description="compute threads of the process")
    glass: GlassLevel = Field(description="isolation level: bubblewrap, landlock, rlimits …")
    versions: dict[str, str] = Field(description="package -> version")

    def text(self, scored_with: int | None = None) -> str:
        """Return the place on one line, without the package versions.

        scored_with: the number of threads of the scoring, if only that differs from the training.
        """
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        if scored_with is not None:
            threads += f" ({scored_with} to score)"
        return f"{self.device}, {threads}, {self.glass}; {self.machine}"


def here(device: str, threads: int, glass: GlassLevel) -> Where:
    """Return the description of this process."""
    return Where(
        machine=f"{platform.machine()}, {psutil.cpu_count()} cores, {platform.system()}",
        device=device,
        threads=threads,
        glass=glass,
        versions={"python": platform.python_version(), **_versions()},
    )


@functools.cache
def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found

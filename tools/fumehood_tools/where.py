"""Where something was computed: the machine, the device, the threads, the glass, the packages.

A score says it twice, for training and for scoring: the two may run on different machines. Each
process that computes says it of itself; of a variant's child, which nobody believes, the process
that started it does.
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
    glass: GlassLevel = Field(description="which isolation held: bubblewrap, landlock, rlimits …")
    versions: dict[str, str] = Field(description="package -> version")

    def text(self, scored_with: int | None = None) -> str:
        """Return it in one line, without the versions.

        scored_with: the threads of a scoring that differs from this training in nothing else.
        """
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        if scored_with is not None:
            threads += f" ({scored_with} to score)"
        return f"{self.device}, {threads}, {self.glass}; {self.machine}"


def here(device: str, threads: int, glass: GlassLevel) -> Where:
    """Return where this process is."""
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

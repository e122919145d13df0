"""The bubblewrap command line: a separate file system view, and new namespaces for the rest."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from fumehood_tools.glass.profiles import GlassProfile
from fumehood_tools.glass.view import common_view, devices


def command(
    scratch_root: Path,
    readable: Iterable[Path],
    environment: Mapping[str, str],
    profile: GlassProfile,
    cuda: bool,
) -> list[str]:
    """Return the arguments to put before the program's own.

    Inside, the files in view have their usual paths and no other files exist.
    """
    program = shutil.which("bwrap") or "bwrap"
    arguments = [program, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    for path in [*common_view(profile, cuda), *map(str, readable)]:
        if not path.startswith(("/proc/", "/dev/")):
            arguments += ["--ro-bind-try", path, path]
    for path in devices(cuda):
        arguments += ["--dev-bind-try", path, path]
    arguments += _links()
    root = str(scratch_root)
    return [*arguments, "--bind", root, root, "--remount-ro", "/", "--chdir", root]


def _links() -> list[str]:
    """Return the arguments that recreate /lib, /bin etc. where these are links into /usr."""
    arguments = []
    for name in ("lib", "lib32", "lib64", "bin"):
        path = Path("/", name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
    return arguments

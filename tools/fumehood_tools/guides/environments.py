"""The environments in which the blocks of a guide run.

`ours` is that of the running interpreter, and always there. Blocks in it that import `core` or
`fumehood_tools` see the packaged files of a sandbox, with compiled kernels. A folder is a virtual
environment of the user. A name is one of guides/environments: NAME.toml says what it is for,
NAME.lock pins its packages, and uv installs them into the user's cache folder, only from wheels, so
that no build script runs. Nothing is ever installed elsewhere. All of them are read-only for the
blocks, and have the Python of this process.
"""

import hashlib
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.children import our_environment
from fumehood_tools.errors import BadRequest, PartMissing, RunFailed, UnknownName
from fumehood_tools.files import data_path, last_lines
from fumehood_tools.glass import SAE, GlassProfile, compiled_kernels
from fumehood_tools.guides.closure import files_of, owners, site_of_ours
from fumehood_tools.kinds import template_root
from fumehood_tools.locking import exclusive
from fumehood_tools.settings import Settings
from fumehood_tools.temporary import scratch_folder

OURS = "ours"
TEMPLATE, OWN = "core", "fumehood_tools"
"""Modules of fumehood's own. The lists of installed files do not name all of their files."""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
INSIDE = Path(__file__).with_name("guide_child")
OWN_FOLDER = Path(__file__).parents[1]
PREPARE = "guide_child.prepare"
BUILD_SECONDS = 1_800.0
# Loaded before the first task, where the guide imports them: each takes seconds in every task.
LOADED_EARLY = (
    "torch",
    "transformers",
    "nnsight",
    "dictionary_learning",
    "transformer_lens",
    "sae_lens",
)
# Packages look for this name to tell libraries from user code: dill pickles modules outside of it
# by value, so that `datasets.Dataset.from_dict` fails.
SITE = "site-packages"


class Environment(NamedTuple):
    """One environment. site: its folder of packages; None for ours. identity: changes with it.

    from_ours: modules that it takes from our own environment. is_pinned: its packages are known
    to be importable, so they may be loaded once for all tasks. cache: holds compiled kernels.
    """

    name: str
    site: Path | None
    identity: str
    from_ours: tuple[str, ...] = ()
    is_pinned: bool = False
    cache: Path | None = None

    def version(self, package: str) -> str:
        """Return the installed version of a distribution; "" if it is not installed."""
        lent = {name for module in self.from_ours for name in owners(None).get(module, ())}
        ours = self.site is None or package in lent
        path = [str(it) for it in (site_of_ours() if ours or self.site is None else (self.site,))]
        found = next(iter(distributions(name=package, path=path)), None)
        return found.version if found else ""

    def versions(self, modules: Iterable[str], also: Iterable[str] = ()) -> dict[str, str]:
        """Return distribution -> version for imported modules and for distributions by name."""
        found = set(also)
        for module in modules:
            found |= set(owners(None if module in self.from_ours else self.site).get(module, ()))
        there = {name: self.version(name) for name in sorted(found)}
        return {name: version for name, version in there.items() if version}

    def profile(self, modules: Iterable[str]) -> GlassProfile:
        """Return what is in view of blocks that import these modules."""
        named = frozenset(modules)
        early = [it for it in LOADED_EARLY if it in named and self.is_pinned and self._has(it)]
        if self.site is not None:
            borrowed = files_of(frozenset(self.from_ours))
            return GlassProfile(
                import_path=(INSIDE.parent, self.site),
                readable=(INSIDE, self.site, *borrowed),
                preload=(PREPARE, *early),
            )
        own = [OWN_FOLDER] if OWN in named else []
        ours = GlassProfile(
            import_path=(INSIDE.parent, *(it.parent for it in own)),
            readable=(INSIDE, *files_of(named), *own),
            preload=(PREPARE, *early),
        )
        return _with_template(ours) if self._trains(named) else ours

    def kernels(self, modules: Iterable[str]) -> Path | None:
        """Return the compiled kernels for blocks that import these modules; None if they use none.

        Compiles them if they are missing, which takes 10 to 30 s.
        """
        if self.cache is None or not self._trains(modules):
            return None
        return compiled_kernels(self.cache)

    def _trains(self, modules: Iterable[str]) -> bool:
        """Return whether these blocks use the sandbox's code, and what it imports is installed."""
        return self.site is None and bool({TEMPLATE, OWN} & set(modules)) and self._has("torch")

    def _has(self, module: str) -> bool:
        return module in self.from_ours or module in owners(self.site)


def open_environment(name: str, settings: Settings) -> Environment:
    """Return an environment by name or folder; build it if it has a lock and is not there yet.

    Raises UnknownName, BadRequest, PartMissing without uv, RunFailed if uv fails.
    """
    found = find_environment(name, settings)
    if found.site is not None and not found.site.is_dir():
        _build(found.site, definitions()[name].with_suffix(".lock"), settings)
    return found


def find_environment(name: str, settings: Settings) -> Environment:
    """Return an environment by name or folder. Its folder may have to be built first.

    Raises UnknownName, BadRequest.
    """
    if name == OURS:
        identity = f"{OURS} {sys.prefix} {_installed_now()}"
        return Environment(OURS, None, identity, is_pinned=True, cache=settings.cache)
    definition = definitions().get(name)
    if definition is not None:
        return _locked(name, definition, settings)
    folder = (settings.workspace / Path(name).expanduser()).resolve()
    if folder.is_dir():
        return _of_folder(name, folder)
    known = [OURS, *definitions()]
    raise UnknownName("environment", name, known, "Or name the folder of a virtual environment.")


def definitions() -> dict[str, Path]:
    """Return name -> TOML file of the environments that guides can name."""
    folder = data_path("guides") / "environments"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_uv() -> str:
    """Return the path of uv, of the PATH or beside this interpreter. Raises PartMissing."""
    beside = Path(sys.executable).with_name("uv")
    found = shutil.which("uv") or (str(beside) if beside.is_file() else None)
    if found is None:
        raise PartMissing(
            "uv, which builds the environments of guides,",
            "pip install uv",
            "guides of environment 'ours' need none",
        )
    return found


def _with_template(profile: GlassProfile) -> GlassProfile:
    """Return the profile with the files of a sandbox, and with `core` loaded as for a variant."""
    return replace(
        profile,
        packages=SAE.packages,
        import_path=(*profile.import_path, template_root()),
        readable=(*profile.readable, template_root()),
        preload=(*profile.preload, *(it for it in SAE.preload if it != "fumehood_child.serve")),
    )


def _installed_now() -> str:
    """Return a digest of what is installed here, so that a change makes earlier checks old."""
    names = sorted(path.name for site in site_of_ours() for path in site.glob("*.dist-info"))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def _of_folder(name: str, folder: Path) -> Environment:
    marker = folder / "pyvenv.cfg"
    site = folder / "lib" / f"python{PYTHON}" / SITE
    if not marker.is_file():
        raise BadRequest(
            f"{name} is not a virtual environment: it has no pyvenv.cfg. Create one in a new "
            f"folder: {Path(sys.executable).name} -m venv guide-venv"
        )
    if not site.is_dir():
        raise BadRequest(
            f"The virtual environment {name} is not for Python {PYTHON}, which runs the blocks. "
            f"Create it with python{PYTHON} -m venv."
        )
    names = sorted(path.name for path in site.glob("*.dist-info"))
    digest = hashlib.sha256("\n".join([str(site), *names]).encode()).hexdigest()[:16]
    return Environment(name, site, digest)


def _locked(name: str, definition: Path, settings: Settings) -> Environment:
    lock, content = definition.with_suffix(".lock"), _content(definition)
    if (wanted := str(content.get("python", PYTHON))) != PYTHON:
        raise BadRequest(
            f"Environment {name!r} is for Python {wanted}, but this is Python {PYTHON}. Run "
            f"fumehood with python{wanted} to check guides in it."
        )
    borrowed = tuple(map(str, content.get("from_ours", ())))
    digest = hashlib.sha256(lock.read_bytes() + PYTHON.encode()).hexdigest()[:16]
    place = settings.cache / "guide-environments" / f"{name}-{digest}" / SITE
    identity = f"{digest} {_installed_now() if borrowed else ''}"
    return Environment(name, place, identity, borrowed, is_pinned=True)


def _content(definition: Path) -> dict[str, Any]:
    return tomllib.loads(definition.read_text(encoding="utf-8"))


def _build(site: Path, lock: Path, settings: Settings) -> None:
    uv, place = find_uv(), site.parent
    with exclusive(place.with_name(f"{place.name}.lock")):
        if not site.is_dir():
            _install(uv, lock, place, settings)


def _install(uv: str, lock: Path, place: Path, settings: Settings) -> None:
    with scratch_folder(place.parent, "building-") as scratch:
        target = scratch / "built" / SITE
        command = [
            *(uv, "pip", "install", "--target", str(target), "--python", sys.executable),
            *("--no-deps", "--only-binary", ":all:", "--link-mode", "copy", "-r", str(lock)),
            "--compile-bytecode",
            *(["--offline"] if settings.offline else []),
        ]
        cache = {"UV_CACHE_DIR": str(settings.cache / "uv"), "UV_NO_PROGRESS": "1"}
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=our_environment(cache),
                timeout=BUILD_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RunFailed(
                f"uv did not install {lock.name} within {BUILD_SECONDS:.0f} s. Call check_guide "
                "again: what was downloaded is kept."
            ) from error
        if done.returncode != 0:
            said = last_lines(done.stderr, 6)[-800:]
            raise RunFailed(
                f"uv could not install {lock.name} (exit {done.returncode}); nothing was changed. "
                "Without a network, what is in uv's cache is used; the packages it names are "
                f"missing there. Its last output (quoted): {said!r}"
            )
        # An earlier version of fumehood put the packages into this folder itself.
        shutil.rmtree(place, ignore_errors=True)
        target.parent.rename(place)

"""Settings of one fumehood process, read from environment variables.

`Settings` describes the core variables. The wings declare theirs in `fumehood_tools.wings`.
`fumehood settings` lists all of them. The locations of marker-pdf's models and servers come from
marker's own variables: see load_marker_settings.
"""

import os
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import platformdirs
from pydantic import BaseModel, Field, PrivateAttr, SecretStr, ValidationError

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.filled_in import filled_in, is_placeholder
from fumehood_tools.wings.declared import Declared, Setting, endpoints_of, keys_of, settings_of
from fumehood_tools.wings.table import DECLARED

Dtype = Literal["auto", "float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda"]
GlassLevel = Literal["bubblewrap", "landlock", "sandbox-exec", "rlimits"]
GlassAsked = Literal["auto", "bubblewrap", "landlock", "sandbox-exec", "rlimits"]

ENDPOINTS = endpoints_of(DECLARED)
"""Service -> address; FUMEHOOD_ENDPOINTS overrides them (with a mirror, or a fake for tests)."""

SYSTEM = ("/bin", "/boot", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/System", "/usr")
"""Folders in which, at any depth, no workspace may be."""
SHARED = (
    *("/Applications", "/Library", "/Users", "/Volumes", "/dev", "/home", "/media", "/mnt", "/opt"),
    *("/private", "/root", "/run", "/srv", "/tmp", "/var"),
)
"""Folders that cannot be a workspace themselves, although one may be below them."""

T = TypeVar("T", str, int, float, bool, Path)


class Settings(BaseModel, frozen=True):
    """Folders, number type, device, isolation, network and service addresses of a process."""

    workspace: Path = Field(
        description="the folder for sandboxes, jobs and results (default: the working folder)"
    )
    cache: Path = Field(
        description="the folder for data that can be rebuilt, such as activations (default: the "
        "user's cache folder)"
    )
    dtype: Dtype = Field(
        default="auto",
        description="auto | float32 | bfloat16, for harvest and training (auto: by measurement)",
    )
    device: Device = Field(default="auto", description="auto | cpu | cuda")
    glass: GlassAsked = Field(
        default="auto",
        description="auto | bubblewrap | landlock | sandbox-exec | rlimits (auto: the strongest "
        "available)",
    )
    library: tuple[Path, ...] = Field(
        default=(),
        description="folders and files (.bib, .pdf) to search, separated like PATH",
    )
    offline: bool = Field(
        default=False,
        description="1: no network requests (also `fumehood --offline …`)",
    )
    endpoints: dict[str, str] = Field(
        default=ENDPOINTS,
        description="other addresses of services: arxiv=http://host/…;exa=http://…",
    )
    variables: dict[str, str] = Field(
        default={}, description="settings of wings, as text from the environment"
    )
    _declared: tuple[Declared, ...] = PrivateAttr(default_factory=lambda: DECLARED)

    @property
    def declared(self) -> tuple[Declared, ...]:
        """The declarations of the wings for which these settings were loaded."""
        return self._declared

    def of(self, setting: Setting[T]) -> T:
        """Return the value of a wing's setting.

        Raises UnknownName when these settings were loaded without the wing that declares it.
        """
        if setting.variable not in self.variables:
            known, hint = self.variables, "Load the settings with the wing that declares it."
            raise UnknownName("setting", setting.variable, known, hint)
        return setting.read(self.variables[setting.variable])

    @property
    def papers(self) -> Path:
        """The folder for the user's papers: its BibTeX files and PDFs belong to the library."""
        return self.workspace / "papers"

    @property
    def state(self) -> Path:
        """The folder for internal files of the workspace: job table, logs, keys."""
        return self.workspace / ".fumehood"

    @property
    def sandboxes(self) -> Path:
        """The folder with one subfolder per sandbox."""
        return self.workspace / "sandboxes"

    def as_environment(self) -> dict[str, str]:
        """Return the environment variables that give a child process the same settings."""
        moved = self.endpoints.items() - endpoints_of(self.declared).items()
        return {
            "FUMEHOOD_WORKSPACE": str(self.workspace),
            "FUMEHOOD_CACHE": str(self.cache),
            "FUMEHOOD_DTYPE": self.dtype,
            "FUMEHOOD_DEVICE": self.device,
            "FUMEHOOD_GLASS": self.glass,
            "FUMEHOOD_LIBRARY": os.pathsep.join(map(str, self.library)),
            "FUMEHOOD_OFFLINE": "1" if self.offline else "",
            "FUMEHOOD_ENDPOINTS": ";".join(f"{name}={url}" for name, url in sorted(moved)),
            **self.variables,
            **({"HF_HUB_OFFLINE": "1"} if self.offline else {}),
        }


def load_settings(
    workspace: Path | str | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    offline: bool = False,
    declared: Iterable[Declared] = DECLARED,
) -> Settings:
    """Return the settings of this process; arguments take precedence over the environment.

    declared: the declarations of the wings; default: those of this package.
    Raises BadRequest when a variable has a value that is not allowed.
    """
    env = filled_in(os.environ if environ is None else environ)
    folder = Path(workspace or env.get("FUMEHOOD_WORKSPACE") or Path.cwd())
    cache = Path(env.get("FUMEHOOD_CACHE") or platformdirs.user_cache_dir("fumehood"))
    declared = tuple(declared)
    try:
        settings = Settings.model_validate(
            {
                "workspace": folder.expanduser().absolute(),
                "cache": cache.expanduser().absolute(),
                "dtype": env.get("FUMEHOOD_DTYPE") or "auto",
                "device": env.get("FUMEHOOD_DEVICE") or "auto",
                "glass": env.get("FUMEHOOD_GLASS") or "auto",
                "library": _paths(env.get("FUMEHOOD_LIBRARY", "")),
                "offline": offline or env.get("FUMEHOOD_OFFLINE") or False,
                "endpoints": _endpoints(env.get("FUMEHOOD_ENDPOINTS", ""), endpoints_of(declared)),
                "variables": _variables(env, settings_of(declared)),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = f"FUMEHOOD_{str(first['loc'][0]).upper()}"
        raise BadRequest(
            f"{name}={first['input']!r} is not allowed: {first['msg']}. Unset or fix it."
        ) from error
    settings._declared = declared
    return settings


def check_workspace(workspace: Path) -> None:
    """Raise BadRequest for a workspace in which a server must not write: /, home, system folders.

    Hosts that start servers in such a folder (/ on macOS) would have it filled with sandboxes.
    """
    real = Path(os.path.realpath(workspace))
    home = Path(os.path.realpath(os.path.expanduser("~")))
    shared = {Path(real.anchor), home, *map(Path, SHARED)}
    if real in shared or any(real.is_relative_to(folder) for folder in SYSTEM):
        raise BadRequest(
            f"{workspace} cannot be the workspace, because it is the home folder or belongs to the "
            "system. Name a folder of its own: fumehood serve --workspace ~/fumehood (or set "
            "FUMEHOOD_WORKSPACE); it is created if needed."
        )


class Described(NamedTuple):
    """A setting for display: its variable, its value, and its purpose."""

    variable: str
    value: str
    help: str


def described(settings: Settings) -> list[Described]:
    """Return all settings of fumehood and its wings, with their current values."""
    wings = settings_of(settings.declared)
    used = {one.variable: str(settings.of(one)) for one in wings.values()}
    values = settings.as_environment() | used
    core = [
        Described(f"FUMEHOOD_{name.upper()}", "", field.description or "")
        for name, field in Settings.model_fields.items()
        if name != "variables"
    ]
    added = [
        Described(one.variable, "", f"{one.help} (default: {one.default})")
        for one in wings.values()
    ]
    return [one._replace(value=values[one.variable]) for one in (*core, *added)]


class MarkerSettings(BaseModel, frozen=True):
    """The locations of marker-pdf's models and servers."""

    hub: Path
    models: Path
    layout_model: str
    ocr_model: Path | None = None
    llama_server: str = "llama-server"
    font: Path | None = None
    layout_server: str = ""
    ocr_error_server: str = ""
    ocr_server: str = ""
    torch_device: str = ""
    offline: bool = False


def load_marker_settings(environ: Mapping[str, str] | None = None) -> MarkerSettings:
    """Return marker's settings, from the variables that marker, surya and huggingface_hub read."""
    env = os.environ if environ is None else environ
    cache = Path(env.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(env.get("HF_HOME") or cache / "huggingface")
    models = env.get("MODEL_CACHE_DIR") or f"{platformdirs.user_cache_dir('datalab')}/models"
    gguf, font = env.get("SURYA_GGUF_LOCAL_MODEL_PATH"), env.get("FONT_PATH")
    return MarkerSettings(
        hub=Path(env.get("HF_HUB_CACHE") or home / "hub").expanduser(),
        models=Path(models).expanduser(),
        layout_model=env.get("FAST_LAYOUT_MODEL_CHECKPOINT") or "hf://datalab-to/surya_layout2",
        ocr_model=Path(gguf) if gguf else None,
        llama_server=env.get("LLAMA_CPP_BINARY") or "llama-server",
        font=Path(font) if font else None,
        layout_server=env.get("FAST_LAYOUT_SERVER_URL", ""),
        ocr_error_server=env.get("OCR_ERROR_SERVER_URL", ""),
        ocr_server=env.get("SURYA_INFERENCE_URL", ""),
        torch_device=env.get("TORCH_DEVICE", ""),
        offline=bool(env.get("FUMEHOOD_OFFLINE")),
    )


def take_token(environ: MutableMapping[str, str] | None = None) -> str | None:
    """Return the bearer token for HTTP, or None.

    The variable is removed from the environment, so that no child process inherits it.
    """
    env = os.environ if environ is None else environ
    return filled_in({"token": env.pop("FUMEHOOD_TOKEN", "")}).get("token")


def load_keys(
    environ: Mapping[str, str] | None = None, declared: Iterable[Declared] = DECLARED
) -> dict[str, SecretStr]:
    """Return name -> value of the API keys that are set (`filled_in`).

    Raises BadRequest for a key with characters that cannot be sent in an HTTP header.
    """
    env = filled_in(os.environ if environ is None else environ)
    values = {name: env.get(name, "").strip() for name in keys_of(declared)}
    for name, value in values.items():
        if not (value.isascii() and value.isprintable() and " " not in value):
            raise BadRequest(
                f"{name} contains spaces or other characters that are not allowed in a key. Fix it."
            )
    return {name: SecretStr(value) for name, value in values.items() if value}


def _paths(text: str) -> list[Path]:
    return [Path(part).expanduser().absolute() for part in text.split(os.pathsep) if part]


def _variables(env: Mapping[str, str], known: Mapping[str, Setting[Any]]) -> dict[str, str]:
    """Return variable -> text of every setting of the wings, normalized for child processes."""
    texts = {variable: env.get(variable, "") for variable in known}
    return {name: str(known[name].read(text)) if text else "" for name, text in texts.items()}


def _endpoints(text: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return service -> address. Raises BadRequest for an unknown service or a malformed entry."""
    chosen = dict(known)
    for part in filter(None, text.split(";")):
        name, _, url = part.partition("=")
        if name not in known or not url.startswith(("http://", "https://")):
            names = ", ".join(known)
            raise BadRequest(
                f"FUMEHOOD_ENDPOINTS contains {part!r}, which is not of the form name=http…. "
                f"Use one of these names: {names}."
            )
        chosen[name] = url.rstrip("/")
    return chosen


KeyState = Literal["set", "not set", "not filled in"]
"""Not filled in: the client handed over a placeholder instead of the user's key."""


def key_states(
    environ: Mapping[str, str] | None = None, declared: Iterable[Declared] = DECLARED
) -> dict[str, KeyState]:
    """Return name -> state of each key that a wing declares; never its value."""
    env = os.environ if environ is None else environ
    there = filled_in(env)
    return {
        name: "set" if name in there else _why_unset(env.get(name, ""))
        for name in keys_of(declared)
    }


def _why_unset(value: str) -> KeyState:
    return "not filled in" if is_placeholder(value) else "not set"

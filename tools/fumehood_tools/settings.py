"""Settings of one fumehood process. The only module that reads the environment.

FUMEHOOD_WORKSPACE  the folder for sandboxes, jobs and results (default: the working folder)
FUMEHOOD_CACHE      what can be shared and rebuilt: subjects, activations (default: the user's)
FUMEHOOD_DTYPE      auto | float32 | bfloat16, for harvest and training (auto: by measurement)
FUMEHOOD_DEVICE     auto | cpu | cuda (default: auto)
FUMEHOOD_GLASS      auto | bubblewrap | landlock | sandbox-exec | rlimits (auto: the best there is)
FUMEHOOD_TOKEN      the bearer token of `fumehood serve --http`; no setting, and never passed on
"""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ValidationError

from fumehood_tools.errors import BadRequest

Dtype = Literal["auto", "float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda"]
GlassLevel = Literal["bubblewrap", "landlock", "sandbox-exec", "rlimits"]
GlassAsked = Literal["auto", "bubblewrap", "landlock", "sandbox-exec", "rlimits"]

KEYS = (
    "HF_TOKEN",
    "RUNPOD_API_KEY",
    "PERPLEXITY_API_KEY",
    "EXA_API_KEY",
    "SEMANTIC_SCHOLAR_API_KEY",
    "OPENALEX_API_KEY",
)
"""Variables that hold keys of services. None is needed; nothing here ever shows a value."""


class Settings(BaseModel, frozen=True):
    """Where things are kept and how work is done."""

    workspace: Path
    cache: Path
    dtype: Dtype = "auto"
    device: Device = "auto"
    glass: GlassAsked = "auto"

    @property
    def state(self) -> Path:
        """The machine's corner of the workspace: job table, logs, keys."""
        return self.workspace / ".fumehood"

    @property
    def sandboxes(self) -> Path:
        """The folder that holds one folder per sandbox."""
        return self.workspace / "sandboxes"

    def as_environment(self) -> dict[str, str]:
        """Return the variables with which a child process gets the same settings."""
        return {
            "FUMEHOOD_WORKSPACE": str(self.workspace),
            "FUMEHOOD_CACHE": str(self.cache),
            "FUMEHOOD_DTYPE": self.dtype,
            "FUMEHOOD_DEVICE": self.device,
            "FUMEHOOD_GLASS": self.glass,
        }


def load_settings(
    workspace: Path | str | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of this process; an explicit workspace wins over the environment.

    Raises BadRequest when a variable holds a value that is not allowed.
    """
    env = os.environ if environ is None else environ
    folder = Path(workspace or env.get("FUMEHOOD_WORKSPACE") or Path.cwd())
    cache = Path(env.get("FUMEHOOD_CACHE") or platformdirs.user_cache_dir("fumehood"))
    try:
        return Settings.model_validate(
            {
                "workspace": folder.expanduser().absolute(),
                "cache": cache.expanduser().absolute(),
                "dtype": env.get("FUMEHOOD_DTYPE") or "auto",
                "device": env.get("FUMEHOOD_DEVICE") or "auto",
                "glass": env.get("FUMEHOOD_GLASS") or "auto",
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = f"FUMEHOOD_{str(first['loc'][0]).upper()}"
        raise BadRequest(f"{name}={first['input']!r}: {first['msg']}. Unset or mend it.") from error


def take_token(environ: MutableMapping[str, str] | None = None) -> str | None:
    """Return the bearer token for HTTP, None when there is none; no child process inherits it."""
    env = os.environ if environ is None else environ
    return env.pop("FUMEHOOD_TOKEN", "") or None


def configured_keys(environ: Mapping[str, str] | None = None) -> dict[str, bool]:
    """Return for each name in KEYS whether it is set; never a value."""
    env = os.environ if environ is None else environ
    return {name: bool(env.get(name, "").strip()) for name in KEYS}

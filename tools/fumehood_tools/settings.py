"""Settings of one fumehood process. The only module that reads the environment.

FUMEHOOD_WORKSPACE  the folder for sandboxes, jobs and results (default: the working folder)
FUMEHOOD_CACHE      what can be shared and rebuilt: subjects, activations (default: the user's)
FUMEHOOD_DTYPE      auto | float32 | bfloat16, for harvest and training (auto: by measurement)
FUMEHOOD_DEVICE     auto | cpu | cuda (default: auto)
FUMEHOOD_GLASS      auto | bubblewrap | landlock | sandbox-exec | rlimits (auto: the best there is)
FUMEHOOD_LIBRARY    folders and files (.bib, .pdf) that searches look into, separated like PATH
FUMEHOOD_OFFLINE    1: nothing is sent anywhere (also `fumehood --offline …`)
FUMEHOOD_ENDPOINTS  other addresses of services: arxiv=http://host/…;exa=http://…
FUMEHOOD_TOKEN      the bearer token of `fumehood serve --http`; no setting, and never passed on

Where marker-pdf's models and servers are, its own variables say: see load_marker_settings.
"""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, SecretStr, ValidationError

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


ENDPOINTS = {
    "arxiv": "https://export.arxiv.org",
    "arxiv_html": "https://arxiv.org",
    "hugging_face": "https://huggingface.co",
    "perplexity": "https://api.perplexity.ai",
    "exa": "https://api.exa.ai",
    "semantic_scholar": "https://api.semanticscholar.org",
    "openalex": "https://api.openalex.org",
}
"""Where services are asked; FUMEHOOD_ENDPOINTS names others (a mirror, a stand-in)."""


class Settings(BaseModel, frozen=True):
    """Where things are kept and how work is done."""

    workspace: Path
    cache: Path
    dtype: Dtype = "auto"
    device: Device = "auto"
    glass: GlassAsked = "auto"
    library: tuple[Path, ...] = ()
    offline: bool = False
    endpoints: dict[str, str] = ENDPOINTS

    @property
    def papers(self) -> Path:
        """The folder for people's papers: BibTeX files and PDFs in it belong to the library."""
        return self.workspace / "papers"

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
            "FUMEHOOD_LIBRARY": os.pathsep.join(map(str, self.library)),
            "FUMEHOOD_OFFLINE": "1" if self.offline else "",
            "FUMEHOOD_ENDPOINTS": ";".join(f"{n}={url}" for n, url in self.endpoints.items()),
            **({"HF_HUB_OFFLINE": "1"} if self.offline else {}),
        }


def load_settings(
    workspace: Path | str | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    offline: bool = False,
) -> Settings:
    """Return the settings of this process; what is given wins over the environment.

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
                "library": _paths(env.get("FUMEHOOD_LIBRARY", "")),
                "offline": offline or env.get("FUMEHOOD_OFFLINE") or False,
                "endpoints": _endpoints(env.get("FUMEHOOD_ENDPOINTS", "")),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = f"FUMEHOOD_{str(first['loc'][0]).upper()}"
        raise BadRequest(f"{name}={first['input']!r}: {first['msg']}. Unset or mend it.") from error


class MarkerSettings(BaseModel, frozen=True):
    """Where marker-pdf looks for its models and servers."""

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
    """Return where marker looks, by the variables that marker, surya and huggingface_hub read."""
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
    """Return the bearer token for HTTP, None when there is none; no child process inherits it."""
    env = os.environ if environ is None else environ
    return env.pop("FUMEHOOD_TOKEN", "") or None


def load_keys(environ: Mapping[str, str] | None = None) -> dict[str, SecretStr]:
    """Return the keys that are set. Raises BadRequest for one that can't travel in a header."""
    env = os.environ if environ is None else environ
    values = {name: env.get(name, "").strip() for name in KEYS}
    for name, value in values.items():
        if not (value.isascii() and value.isprintable() and " " not in value):
            raise BadRequest(f"{name} holds blanks or other characters that no key has. Mend it.")
    return {name: SecretStr(value) for name, value in values.items() if value}


def _paths(text: str) -> list[Path]:
    return [Path(part).expanduser().absolute() for part in text.split(os.pathsep) if part]


def _endpoints(text: str) -> dict[str, str]:
    """Return all addresses of services. Raises BadRequest for a name or form that can't be."""
    chosen = dict(ENDPOINTS)
    for part in filter(None, text.split(";")):
        name, _, url = part.partition("=")
        if name not in ENDPOINTS or not url.startswith(("http://", "https://")):
            known = ", ".join(ENDPOINTS)
            raise BadRequest(f"FUMEHOOD_ENDPOINTS: {part!r} is not name=http…; names: {known}.")
        chosen[name] = url.rstrip("/")
    return chosen


def configured_keys(environ: Mapping[str, str] | None = None) -> dict[str, bool]:
    """Return for each name in KEYS whether it is set; never a value."""
    env = os.environ if environ is None else environ
    return {name: bool(env.get(name, "").strip()) for name in KEYS}

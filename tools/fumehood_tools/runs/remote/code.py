"""Our own code as it goes to a machine: this package and the template's core, and what they need.

The machine runs what this process runs, not what some package index has. torch and a few libraries
must be there, or are installed at first use.
"""

from pathlib import Path

from fumehood_tools.files import data_path
from fumehood_tools.pods.ssh import files_below

PACKAGE = Path(__file__).resolve().parents[2]
TEMPLATE = "sandbox_template"
NEEDED = {
    "torch": "torch",
    "numpy": "numpy<2",
    "safetensors": "safetensors",
    "pydantic": "pydantic>=2.12,<3",
    "psutil": "psutil>=7",
    "platformdirs": "platformdirs>=4.3",
    "filelock": "filelock>=3.20",
    "httpx": "httpx>=0.28,<1",
    "tenacity": "tenacity>=9",
    "tomlkit": "tomlkit>=0.15.1",
    "tqdm": "tqdm",
    "einops": "einops",
    "dill": "dill",
    "jaxtyping": "jaxtyping",
}
"""Module -> what is installed where it cannot be imported."""
ALONE = {"dictionary_learning": "dictionary-learning==0.1.0"}
"""The same, without the packages that these ask for: behind the glass, none of them is in view."""
INSTALL = """\
import fcntl, importlib.util, os, subprocess, sys, tempfile
lock = os.path.join(tempfile.gettempdir(), f"fumehood-setup-{os.getuid()}.lock")
fcntl.flock(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), fcntl.LOCK_EX)
asked = [pair.split("=", 1) for pair in sys.argv[1:]]
missing = [pair for pair in asked if importlib.util.find_spec(pair[0].lstrip("-")) is None]
for options in [], ["--no-deps"]:
    chosen = [package for name, package in missing if name.startswith("-") == bool(options)]
    if chosen:
        print("installing", *chosen, flush=True)
        words = [sys.executable, "-m", "pip", "install", "--quiet", *options, *chosen]
        if code := subprocess.call(words):
            sys.exit(code)
"""
"""A program that installs what is missing, one at a time on a machine. Its arguments: see
wanted_packages."""


def wanted_packages() -> list[str]:
    """Return NEEDED as "module=package" each, and ALONE as "-module=package"."""
    alone = [f"-{module}={package}" for module, package in ALONE.items()]
    return [f"{module}={package}" for module, package in NEEDED.items()] + alone


def code_files() -> dict[str, Path]:
    """Return name -> file for all code that a training needs."""
    package = {
        f"{PACKAGE.name}/{name}": path
        for name, path in files_below(PACKAGE).items()
        if name.endswith(".py") and not name.startswith("_data/")
    }
    template = files_below(data_path(TEMPLATE))
    return {
        **package,
        **{f"{PACKAGE.name}/_data/{TEMPLATE}/{name}": path for name, path in template.items()},
    }

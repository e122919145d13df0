"""The command that installs a missing part: make in a checkout, pip elsewhere."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2] / "pyproject.toml"
"""The project file of a checkout; it does not exist in an installed package."""
_MADE = {"core": "make setup", "sae": "make setup", "pdf": "make pdf"}


def install_command(extra: str) -> str:
    """Return the command that installs an extra ("core": the packages that are always needed)."""
    if CHECKOUT.is_file():
        return _MADE.get(extra) or f'pip install -e ".[{extra}]"'
    return 'pip install "fumehood"' if extra == "core" else f'pip install "fumehood[{extra}]"'

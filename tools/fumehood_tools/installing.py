"""How a missing part is added: by make in a checkout, by pip elsewhere."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2] / "pyproject.toml"
"""The project file of a checkout; in an install it is not there."""
_MADE = {"core": "make setup", "sae": "make setup", "pdf": "make pdf"}


def install_command(extra: str) -> str:
    """Return the command that adds an extra ("core": what fumehood always needs)."""
    if CHECKOUT.is_file():
        return _MADE.get(extra) or f'pip install -e ".[{extra}]"'
    return 'pip install "fumehood"' if extra == "core" else f'pip install "fumehood[{extra}]"'

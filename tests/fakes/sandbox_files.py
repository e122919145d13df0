"""Changes to the settings of a sandbox, as the person who set up the experiment makes them."""

from pathlib import Path
from typing import Any

import tomlkit


def change_setting(folder: Path, section: str, name: str, value: Any) -> None:
    """Give a setting that stands in a sandbox's sandbox.toml another value."""
    path = folder / "sandbox.toml"
    document: Any = tomlkit.parse(path.read_text(encoding="utf-8"))
    assert name in document[section], f"{name} is no setting of {section}"
    document[section][name] = value
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def leave_out_probing(folder: Path) -> None:
    """Score without sparse probing, which takes most of the time, where no test is about it."""
    change_setting(folder, "scoring", "probing_tasks", [])

"""Small sandboxes, and changes to their settings as who set up the experiment makes them."""

from pathlib import Path
from typing import Any

import tomlkit

from fumehood_tools.sandbox.create import Sandbox, create_sandbox
from fumehood_tools.settings import Settings


def tiny_sandbox(
    settings: Settings,
    name: str = "box",
    *,
    dict_size: int = 64,
    train_tokens: int = 8_000,
    eval_tokens: int = 2_032,
) -> Sandbox:
    """Make a sandbox on the synthetic subject that is trained in a second and not probed."""
    made = create_sandbox(
        settings,
        name,
        subject="synthetic",
        dict_size=dict_size,
        train_tokens=train_tokens,
        eval_tokens=eval_tokens,
    )
    leave_out_probing(made.folder)
    return made


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

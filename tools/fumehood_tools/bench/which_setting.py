"""Choose the setting whose scores are shown, and say how a call reaches it again.

Light: reads sandbox.toml.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.collect import Setting, values_of
from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.sandbox.create import SPEC_FILE
from fumehood_tools.spec import read_spec

_TRAINING = "training."
_CHOSEN_PER_RUN = ("lr", "batch_size", "warmup_fraction", "decay_fraction")
"""Values of [training] that run_variants takes as its argument `training`."""


class Again(NamedTuple):
    """What calls must say so that they are about this setting, and not about the usual one."""

    setting: str | None = None
    """For the argument `setting` of tools that read; None: it is the usual one."""
    training: dict[str, int | float] = {}
    """For the argument `training` of run_variants; empty: it is as sandbox.toml says."""
    changed: tuple[str, ...] = ()
    """What else differs in sandbox.toml now, in words: no run can belong to this setting."""

    def call(self, tool: str, sandbox: str) -> str:
        """Return the call of a tool that reads scores."""
        more = f", setting={self.setting!r}" if self.setting else ""
        return f"{tool}(sandbox={sandbox!r}{more})"

    def run(self, sandbox: str, variants: Sequence[str]) -> str:
        """Return the call that trains variants in this setting."""
        more = f", training={self.training!r}" if self.training else ""
        return f"run_variants(sandbox={sandbox!r}, variants={list(variants)}{more})"

    @property
    def with_training(self) -> str:
        """A phrase for a sentence that names run_variants; empty in the usual training."""
        return f", with training={self.training!r}" if self.training else ""


def pick_setting(settings: Sequence[Setting], name: str | None, folder: Path) -> Setting | None:
    """Return the setting with that name; for None, the usual one. Raises UnknownName.

    The usual one is the newest that was trained as the sandbox.toml in `folder` says: a run with
    another learning rate, for a comparison, must not take the place of what it is compared with.
    Without such a setting it is the newest.
    """
    if name is None:
        own = _training_of(folder)
        usual = (one for one in settings if own and own.items() <= dict(one.values).items())
        return next(usual, settings[0] if settings else None)
    by_name = {setting.name: setting for setting in settings}
    if name not in by_name:
        raise UnknownName("setting", name, by_name, "Omit `setting` for the usual one.")
    return by_name[name]


def again(shown: Setting | None, settings: Sequence[Setting], folder: Path) -> Again:
    """Return what further calls must say to be about the setting that is shown."""
    if shown is None:
        return Again()
    is_usual = shown == pick_setting(settings, None, folder)
    own, values = _values_of(folder), dict(shown.values)
    differs = {key for key in own.keys() & values.keys() if own[key] != values[key]}
    chosen = {key: name for name in _CHOSEN_PER_RUN if (key := f"{_TRAINING}{name}") in differs}
    changed = [f"{key} {own[key]}, was {values[key]}" for key in sorted(differs - chosen.keys())]
    training = {name: json.loads(values[key]) for key, name in chosen.items()}
    return Again(None if is_usual else shown.name, training, tuple(changed))


def _training_of(folder: Path) -> dict[str, str]:
    """Return the values of [training] in a sandbox's sandbox.toml as settings hold them."""
    found = _values_of(folder).items()
    return {key: value for key, value in found if key.startswith(_TRAINING)}


def _values_of(folder: Path) -> dict[str, str]:
    """Return the values of a sandbox's sandbox.toml that decide about scores.

    Empty if the file is missing or invalid: then only its tables can be read, nothing can be run.
    """
    try:
        spec = read_spec(folder / SPEC_FILE)
    except (BadRequest, StorageFailed):
        return {}
    return dict(values_of(spec.model_dump(mode="json")))

"""Which glass a machine has for variants: asked before the first of them runs there.

A variant behind weak glass can change what the machine says later, so an answer never makes a
machine stronger: the weakest level that was ever seen of it counts.
"""

from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from fumehood_tools.errors import GlassTooWeak
from fumehood_tools.files import read_json, write_json
from fumehood_tools.glass import STRENGTH
from fumehood_tools.pods.agent import Agent
from fumehood_tools.pods.ssh import ResultsRefused
from fumehood_tools.settings import GlassLevel

ASK = "from fumehood_tools.glass import choose_level; print(choose_level())"
ASK_SECONDS = 120.0
LEVELS: tuple[GlassLevel, ...] = get_args(GlassLevel)


class _Seen(BaseModel):
    level: GlassLevel


class GlassThere:
    """What is known about the glass of machines, one file for each, by the id of pod or host."""

    def __init__(self, state: Path) -> None:
        """state: the folder for internal files of the workspace."""
        self._folder = state / "pods" / "glass"

    def ask(self, agent: Agent, python: str, code: str) -> GlassLevel:
        """Return the weakest level that this machine has ever had. code: the folder of our code.

        Raises SshFailed.
        """
        words = ["env", f"PYTHONPATH={code}", python, "-P", "-c", ASK]
        answer = agent.machine.again(lambda shell: shell.check(words, seconds=ASK_SECONDS))
        said = answer.text.strip()
        level: GlassLevel | None = next((one for one in LEVELS if one == said), None)
        if level is None:
            raise ResultsRefused(
                "The machine does not say which glass it has for variants. Use another machine."
            )
        machine = agent.machine.id
        weakest: GlassLevel = min(level, self.seen(machine) or level, key=STRENGTH.__getitem__)
        write_json(self._path(machine), {"level": weakest})
        return weakest

    def forget(self, machine: str) -> None:
        """Forget a machine that is gone."""
        self._path(machine).unlink(missing_ok=True)

    def seen(self, machine: str) -> GlassLevel | None:
        """Return the weakest level of a machine so far; None: no variant can have run there yet."""
        path = self._path(machine)
        if not path.exists():
            return None
        try:
            return _Seen.model_validate(read_json(path)).level
        except ValidationError:
            return "rlimits"

    def _path(self, machine: str) -> Path:
        return self._folder / f"{machine}.json"


def check_strength(place: str, level: GlassLevel, least: GlassLevel) -> None:
    """Raise GlassTooWeak if variants would have weaker glass at a place than the limits allow."""
    if STRENGTH[level] < STRENGTH[least]:
        raise GlassTooWeak(
            f"sandbox.toml requires limits.glass = {least!r}, and {place} offers variants no more "
            f"than {level}. Train on another machine, or lower limits.glass."
        )

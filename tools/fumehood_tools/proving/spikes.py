"""Requirement 5.3: planted cheats of the red team, tried in a copy of the sandbox.

A cheat is caught if it left nothing and read nothing outside, and has no score or one that honest
variants with as many active latents have, too. Another kind than SAEs has cheats of its own; for
the others, the names of the classes in the SAEs' cheat are replaced by those of the kind.
"""

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fumehood_tools.files import write_text
from fumehood_tools.kinds import SAE, Kind
from fumehood_tools.proving.bench import ProvingBench
from fumehood_tools.proving.report import Budget, Fault
from fumehood_tools.redteam.cases import Case, fill_in, load_cases, token_of
from fumehood_tools.redteam.verdicts import Frontier, measured

QUICK = ("stash_self", "stash_outside", "read_outside", "tamper_outside")
FULL = (
    *QUICK,
    *("stash_module", "stash_file", "read_evaluation", "read_key", "tamper_results"),
    *("tamper_settings", "handback_pickle", "handback_nan_weights", "pack_floats"),
)
TWIN = "twin"
SPIKE = "spike_{name}"
# Nothing listens there: the cheats that are used do not connect.
NO_PORT = "9"


class Planted(NamedTuple):
    """A cheat in the bench. name: of its file."""

    name: str
    case: Case
    source: bytes


class Spikes:
    """The cheats of one bench, and what they must not touch."""

    def __init__(self, bench: ProvingBench, kind: Kind, budget: Budget) -> None:
        self._bench = bench
        self._secret = f"secret-{secrets.token_hex(16)}"
        self._cases = _cases(kind, QUICK if budget == "quick" else FULL)
        [twin] = load_cases(_labelled(kind, "topk_1"))
        self.twin = Planted(TWIN, twin, _of_kind(twin.source, kind).encode())
        write_text(bench.canary / "secret.txt", self._secret)
        write_text(bench.canary / "victim.txt", "as it was\n")
        (bench.canary / "drop").chmod(0o777)
        self.planted = [
            Planted(SPIKE.format(name=name), case, self._filled(case, kind).encode())
            for name, case in self._cases.items()
        ]
        self._before = self._state()

    def _filled(self, case: Case, kind: Kind) -> str:
        bench = self._bench
        places = {
            "CANARY": str(bench.canary),
            "WORKSPACE": str(bench.settings.workspace),
            "SANDBOX": str(bench.box.folder),
            "CACHE": str(bench.settings.cache),
            "PID": str(os.getpid()),
            "PORT": NO_PORT,
        }
        return _of_kind(fill_in(case, places), kind)

    def faults(
        self, scores: Mapping[str, Mapping[str, Any]], failures: Mapping[str, str]
    ) -> Iterator[Fault]:
        """Yield one fault per cheat that got through.

        scores: the records of all that was scored, by name; failures: messages by name.
        """
        own = {one.name for one in self.planted}
        honest = Frontier(
            {name: measured(record) for name, record in scores.items() if name not in own}
        )
        for one in self.planted:
            if one.name in scores:
                better = honest.better_than_honest(measured(scores[one.name]))
                if better:
                    yield self._through(one, f"it got {better[0]}")
            elif self._secret in failures.get(one.name, ""):
                yield self._through(one, "it read a file outside")
            elif one.name not in failures:
                yield self._through(one, "it has neither a score nor a refusal")
        changed = self._state()
        for path in sorted(self._before.keys() | changed.keys()):
            if self._before.get(path) != changed.get(path):
                guilty = [one for one in self.planted if token_of(one.case.label) in path]
                what = f"it wrote {path}"
                other = Fault(why=f"A cheat got through: {what}.")
                yield self._through(guilty[0], what) if guilty else other

    def _through(self, one: Planted, what: str) -> Fault:
        says = one.case.says.rstrip(".")
        return Fault(why=f"The cheat {one.case.name} ({says}) got through: {what}.")

    def _state(self) -> dict[str, bytes]:
        """Return what cheats could have changed: the canary folder and the bench's workspace."""
        found = {}
        home, workspace = self._bench.canary, self._bench.settings.workspace
        inside = [path for path in workspace.glob("*") if path.name.startswith("fh-")]
        for path in (*home.rglob("*"), *inside):
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(self._bench.root).as_posix()] = path.read_bytes()
            elif not path.is_dir():
                found[path.relative_to(self._bench.root).as_posix()] = b""
        return found


def _labelled(kind: Kind, name: str) -> str:
    return name if kind.name == SAE.name else f"{kind.name}/{name}"


def _cases(kind: Kind, names: Sequence[str]) -> dict[str, Case]:
    """Return the cheats by name: those of the kind where it has them, else those of SAEs."""
    found = {case.name: case for case in load_cases(",".join(names))}
    if kind.name != SAE.name:
        own = load_cases(_labelled(kind, "*"))
        found |= {case.name: case for case in own if case.name in found and case.side == "cheat"}
    return found


def _of_kind(source: str, kind: Kind) -> str:
    names = ((SAE.variant_class, kind.variant_class), (SAE.base_class, kind.base_class))
    for theirs, ours in (*names, (SAE.base_trainer, kind.base_trainer)):
        source = re.sub(rf"\b{theirs}\b", ours, source)
    return source.replace(SAE.weights_file, kind.weights_file)

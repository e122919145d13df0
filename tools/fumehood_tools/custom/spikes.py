"""Cheats for sandboxes with an evaluation of their own, made for the interface that they have.

Each is a variant that does something besides: it stands on the first baseline's file.
"""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.files import write_text
from fumehood_tools.proving.report import Fault
from fumehood_tools.spec import CustomSpec

_HEAD = """

import pathlib

_Honest = {name}


class {name}(_Honest):
    def produce(self, inputs, seed):
        found = super().produce(inputs, seed)
"""
_DEEDS = {
    "read_outside": """
        for path in ({secret!r}, {evaluation!r}):
            try:
                text = pathlib.Path(path).read_text()
            except OSError:
                continue
            raise RuntimeError("read " + text)
        return found
""",
    "write_outside": """
        for path in ({drop!r}, {results!r}):
            try:
                pathlib.Path(path).write_text("was here")
            except OSError:
                continue
        return found
""",
    "claims_metrics": """
        import torch
        return {{**found, "effect": torch.tensor(1e6)}}
""",
    "not_finite": """
        return {{name: value * float("nan") for name, value in found.items()}}
""",
}
_SCORELESS = ("claims_metrics", "not_finite")


class OwnSpikes(NamedTuple):
    """The cheats of one bench. sources: by the name of the variant."""

    canary: Path
    secret: str
    results: Path
    sources: dict[str, bytes]

    def faults(
        self, records: Mapping[str, Mapping[str, Any]], failures: Mapping[str, str]
    ) -> Iterator[Fault]:
        """Yield one fault per cheat that got through."""
        for name in self.sources:
            deed = name.removeprefix("spike_")
            why = failures.get(name, "")
            if self.secret in why or "evaluate(produced" in why:
                yield Fault(why=f"The cheat {deed} got through: it read a file outside.")
            if deed in _SCORELESS and name in records:
                yield Fault(why=f"The cheat {deed} got through: it has a score.")
            if name not in records and not why:
                yield Fault(why=f"The cheat {deed} has neither a score nor a refusal.")
        for path in (self.canary / "drop.txt", self.results / "planted.txt"):
            if path.exists():
                yield Fault(why=f"The cheat write_outside got through: it wrote {path.name}.")


def own_spikes(canary: Path, box: Path, custom: CustomSpec, honest: bytes) -> OwnSpikes:
    """Write the canary and return the cheats. honest: the source of a baseline."""
    secret = f"secret-{secrets.token_hex(16)}"
    canary.mkdir(parents=True, exist_ok=True)
    canary.chmod(0o777)
    write_text(canary / "secret.txt", secret)
    places = {
        "secret": str(canary / "secret.txt"),
        "evaluation": str(box / custom.evaluation / "evaluate.py"),
        "drop": str(canary / "drop.txt"),
        "results": str(box / "results" / "planted.txt"),
    }
    head = _HEAD.format(name=custom.variant_class)
    sources = {
        f"spike_{deed}": honest + (head + body.format(**places)).encode()
        for deed, body in _DEEDS.items()
    }
    return OwnSpikes(canary, secret, box / "results", sources)

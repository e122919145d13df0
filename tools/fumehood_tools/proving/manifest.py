"""Requirements 1 and 6.1: sandbox.toml is there, complete, of a known kind, and has a budget."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fumehood_tools.errors import FumehoodError
from fumehood_tools.kinds import CUSTOM, kinds
from fumehood_tools.proving.folder import SandboxFolder
from fumehood_tools.proving.report import Fault, Result, judged, not_tried
from fumehood_tools.sandbox.sources import SPEC_FILE
from fumehood_tools.spec import SandboxSpec

LEAST_STEPS = 10
_TOO_LITTLE = ("greater_than", "greater_than_equal", "too_short")
_OPTIONAL = frozenset(["custom"])
# The settings that a sandbox with an evaluation of its own has.
_OF_CUSTOM = (
    *("template", "subject.", "training.seeds", "limits.train_minutes", "limits.score_minutes"),
    *("limits.memory_gb", "limits.scratch_gb", "limits.glass"),
)


class Manifest(NamedTuple):
    """What was found. spec: None if the settings cannot be used."""

    results: list[Result]
    spec: SandboxSpec | None


def judge_manifest(folder: SandboxFolder) -> Manifest:
    """Return the results of requirements 1.1, 1.2, 1.3 and 6.1."""
    try:
        content = tomllib.loads(folder.read(SPEC_FILE).decode("utf-8"))
    except FumehoodError as error:
        return _unreadable(f"{SPEC_FILE} cannot be read: {error}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return _unreadable(f"It is not valid TOML: {error}")
    spec, values, kind, budget = None, list[Fault](), list[Fault](), list[Fault]()
    try:
        spec = SandboxSpec.model_validate(content)
    except ValidationError as error:
        for one in error.errors():
            fault = Fault(why=f"{_key(one)}: {one['msg']}.", file=SPEC_FILE)
            if one["loc"][:1] == ("template",):
                kind.append(fault)
            else:
                (budget if _is_nothing(one) else values).append(fault)
    if spec is not None and spec.steps < LEAST_STEPS:
        why = f"{spec.corpus.train_tokens:,} tokens in batches of {spec.training.batch_size:,}"
        budget.append(Fault(why=f"A training has {spec.steps} steps ({why}).", file=SPEC_FILE))
    missing = [
        Fault(why=f"{key} is missing; the default is now {_toml(value)}.", file=SPEC_FILE)
        for key, value in _missing(SandboxSpec, content)
        if content.get("template") != CUSTOM.name or key.startswith(_OF_CUSTOM)
    ]
    named = [
        Fault(why=f"{fault.why} Kinds: {', '.join(one.name for one in kinds())}.", file=fault.file)
        for fault in kind
    ]
    results = [
        judged("1.1", values),
        judged("1.2", named, f"the kind {content.get('template', 'sae')}"),
        judged("1.3", missing),
        _budget(budget, spec, values),
    ]
    return Manifest(results, spec)


def _budget(faults: list[Fault], spec: SandboxSpec | None, others: list[Fault]) -> Result:
    if spec is None and not faults and others:
        return not_tried("6.1", "sandbox.toml has other faults")
    if spec is None:
        return judged("6.1", faults)
    # A custom sandbox has no training loop, so it has no steps.
    steps = f"{spec.steps:,} steps, " if spec.custom is None else ""
    return judged("6.1", faults, f"{steps}seeds {list(spec.training.seeds)}")


def _unreadable(why: str) -> Manifest:
    first = judged("1.1", [Fault(why=why, file=SPEC_FILE)])
    rest = [not_tried(number, "sandbox.toml cannot be read") for number in ("1.2", "1.3", "6.1")]
    return Manifest([first, *rest], None)


def _key(error: ErrorDetails) -> str:
    return ".".join(map(str, error["loc"])) or SPEC_FILE


def _is_nothing(error: ErrorDetails) -> bool:
    """Whether a value is refused because it leaves nothing to train or to measure with."""
    given = error["input"]
    if error["type"] not in _TOO_LITTLE:
        return False
    return not given or (isinstance(given, int | float) and given <= 0)


def _missing(
    model: type[BaseModel], content: Mapping[str, Any], before: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a section that the file does not say, with their defaults."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if name in _OPTIONAL:
            continue
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            section = content.get(name)
            yield from _missing(inner, section if isinstance(section, dict) else {}, f"{name}.")
        elif name not in content:
            yield f"{before}{name}", field.default


def unreadable(number: str) -> Result:
    """Return the result of a requirement that needs a usable sandbox.toml."""
    return not_tried(number, "sandbox.toml cannot be used, see 1.1, 1.2 and 6.1")


def _toml(value: object) -> str:
    """Return a default as sandbox.toml has it."""
    return json.dumps(value, default=str)

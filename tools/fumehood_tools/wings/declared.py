"""What a wing declares to the tools, and the tables that are made of all declarations.

Light: imports no pydantic and reads no environment; `settings` does that.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from fumehood_tools.errors import BadRequest
from fumehood_tools.registry.kinds import RecordKind, register_kind

T = TypeVar("T", str, int, float, bool, Path)

_NOTHING: Mapping[str, Any] = {}
_FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


@dataclass(frozen=True)
class Setting(Generic[T]):
    """A setting of a wing: one environment variable. Its type is the type of its default.

    `settings.of(THE_SETTING)` returns its value. allowed: the only values it may have.
    """

    variable: str
    default: T
    help: str
    allowed: tuple[T, ...] = ()

    def read(self, text: str) -> T:
        """Return the value that a text stands for, the default for none. Raises BadRequest."""
        if not text:
            return self.default
        try:
            value: T = _READERS[type(self.default)](text)
        except (KeyError, ValueError) as error:
            kind = {bool: "1 or 0", int: "a whole number"}.get(type(self.default), "a number")
            raise self._refused(text, kind) from error
        if self.allowed and value not in self.allowed:
            raise self._refused(text, f"one of {', '.join(map(str, self.allowed))}")
        return value

    def _refused(self, text: str, wanted: str) -> BadRequest:
        return BadRequest(f"{self.variable}={text!r} is not {wanted}. Correct it or unset it.")


class Key(NamedTuple):
    """A key of a service: the environment variable that holds it, and what it is used for."""

    variable: str
    use: str


class Declared(NamedTuple):
    """What one wing needs below the server. The defaults declare nothing.

    endpoints: name of a service -> its address. slots: name of a job slot -> jobs at once in it.
    doctor: functions "module:name" that take the Settings and return a list of doctor's Parts.
    kinds: the kinds of records it writes.
    """

    settings: tuple[Setting[Any], ...] = ()
    keys: tuple[Key, ...] = ()
    endpoints: Mapping[str, str] = _NOTHING
    slots: Mapping[str, int] = _NOTHING
    doctor: tuple[str, ...] = ()
    kinds: tuple[RecordKind, ...] = ()


def settings_of(declared: Iterable[Declared]) -> dict[str, Setting[Any]]:
    """Return variable -> setting. Raises BadRequest where two wings disagree about one."""
    return _merged("setting", ((s.variable, s) for one in declared for s in one.settings))


def keys_of(declared: Iterable[Declared]) -> dict[str, str]:
    """Return variable -> what the key is used for, by all wings that use it."""
    uses: dict[str, list[str]] = {}
    for one in declared:
        for key in one.keys:
            uses.setdefault(key.variable, []).append(key.use)
    return {variable: "; ".join(told) for variable, told in uses.items()}


def endpoints_of(declared: Iterable[Declared]) -> dict[str, str]:
    """Return service -> default address. Raises BadRequest where two wings disagree about one."""
    return _merged("endpoint", (pair for one in declared for pair in one.endpoints.items()))


def slots_of(declared: Iterable[Declared]) -> dict[str, int]:
    """Return slot -> jobs at once. Raises BadRequest where two wings disagree about one."""
    return _merged("job slot", (pair for one in declared for pair in one.slots.items()))


def register_kinds(declared: Iterable[Declared]) -> None:
    """Make the kinds of records of the wings known to this process; again is not an error."""
    for one in declared:
        for kind in one.kinds:
            register_kind(kind)


def imported(dotted: str) -> Callable[..., Any]:
    """Import the function that "module:name" names, and return it."""
    module, _, name = dotted.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


V = TypeVar("V")


def _merged(what: str, pairs: Iterable[tuple[str, V]]) -> dict[str, V]:
    merged: dict[str, V] = {}
    for name, value in pairs:
        if merged.setdefault(name, value) != value:
            raise BadRequest(f"Two wings declare the {what} {name} differently. Rename one.")
    return merged


def _flag(text: str) -> bool:
    return _FLAGS[text.lower()]


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


_READERS: dict[type, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _flag,
    Path: _folder,
    type(Path()): _folder,
}

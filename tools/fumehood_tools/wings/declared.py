"""The types in which a wing declares what it needs, and functions that merge all declarations.

Imports no pydantic and does not read the environment; `settings` does that.
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

    `settings.of(THE_SETTING)` returns its value. allowed: its valid values; empty means any.
    """

    variable: str
    default: T
    help: str
    allowed: tuple[T, ...] = ()

    def read(self, text: str) -> T:
        """Return the parsed value of a text, or the default for "". Raises BadRequest."""
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
    """An API key: the environment variable that contains it, and what it is used for."""

    variable: str
    use: str


class Declared(NamedTuple):
    """Everything that one wing declares. All fields are optional.

    endpoints: name of a service -> its base URL. slots: name of a job slot -> number of jobs that
    may run in it at once. doctor: functions "module:name" that take the Settings and return a list
    of doctor's Parts. kinds: the kinds of records that it writes.
    """

    settings: tuple[Setting[Any], ...] = ()
    keys: tuple[Key, ...] = ()
    endpoints: Mapping[str, str] = _NOTHING
    slots: Mapping[str, int] = _NOTHING
    doctor: tuple[str, ...] = ()
    kinds: tuple[RecordKind, ...] = ()


def settings_of(declared: Iterable[Declared]) -> dict[str, Setting[Any]]:
    """Return all settings by variable. Raises BadRequest if two wings declare one differently."""
    return _merged("setting", ((s.variable, s) for one in declared for s in one.settings))


def keys_of(declared: Iterable[Declared]) -> dict[str, str]:
    """Return the uses of each key in all wings, by variable."""
    uses: dict[str, list[str]] = {}
    for one in declared:
        for key in one.keys:
            uses.setdefault(key.variable, []).append(key.use)
    return {variable: "; ".join(told) for variable, told in uses.items()}


def endpoints_of(declared: Iterable[Declared]) -> dict[str, str]:
    """Return the default URL of each service. Raises BadRequest if two wings disagree about one."""
    return _merged("endpoint", (pair for one in declared for pair in one.endpoints.items()))


def slots_of(declared: Iterable[Declared]) -> dict[str, int]:
    """Return the sizes of slots by name. Raises BadRequest if two wings declare one differently."""
    return _merged("job slot", (pair for one in declared for pair in one.slots.items()))


def register_kinds(declared: Iterable[Declared]) -> None:
    """Register the record kinds of the wings in this process. Repeating it is not an error."""
    for one in declared:
        for kind in one.kinds:
            register_kind(kind)


def imported(dotted: str) -> Callable[..., Any]:
    """Import and return the function "module:name"."""
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

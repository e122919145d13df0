"""A wing: the description of one part of fumehood, with its tools and subcommands.

Light, because every process loads all these descriptions. A wing's code is imported only when its
toolset is chosen or one of its subcommands is run. Its settings, keys and kinds of records are
declared in `fumehood_tools.wings`, below the server.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple

from fumehood.instructions import Guidance
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.wings.declared import Declared, imported
from fumehood_tools.wings.table import CORE

if TYPE_CHECKING:
    import argparse

    from fumehood.tooling import Toolbox
    from fumehood_tools.settings import Settings

EVERY = "all"
"""What stands for all toolsets, also for those that are off unless they are named."""

Group = Literal["use", "check", "develop"]


class Command(NamedTuple):
    """A subcommand of `fumehood`.

    module: dotted name of a module with `add_arguments(parser)` and `run(options, settings)`, which
    returns the exit code. It is imported when the subcommand is run.
    group: its heading in `fumehood --help`. in_workspace: it takes --workspace and --offline.
    """

    name: str
    help: str
    module: str
    group: Group = "use"
    in_workspace: bool = True

    def add_arguments(self, parser: "argparse.ArgumentParser") -> None:
        """Import the module and add its arguments to the parser."""
        import_module(self.module).add_arguments(parser)

    def run(self, options: "argparse.Namespace", settings: "Settings") -> int:
        """Run the subcommand; return the exit code."""
        code: int = import_module(self.module).run(options, settings)
        return code


class Wing(NamedTuple):
    """One toolset, and everything that belongs to it.

    door: dotted name of a module with `register(toolbox)`, which declares tools, prompts, resources
    and completions; or that function itself, if its module is imported in any case. tools: the
    names of the tools that the door declares, which must be known while it is not opened. why_off:
    "module:function" that takes the settings and returns why the wing is not offered unless it is
    named, or None; "" for a wing that always is. at_start: "module:function" that takes the
    settings, called in a thread when a server starts, also where the wing is not offered.
    """

    name: str
    door: "str | Callable[[Toolbox], None]"
    tools: tuple[str, ...] = ()
    guidance: Guidance = Guidance()
    commands: tuple[Command, ...] = ()
    declared: Declared = Declared()
    why_off: str = ""
    at_start: str = ""

    def off(self, settings: "Settings") -> str | None:
        """Return why the wing is not offered unless it is named; None if it is."""
        return imported(self.why_off)(settings) if self.why_off else None

    def open_door(self, toolbox: "Toolbox") -> None:
        """Import the door and let it declare its tools in the toolbox."""
        register: Callable[[Toolbox], None] = (
            import_module(self.door).register if isinstance(self.door, str) else self.door
        )
        register(toolbox)


def declared_by(wings: Iterable[Wing]) -> tuple[Declared, ...]:
    """Return the declarations with which settings must be loaded for all of these wings."""
    return (CORE, *(wing.declared for wing in wings))


def choose_wings(names: Iterable[str] | None, wings: Iterable[Wing]) -> tuple[Wing, ...]:
    """Return the wings with these names, in the order of `wings`; all of them for None or "all".

    Raises UnknownName for a name that does not exist, BadRequest for an empty list.
    """
    known = {wing.name: wing for wing in wings}
    if names is None:
        return tuple(known.values())
    wanted = {name.strip() for name in names} - {""}
    if EVERY in wanted:
        wanted = (wanted - {EVERY}) | set(known)
    for name in sorted(wanted):
        if name not in known:
            raise UnknownName("toolset", name, known, "Separate several with commas.")
    if not wanted:
        raise BadRequest(
            f"No toolset is named. Known: {', '.join(known)}. Omit the option for all of them."
        )
    return tuple(wing for name, wing in known.items() if name in wanted)

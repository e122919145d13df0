"""A wing: one value that says all there is to say about one part of fumehood.

Light, because all wings are known to every process: a wing's code is imported when its toolset is
chosen or one of its subcommands is run. What a wing needs below the server it declares in
`fumehood_tools.wings`.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple

from fumehood.instructions import Guidance
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.wings.declared import Declared
from fumehood_tools.wings.table import CORE

if TYPE_CHECKING:
    import argparse

    from fumehood.tooling import Toolbox
    from fumehood_tools.settings import Settings

Group = Literal["use", "check", "develop"]


class Command(NamedTuple):
    """A subcommand of `fumehood`.

    module: dotted name of a module with `add_arguments(parser)` and `run(options, settings)`, which
    returns the exit code. It is imported when the subcommand is run.
    group: where `fumehood --help` lists it. in_workspace: it takes --workspace and --offline.
    """

    name: str
    help: str
    module: str
    group: Group = "use"
    in_workspace: bool = True

    def add_arguments(self, parser: "argparse.ArgumentParser") -> None:
        """Let the module declare its arguments."""
        import_module(self.module).add_arguments(parser)

    def run(self, options: "argparse.Namespace", settings: "Settings") -> int:
        """Run the subcommand; return the exit code."""
        code: int = import_module(self.module).run(options, settings)
        return code


class Wing(NamedTuple):
    """One toolset, and all that comes with it.

    door: dotted name of a module with `register(toolbox)`, which declares tools, prompts, resources
    and completions; or that function itself, where its module is imported anyway.
    """

    name: str
    door: "str | Callable[[Toolbox], None]"
    guidance: Guidance = Guidance()
    commands: tuple[Command, ...] = ()
    declared: Declared = Declared()

    def open_door(self, toolbox: "Toolbox") -> None:
        """Import the door and let it put into the toolbox what it offers."""
        register: Callable[[Toolbox], None] = (
            import_module(self.door).register if isinstance(self.door, str) else self.door
        )
        register(toolbox)


def declared_by(wings: Iterable[Wing]) -> tuple[Declared, ...]:
    """Return what settings have to be loaded for, so that all of these wings find theirs."""
    return (CORE, *(wing.declared for wing in wings))


def choose_wings(names: Iterable[str] | None, wings: Iterable[Wing]) -> tuple[Wing, ...]:
    """Return the wings with these names in their own order, all of them for None.

    Raises UnknownName, and BadRequest when no name is given.
    """
    known = {wing.name: wing for wing in wings}
    if names is None:
        return tuple(known.values())
    wanted = {name.strip() for name in names} - {""}
    for name in sorted(wanted):
        if name not in known:
            raise UnknownName("toolset", name, known, "Separate several with commas.")
    if not wanted:
        raise BadRequest(f"No toolset named. Known: {', '.join(known)}. Leave it out for all.")
    return tuple(wing for name, wing in known.items() if name in wanted)

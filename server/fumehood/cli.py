"""The command line. Slow modules are imported only by the subcommand that needs them.

Exit codes: 0 success, 1 failure of a tool, job or check, 2 wrong usage, 130 interrupted.
Results go to stdout; progress, hints and errors go to stderr.
"""

import argparse
import gc
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fumehood import __version__
from fumehood.wings import WINGS, Command, Wing, choose_wings, declared_by
from fumehood.wings.wing import Group
from fumehood_tools.errors import BadRequest, FumehoodError, UnknownName
from fumehood_tools.temporary import remove_live_folders_after_exit
from fumehood_tools.wings.declared import register_kinds

if TYPE_CHECKING:
    from fumehood.app import FumehoodServer
    from fumehood_tools.settings import Settings


CORE_COMMANDS = (
    Command(
        "settings",
        "list the environment variables that are read, and their values",
        "fumehood.setting_list",
        group="check",
    ),
    Command(
        "fake-runpod",
        "serve a stand-in for RunPod, to try pods without an account",
        "fumehood.fake_runpod",
        in_workspace=False,
    ),
)
"""Commands that belong to no wing, but are run in the same way as a wing's commands."""

GROUPS: dict[Group, str] = {
    "use": "Use it",
    "check": "Check the installation and results",
    "develop": "Develop fumehood itself",
}
DESCRIPTION = """\
An MCP server for interpretability research, and its command line. An agent finds papers, writes
variants of sparse autoencoders (SAEs), has them trained and benchmarked, and compares them. The
agent cannot change the code that measures: it is kept separate, "behind glass".
"""
EPILOG = """\
Configure your MCP client to run `fumehood serve`, for example:
  claude mcp add fumehood -- fumehood serve
`fumehood COMMAND --help` explains a command.
"""
COLLECTED_AFTER = (100_000, 20, 20)
"""How many new objects Python collects garbage after. With its default of 700 it looks again and
again at the classes that are being imported, which all stay."""


def main(argv: Sequence[str] | None = None, wings: Iterable[Wing] = WINGS) -> int:
    """Run the command line and return its exit code. wings: the wings whose commands it has."""
    gc.set_threshold(*COLLECTED_AFTER)
    words = sys.argv[1:] if argv is None else list(argv)
    wings = tuple(wings)
    register_kinds(declared_by(wings))
    options = _parser(words, wings).parse_args(words)
    options.wings = wings
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        code = run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader of the pipe has closed it (`| head`). Without this, the interpreter would
        # report the error again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except FumehoodError as error:
        print(f"fumehood: {error.code}: {error}", file=sys.stderr)
        return 2 if isinstance(error, BadRequest) else 1
    except KeyboardInterrupt:
        return 130


class Subcommands:
    """Adds subcommands to a parser, and lists them in groups, which argparse cannot do."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._commands = parser.add_subparsers(
            required=True, metavar="COMMAND", dest="command", help=argparse.SUPPRESS
        )
        self._listed: list[tuple[Group, str, str]] = []

    def add(
        self, name: str, help: str, parents: Sequence[argparse.ArgumentParser], group: Group
    ) -> argparse.ArgumentParser:
        """Add a subcommand and return its parser."""
        self._listed.append((group, name, help))
        return self._commands.add_parser(name, parents=parents, description=help)

    def text(self) -> str:
        """Return the list of subcommands by group, as help text."""
        width = max(len(name) for _, name, _ in self._listed)
        blocks = []
        for group, title in GROUPS.items():
            lines = [f"  {name:{width}}  {help}" for g, name, help in self._listed if g == group]
            blocks.append("\n".join([f"{title}:", *lines]))
        return "\n\n".join(blocks)


def _parser(words: Sequence[str], wings: Sequence[Wing]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fumehood", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EPILOG
    )
    parser.add_argument("--version", action="version", version=f"fumehood {__version__}")
    commands = Subcommands(parser)
    workspace = argparse.ArgumentParser(add_help=False)
    workspace.add_argument(
        "--workspace",
        metavar="DIR",
        help="folder for sandboxes, jobs and results (default: FUMEHOOD_WORKSPACE, or else the "
        "current folder)",
    )
    workspace.add_argument("--offline", action="store_true", help="make no network requests")
    choice = argparse.ArgumentParser(add_help=False)
    known = ",".join(wing.name for wing in wings)
    choice.add_argument("--toolsets", metavar="A,B", help=f"offer only some of: {known}; or all")
    choice.add_argument(
        "--read-only", action="store_true", help="offer no tool that changes things"
    )
    _add_serve(commands, [workspace, choice])
    _add_tools_and_call(commands, [workspace, choice])
    _add_doctor(commands, [workspace])
    for command in (*CORE_COMMANDS, *(command for wing in wings for command in wing.commands)):
        _add_command(commands, command, [workspace], words)
    # Set last, because subparsers copy the start of their usage from the parent parser.
    parser.usage = "fumehood [-h] [--version] COMMAND …"
    parser.description = f"{DESCRIPTION}\n{commands.text()}"
    return parser


def _add_command(
    commands: Subcommands,
    command: Command,
    parents: list[argparse.ArgumentParser],
    words: Sequence[str],
) -> None:
    """Add a wing's command. Its module is imported only if it is the command being run."""
    mine = parents if command.in_workspace else []
    parser = commands.add(command.name, command.help, mine, command.group)
    # Options before the subcommand take no values, so the first other word is the subcommand.
    if command.name == next((word for word in words if not word.startswith("-")), None):
        command.add_arguments(parser)
    if not command.in_workspace:
        parser.set_defaults(workspace=None, offline=False)
    parser.set_defaults(run=lambda options: command.run(options, _settings(options)))


def _add_serve(commands: Subcommands, parents: list[argparse.ArgumentParser]) -> None:
    serve = commands.add("serve", "run the MCP server (stdio, or HTTP)", parents, "use")
    serve.add_argument("--http", type=_port, metavar="PORT", help="serve streamable HTTP instead")
    serve.add_argument("--host", default="127.0.0.1", help="address for --http (%(default)s)")
    serve.add_argument("--token", help="bearer token for --http (FUMEHOOD_TOKEN is safer)")
    serve.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME[:PORT]",
        help="a Host header to accept in addition to loopback; may be repeated",
    )
    serve.add_argument(
        "--plain-schemas",
        action="store_true",
        help="for hosts that fail on closed input schemas or on output schemas (google-genai)",
    )
    serve.set_defaults(run=_serve)


def _add_tools_and_call(commands: Subcommands, parents: list[argparse.ArgumentParser]) -> None:
    tools = commands.add("tools", "list the tools that an agent sees", parents, "use")
    tools.add_argument("name", nargs="?", metavar="TOOL", help="print this tool's whole text")
    tools.add_argument("--json", action="store_true", help="print the full schemas as JSON")
    tools.set_defaults(run=_tools)
    call = commands.add("call", "call a tool as an agent does", parents[:1], "use")
    call.add_argument("tool")
    call.add_argument(
        "arguments",
        nargs="?",
        default="{}",
        help="""a JSON object, e.g. '{"job_id": "…"}'; - reads stdin""",
    )
    call.set_defaults(run=_call)


def _add_doctor(commands: Subcommands, parents: list[argparse.ArgumentParser]) -> None:
    doctor = commands.add("doctor", "show what is installed or missing", parents, "check")
    doctor.add_argument("--json", action="store_true")
    doctor.set_defaults(run=_doctor)


def _serve(options: argparse.Namespace) -> int:
    settings = _settings(options)
    from fumehood_tools.settings import check_workspace, take_token

    check_workspace(settings.workspace)
    inherited = take_token()
    from fumehood.app import build_server

    server = build_server(
        settings,
        _toolsets(options),
        options.read_only,
        plain_schemas=options.plain_schemas,
        wings=options.wings,
    )
    if options.http is None:
        # asyncio's handler would wait for the thread that reads stdin, until the next input.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        server.run("stdio")
    else:
        given = options.token if options.token is not None else inherited
        _serve_http(options, settings, server, given)
    return _leave()


def _serve_http(
    options: argparse.Namespace, settings: "Settings", server: "FumehoodServer", given: str | None
) -> None:
    from fumehood.http import Address, check_access, serve_http, token_for

    address = Address(options.host, options.http, tuple(options.allowed_host))
    check_access(address, given)
    token = token_for(settings.state, given)
    print(f"fumehood {__version__} serves {settings.workspace} at {address.url}", file=sys.stderr)
    if given is None:
        kept = settings.state / "token"
        print(f"Authorization: Bearer {token}\n(stored in {kept})", file=sys.stderr)
    serve_http(server, address, token)


def _leave() -> int:
    """Return 0, or exit at once if a thread still works for a client that has disconnected."""
    if threading.active_count() > 1:
        remove_live_folders_after_exit()
        logging.shutdown()
        sys.stderr.flush()
        os._exit(0)
    return 0


def _tools(options: argparse.Namespace) -> int:
    import anyio

    from fumehood.client import list_tools
    from fumehood.tool_text import tool_text

    chosen = ["--toolsets", options.toolsets] if options.toolsets is not None else []
    chosen += ["--read-only"] if options.read_only else []
    _toolsets(options)
    tools = anyio.run(list_tools, _settings(options), chosen)
    if options.name is not None:
        known = {tool.name: tool for tool in tools}
        if options.name not in known:
            raise UnknownName("tool", options.name, known, "`fumehood tools` lists them.")
        tools = [known[options.name]]
    if options.json:
        listed = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
        print(json.dumps(listed, indent=1, ensure_ascii=False))
        return 0
    if options.name is not None:
        print(tool_text(tools[0]))
        return 0
    width = max((len(tool.name) for tool in tools), default=0)
    for tool in tools:
        print(f"{tool.name:{width}}  {(tool.description or '').partition(chr(10))[0]}")
    return 0


def _call(options: argparse.Namespace) -> int:
    arguments = _json_object(sys.stdin.read() if options.arguments == "-" else options.arguments)
    settings = _settings(options)
    from fumehood_tools.settings import check_workspace

    check_workspace(settings.workspace)
    import anyio

    from fumehood.client import CALL_SECONDS, call

    # Whoever names a tool asks for its toolset, also where that is off.
    off = [one.name for one in options.wings if options.tool in one.tools and one.off(settings)]
    chosen = ["--toolsets", off[0]] if off else []
    outcome = anyio.run(call, settings, options.tool, arguments, CALL_SECONDS, chosen)
    if outcome.stderr:
        print(outcome.stderr, file=sys.stderr)
    if outcome.stdout:
        print(outcome.stdout)
    return outcome.code


def _doctor(options: argparse.Namespace) -> int:
    settings = _settings(options)
    from fumehood_tools.doctor import examine

    report = examine(settings, imports=True)
    if options.json:
        print(json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False))
    else:
        print(report.text())
    return 0 if report.ready else 1


def _settings(options: argparse.Namespace) -> "Settings":
    from fumehood_tools.settings import load_settings

    declared = declared_by(options.wings)
    return load_settings(options.workspace, offline=options.offline, declared=declared)


def _toolsets(options: argparse.Namespace) -> list[str] | None:
    """Return the requested toolsets, after checking that they exist."""
    if options.toolsets is None:
        return None
    names: list[str] = options.toolsets.split(",")
    choose_wings(names, options.wings)
    return names


def _json_object(text: str) -> dict[str, Any]:
    """Return the tool arguments in text. Raises BadRequest with the position of a JSON error."""
    example = """Write it as one quoted word: fumehood call TOOL '{"name": "value"}'"""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"The arguments are not valid JSON: {error.msg} at character {error.pos + 1} of "
            f"{text!r}. " + example
        ) from error
    if not isinstance(value, dict):
        raise BadRequest(
            f"The arguments must be a JSON object, not {type(value).__name__}. {example}"
        )
    return value


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; use 1 to 65535")
    return int(text)

"""`fumehood sandbox`: what a person decides about a sandbox, and no agent does.

`accept NAME` pins changed sealed files of a sandbox with an evaluation of its own. It shows each
changed file and asks at a terminal; without one, it only shows.
"""

import argparse
import sys
from typing import TYPE_CHECKING

from fumehood_tools.errors import BadRequest

if TYPE_CHECKING:
    from fumehood_tools.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood sandbox`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    accepting = actions.add_parser(
        "accept", help="show which sealed files changed, and accept them after a question"
    )
    accepting.add_argument("sandbox", metavar="NAME")
    accepting.add_argument("--workspace", metavar="DIR", default=argparse.SUPPRESS)


def run(options: argparse.Namespace, settings: "Settings") -> int:
    """Run the command; return the exit code, 1 if nothing was accepted. Raises BadRequest."""
    from fumehood_tools.custom.accepting import accept
    from fumehood_tools.sandbox.create import open_sandbox

    box = open_sandbox(settings, options.sandbox)
    return 0 if accept(settings, box, _asked, print) else 1


def _asked(question: str) -> str:
    """Return what a person types at the terminal. Raises BadRequest where there is none."""
    if not sys.stdin.isatty():
        raise BadRequest("Nothing was accepted: a person has to. Run this command in a terminal.")
    print(question, end="", flush=True)
    return sys.stdin.readline()

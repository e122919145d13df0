"""`fumehood pods`: list what is rented, and end it."""

import argparse
import contextlib
import json
from typing import TYPE_CHECKING

from fumehood_tools.errors import BadRequest

if TYPE_CHECKING:
    import httpx

    from fumehood_tools.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood pods`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print the result as JSON")
    # Also accepted before the action; without a default here, so that it is not overwritten.
    as_json.add_argument("--workspace", metavar="DIR", default=argparse.SUPPRESS)
    listing = actions.add_parser("list", parents=[as_json], help="list the pods that are rented")
    listing.add_argument("--ended", action="store_true", help="the last ones that have ended")
    ending = actions.add_parser("terminate", parents=[as_json], help="end pods, and verify it")
    ending.add_argument("pods", metavar="POD", nargs="*", help="ids or names, as listed")
    ending.add_argument("--all", action="store_true", help="all pods of this workspace")


def run(options: argparse.Namespace, settings: "Settings") -> int:
    """Run the command; return the exit code, 1 if a pod was not ended."""
    from fumehood_tools.web.service import open_client

    with open_client() as client:
        action = _list if options.action == "list" else _end
        return action(options, settings, client)


def _list(options: argparse.Namespace, settings: "Settings", client: "httpx.Client") -> int:
    from fumehood_tools.pods.api import choose_api
    from fumehood_tools.pods.configured import has_key
    from fumehood_tools.pods.overview import pods_of
    from fumehood_tools.pods.telling import rows_text

    can_look = has_key(settings) and not settings.offline
    api = choose_api(settings, client=client) if can_look else None
    found = pods_of(settings, api, ended=options.ended)
    if options.json:
        print(json.dumps(found.model_dump(mode="json"), indent=1, ensure_ascii=False))
    else:
        print(rows_text(found, options.ended, can_look=can_look))
    return 0


def _end(options: argparse.Namespace, settings: "Settings", client: "httpx.Client") -> int:
    from fumehood_tools.launches.ending import end_everything, end_named, ended_text
    from fumehood_tools.pods.api import choose_api
    from fumehood_tools.pods.rentals import open_desk

    if options.all == bool(options.pods):
        raise BadRequest("Name pods, as `fumehood pods list` shows them, or pass --all.")
    api = choose_api(settings, client=client)
    with contextlib.closing(open_desk(settings.state, api)) as desk:
        done = (
            end_everything(desk, settings)
            if options.all
            else end_named(desk, settings, options.pods)
        )
    if options.json:
        print(json.dumps([one.model_dump(mode="json") for one in done], indent=1))
    else:
        print(ended_text(done))
    return 0 if all(one.ended for one in done) else 1

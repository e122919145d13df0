"""`fumehood study run`: drive a study with the model of an OpenAI-compatible endpoint."""

import argparse
import sys
from typing import TYPE_CHECKING

from pydantic import ValidationError

from fumehood.driver.limits import Limits
from fumehood_tools.errors import BadRequest
from fumehood_tools.settings import load_keys
from fumehood_tools.studies.entries import Budget, StudyOpened
from fumehood_tools.studies.notebook import StudyShelf, create_study, study_names
from fumehood_tools.timestamps import now

if TYPE_CHECKING:
    from fumehood.driver.drive import Drive
    from fumehood_tools.settings import Settings

KEY = "OPENAI_API_KEY"
_CODES = {"finished": 0, "limit": 3, "stopped": 130}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood study run`."""
    parser.add_argument("study", help="an open study, or with --question a new one")
    parser.add_argument("--question", help="open the study with this question if it is new")
    parser.add_argument("--base-url", required=True, help="e.g. http://localhost:11434/v1")
    parser.add_argument(
        "--model", required=True, help=f"as the endpoint names it; {KEY} is its key, if any"
    )
    parser.add_argument("--max-cost-usd", type=float, metavar="USD", help="for the model's tokens")
    parser.add_argument("--input-price", type=float, metavar="USD", help="per million tokens")
    parser.add_argument("--output-price", type=float, metavar="USD", help="per million tokens")
    parser.add_argument("--max-minutes", type=float, metavar="N", help="of this session")
    parser.add_argument(
        "--max-steps",
        type=int,
        default=200,
        metavar="N",
        help="answers, all sessions (%(default)s)",
    )
    parser.add_argument(
        "--budget-saes", type=int, metavar="N", help="of a new study: SAEs its plans may train"
    )
    parser.add_argument(
        "--patience-minutes",
        type=float,
        default=10.0,
        metavar="N",
        help="how long an endpoint that fails is asked again (%(default)s)",
    )
    parser.add_argument("--fresh", action="store_true", help="begin a new conversation")


def run(options: argparse.Namespace, settings: "Settings") -> int:
    """Run the command. Returns 0 if the model finished, 3 at a limit, 130 if stopped, else 1.

    Raises BadRequest, UnknownName.
    """
    import anyio

    from fumehood.driver.chat import Chat
    from fumehood.driver.drive import drive

    limits = _limits(options)
    _open(options, settings)
    keys = load_keys(declared=settings.declared)
    key = keys[KEY].get_secret_value() if KEY in keys else ""
    chat = Chat(options.base_url, options.model, key, limits)

    async def session() -> "Drive":
        return await drive(settings, options.study, chat, limits, fresh=options.fresh, say=_say)

    found = anyio.run(session)
    print(f"Ended: {found.why} ({found.used}).")
    if found.summary:
        print(f"The model's own summary, which nothing here checks: {found.summary}")
    print(f"Next: fumehood study read {options.study}")
    return _CODES.get(found.end, 1)


def _limits(options: argparse.Namespace) -> Limits:
    """Return the limits that the options name. Raises BadRequest for one that is impossible."""
    try:
        return Limits(
            usd=options.max_cost_usd,
            minutes=options.max_minutes,
            steps=options.max_steps,
            input_price=options.input_price,
            output_price=options.output_price,
            patience_minutes=options.patience_minutes,
        ).checked()
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"The limit {first['loc'][0]} is impossible: {first['msg']}.") from error


def _open(options: argparse.Namespace, settings: "Settings") -> None:
    """Open the study if it is new. Raises UnknownName if it is new and has no question."""
    if options.study not in study_names(settings.workspace) and options.question:
        budget = Budget(saes=options.budget_saes)
        opened = StudyOpened(question=options.question, budget=budget, written=now())
        create_study(settings.workspace, options.study, opened)
    StudyShelf(settings.workspace).read(options.study)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

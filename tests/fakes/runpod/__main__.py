"""`python -m fakes.runpod`: serve the stand-in and print its address and key."""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from fakes.runpod.cloud import Cloud, Setup
from fakes.runpod.container import missing_programs
from fakes.runpod.serving import print_ready, serve

HELP = """\
A stand-in for RunPod is serving at {url}
Its pods are sshd in bubblewrap on this machine; nothing is rented. To use it, in another terminal:

  export RUNPOD_API_KEY={key}
  export RUNPOD_API_BASE_URL={url}
  export FUMEHOOD_ENDPOINTS="runpod_graphql={url}/graphql;runpod_v2={url}/v2"

Press Ctrl-C to end it and all its pods."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the program."""
    parser.add_argument("--port", type=int, default=0, help="0 (the default): any free port")
    parser.add_argument("--boot-seconds", type=float, default=3.0, help="(%(default)s)")
    parser.add_argument("--capacity", type=int, default=8, help="pods at most (%(default)s)")
    parser.add_argument(
        "--clock", type=float, default=1.0, metavar="PACE", help="billed hours per hour"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return the exit code."""
    if missing := missing_programs():
        print(
            f"Pods need {', '.join(missing)}: apt-get install {' '.join(missing)}", file=sys.stderr
        )
        return 1
    setup = Setup(
        boot_seconds=options.boot_seconds, capacity=options.capacity, clock_pace=options.clock
    )
    with tempfile.TemporaryDirectory(prefix="fake-runpod-") as folder:
        asyncio.run(serve(Path(folder), setup, options.port, _tell, with_stdin=False))
    return 0


def _tell(cloud: Cloud) -> None:
    print(HELP.format(url=cloud.url, key=cloud.key), flush=True)


def _for_a_test(folder: str, setup: str) -> int:
    given = Setup.model_validate(json.loads(setup))
    asyncio.run(serve(Path(folder), given, 0, print_ready, with_stdin=True))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--for-a-test"]:
        sys.exit(_for_a_test(*sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m fakes.runpod", description=__doc__)
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))

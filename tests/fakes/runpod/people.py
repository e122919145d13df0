"""The stand-in for people who try pods without an account: `fumehood fake-runpod`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from fakes.runpod.cloud import Cloud, Setup
from fakes.runpod.container import is_possible, missing_programs

HELP = """\
A stand-in for RunPod answers at {url}
Its pods are sshd in bubblewrap on this machine: nothing is rented, nothing is paid, and there is no
GPU in them. To use it, set in the environment of `fumehood`:

export RUNPOD_API_KEY={key}
export FUMEHOOD_ENDPOINTS="runpod_graphql={url}/graphql;runpod_v2={url}/v2"

RunPod's own SDK and tools come here with:

export RUNPOD_API_BASE_URL={url}

Press Ctrl-C to end it with all its pods."""
NO_NAMESPACES = "The kernel lets bubblewrap make no namespaces here (often so inside Docker)."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the program."""
    parser.add_argument(
        "--port", type=int, default=0, help="port on 127.0.0.1 (default: any that is free)"
    )
    parser.add_argument(
        "--boot-seconds",
        type=float,
        default=3.0,
        metavar="S",
        help="from the order of a pod until its container runs (%(default)s)",
    )
    parser.add_argument(
        "--capacity", type=int, default=8, metavar="N", help="pods at a time (%(default)s)"
    )
    parser.add_argument(
        "--pace",
        type=float,
        default=1.0,
        metavar="X",
        help="how much faster than time the bills grow (%(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return the exit code."""
    if not is_possible():
        missing = " ".join(missing_programs())
        why = f"Pods need programs: apt-get install {missing}" if missing else NO_NAMESPACES
        print(why, file=sys.stderr)
        return 1
    from fakes.runpod.serving import serve

    setup = Setup(
        boot_seconds=options.boot_seconds, capacity=options.capacity, clock_pace=options.pace
    )
    with tempfile.TemporaryDirectory(prefix="fake-runpod-") as folder:
        asyncio.run(serve(Path(folder), setup, options.port, _tell, with_stdin=False))
    return 0


def _tell(cloud: Cloud) -> None:
    print(HELP.format(url=cloud.url, key=cloud.key), flush=True)

"""`python -m fakes.runpod`: serve the stand-in and print its address and key."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from fakes.runpod import people
from fakes.runpod.cloud import Setup
from fakes.runpod.serving import print_ready, serve


def _for_a_test(folder: str, setup: str) -> int:
    given = Setup.model_validate(json.loads(setup))
    asyncio.run(serve(Path(folder), given, 0, print_ready, with_stdin=True))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--for-a-test"]:
        sys.exit(_for_a_test(*sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m fakes.runpod", description=__doc__)
    people.add_arguments(parser)
    sys.exit(people.run(parser.parse_args()))

"""`fumehood settings`: list every setting with its value and purpose, but no API keys."""

import argparse
import textwrap

from fumehood_tools.settings import Settings, described


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(_: argparse.Namespace, settings: Settings) -> int:
    """Print the settings of this process; return the exit code."""
    for one in described(settings):
        print(f"{one.variable}={one.value}")
        print(textwrap.indent(textwrap.fill(one.help, 90), "    "))
    print(
        "Set them as environment variables. Not listed are FUMEHOOD_TOKEN, the bearer token of "
        "`fumehood serve --http`, and the API keys, which `fumehood doctor` lists by name."
    )
    return 0

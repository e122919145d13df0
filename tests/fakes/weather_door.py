"""The door and the subcommand of the example wing."""

import argparse
from typing import Annotated

from mcp.types import CallToolResult
from pydantic import BaseModel

from fakes.weather_wing import DAYS, TODAY, UNITS
from fumehood.tooling import Toolbox, answer
from fumehood_tools.doctor import Part
from fumehood_tools.errors import UnknownName
from fumehood_tools.settings import Settings

CITIES = ("Basel", "Bern", "Zug")


class Forecast(BaseModel):
    city: str
    units: str
    asked: str
    with_key: bool


class Barometer:
    """A service that counts how often it was created."""

    made = 0

    def __init__(self) -> None:
        Barometer.made += 1


def register(toolbox: Toolbox) -> None:
    """Declare a tool, a resource, a prompt and two completions."""

    @toolbox.tool(
        title="Forecast the weather",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=True,
    )
    def forecast_weather(city: str) -> Annotated[CallToolResult, Forecast]:
        """Forecast the weather of a city. Use it before you go out."""
        toolbox.service("barometer", Barometer)
        found = Forecast(
            city=city,
            units=toolbox.settings.of(UNITS),
            asked=toolbox.settings.endpoints["weather"],
            with_key="WEATHER_API_KEY" in toolbox.keys,
        )
        return answer(f"{city}: rain", found)

    @toolbox.resource(TODAY, title="Today's weather")
    def read_today(city: str) -> str:
        """The weather of today."""
        if city not in CITIES:
            raise UnknownName("city", city, CITIES, "Read one of these.")
        return f"{city}: rain"

    @toolbox.prompt(title="Plan a walk")
    def plan_walk(city: str) -> str:
        """Plan a walk by the forecast."""
        return f"Call forecast_weather for {city}, then plan a walk."

    @toolbox.complete("plan_walk", "city")
    @toolbox.complete(TODAY, "city")
    def complete_city(begun: str) -> list[str]:
        return [city for city in CITIES if city.startswith(begun)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fumehood forecast`."""
    parser.add_argument("--city", default="Bern")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print a forecast."""
    print(f"{options.city}: {settings.of(DAYS)} days, {settings.of(UNITS)}")
    return 7


def parts(_: Settings) -> list[Part]:
    """Report that there is a barometer."""
    return [Part(section="weather", part="barometer", state="ok", detail="on the wall")]

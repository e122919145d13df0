"""An example wing that uses every field that a wing can declare."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings import Command, Wing
from fumehood_tools.registry.kinds import RecordKind
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.wings.declared import Declared, Key, Setting

UNITS = Setting("WEATHER_UNITS", "metric", "units of a forecast", ("metric", "imperial"))
DAYS = Setting("WEATHER_DAYS", 3, "days of a forecast")
TODAY = "weather://{city}/today"

WEATHER = Wing(
    name="weather",
    door="fakes.weather_door",
    guidance=Guidance(
        introduction=(Sentence("Forecast the weather.", ("forecast_weather",)),),
        purposes=(Sentence("to know whether it rains", ("forecast_weather",)),),
        steps={"read": (Sentence("forecast_weather: look outside first.", ("forecast_weather",)),)},
        rules=(Sentence("A forecast is no promise.", ("forecast_weather",)),),
    ),
    commands=(Command("forecast", "print a forecast", "fakes.weather_door"),),
    declared=Declared(
        settings=(UNITS, DAYS),
        keys=(Key("WEATHER_API_KEY", "asks the weather service"),),
        endpoints={"weather": "https://weather.example"},
        slots={"weather": 1},
        doctor=("fakes.weather_door:parts",),
        kinds=(RecordKind("forecast", "forecasts/*", (Metric("rain", "rain"),)),),
    ),
)

"""One value adds a wing: everything that it declares is served, read, listed and run."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.weather_wing import DAYS, TODAY, UNITS, WEATHER
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters
from mcp.types import PromptReference, ResourceTemplateReference, TextContent

from fumehood.app import build_server
from fumehood.cli import main
from fumehood.tooling import Toolbox
from fumehood.wings import WINGS, declared_by
from fumehood_tools.doctor import examine
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.jobs import JobStore
from fumehood_tools.registry.kinds import kind_named
from fumehood_tools.settings import Settings, load_keys, load_settings
from fumehood_tools.wings.declared import Declared, Setting, settings_of, slots_of
from fumehood_tools.wings.table import DECLARED

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("own_kinds")]

ALL = (*WINGS, WEATHER)
IN_A_FRESH_PROCESS = (
    "import sys; from fumehood.wings import WINGS, declared_by\n"
    "from fakes.weather_wing import WEATHER\n"
    "ALL = (*WINGS, WEATHER)\n"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environ = {"FUMEHOOD_CACHE": str(tmp_path / "cache"), "WEATHER_UNITS": "imperial"}
    return load_settings(tmp_path / "workspace", environ, declared=declared_by(ALL))


@pytest.fixture
def spawned(environ: dict[str, str]) -> dict[str, str]:
    """The environment of a process that can import the example wing."""
    return environ | {
        "PYTHONPATH": f"{environ['PYTHONPATH']}{os.pathsep}{Path(__file__).parents[1]}"
    }


async def test_its_tool_is_served_with_its_setting_endpoint_and_key(
    settings: Settings, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEATHER_API_KEY", "secret")
    server = build_server(settings, wings=ALL)
    assert "forecast_weather: look outside first." in (server.instructions or "")
    async with Client(server, mode=era) as client:
        found = (await client.call_tool("forecast_weather", {"city": "Bern"})).structured_content
    assert found == {
        "city": "Bern",
        "units": "imperial",
        "asked": "https://weather.example",
        "with_key": True,
    }


@pytest.mark.child
async def test_its_tool_is_served_over_stdio_and_its_setting_comes_from_the_environment(
    spawned: dict[str, str],
) -> None:
    code = IN_A_FRESH_PROCESS + "from fumehood.cli import main; main(sys.argv[1:], ALL)"
    arguments = ["-c", code, "serve", "--toolsets", "weather"]
    environ = spawned | {
        "WEATHER_UNITS": "imperial",
        "FUMEHOOD_ENDPOINTS": "weather=http://localhost:1",
    }
    server = StdioServerParameters(command=sys.executable, args=arguments, env=environ)
    async with Client(server) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["forecast_weather"]
        found = (await client.call_tool("forecast_weather", {"city": "Zug"})).structured_content
    assert found is not None
    assert found["units"] == "imperial" and found["asked"] == "http://localhost:1"


async def test_its_resource_prompt_and_completions_are_served(settings: Settings, era: str) -> None:
    async with Client(build_server(settings, ["weather"], wings=ALL), mode=era) as client:
        templates = (await client.list_resource_templates()).resource_templates
        assert TODAY in [template.uri_template for template in templates]
        read = await client.read_resource("weather://Bern/today")
        assert getattr(read.contents[0], "text", "") == "Bern: rain"
        (listed,) = (await client.list_prompts()).prompts
        assert listed.title == "Plan a walk" and listed.description
        (message,) = (await client.get_prompt("plan_walk", {"city": "Zug"})).messages
        assert isinstance(message.content, TextContent) and "for Zug" in message.content.text
        for place in (
            PromptReference(type="ref/prompt", name="plan_walk"),
            ResourceTemplateReference(type="ref/resource", uri=TODAY),
        ):
            found = await client.complete(place, {"name": "city", "value": "B"})
            assert found.completion.values == ["Basel", "Bern"]
            other = await client.complete(place, {"name": "country", "value": "B"})
            assert other.completion.values == []


async def test_a_failure_in_a_resource_reaches_the_client_with_its_code(
    settings: Settings, era: str
) -> None:
    async with Client(build_server(settings, ["weather"], wings=ALL), mode=era) as client:
        with pytest.raises(MCPError, match="unknown_name: No city 'Bexn'. Did you mean 'Bern'"):
            await client.read_resource("weather://Bexn/today")


async def test_a_service_is_made_once_and_not_before_it_is_used(settings: Settings) -> None:
    from fakes.weather_door import Barometer

    before = Barometer.made
    async with Client(build_server(settings, ["weather"], wings=ALL)) as client:
        assert Barometer.made == before
        await client.call_tool("forecast_weather", {"city": "Bern"})
        await client.call_tool("forecast_weather", {"city": "Zug"})
    assert Barometer.made == before + 1


def test_its_settings_reach_a_child(settings: Settings) -> None:
    child = load_settings(environ=settings.as_environment(), declared=declared_by(ALL))
    assert child.of(UNITS) == "imperial" and child.of(DAYS) == 3
    packaged = load_settings(environ=settings.as_environment())
    assert packaged.workspace == settings.workspace
    with pytest.raises(UnknownName, match="WEATHER_UNITS.*Load the settings with the wing"):
        packaged.of(UNITS)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("WEATHER_UNITS", "kelvin", "WEATHER_UNITS='kelvin' is not one of metric, imperial"),
        ("WEATHER_DAYS", "many", "WEATHER_DAYS='many' is not a whole number"),
    ],
)
def test_a_setting_with_a_wrong_value_is_refused_when_it_is_read(
    variable: str, value: str, said: str
) -> None:
    with pytest.raises(BadRequest, match=said):
        load_settings(environ={variable: value}, declared=declared_by(ALL))


def test_a_setting_is_read_as_what_its_default_is(tmp_path: Path) -> None:
    flag, share = Setting("A_FLAG", False, "a flag"), Setting("A_SHARE", 0.5, "a share")
    folder = Setting("A_FOLDER", Path("/nowhere"), "a folder")
    environ = {"A_FLAG": "1", "A_SHARE": "0.25", "A_FOLDER": "here"}
    declared = [Declared(settings=(flag, share, folder))]
    settings = load_settings(tmp_path, environ, declared=declared)
    child = load_settings(environ=settings.as_environment(), declared=declared)
    assert child.of(flag) is True and child.of(share) == 0.25
    assert child.of(folder) == Path.cwd() / "here"


@pytest.mark.child
def test_its_key_and_its_part_stand_in_the_doctors_report(settings: Settings) -> None:
    report = examine(settings, {"WEATHER_API_KEY": "secret"})
    found = {part.part: part for part in report.findings}
    assert found["WEATHER_API_KEY"].detail == "set: asks the weather service"
    assert found["barometer"].section == "weather"
    assert "secret" not in report.text()
    kept = load_keys({"WEATHER_API_KEY": "secret"}, settings.declared)
    assert kept["WEATHER_API_KEY"].get_secret_value() == "secret"


@pytest.mark.child
def test_its_job_slot_is_there(settings: Settings) -> None:
    code = [sys.executable, "-c", "pass"]
    with pytest.raises(BadRequest, match="no slot 'weather'"):
        JobStore(settings.state / "other").submit("weather", code, title="x", slot="weather")
    job = Toolbox(settings).jobs.submit("weather", code, title="x", slot="weather")
    assert job.kind == "weather"


def test_its_kind_of_record_is_known_once_the_server_is_built(settings: Settings) -> None:
    build_server(settings, ["jobs"], wings=ALL)
    assert kind_named("forecast").places == "forecasts/*"


def test_its_subcommand_runs_and_its_settings_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("WEATHER_UNITS", "imperial")
    where = ["--workspace", str(tmp_path)]
    assert main(["forecast", "--city", "Zug", *where], ALL) == 7
    assert capsys.readouterr().out == "Zug: 3 days, imperial\n"
    assert main(["settings", *where], ALL) == 0
    said = capsys.readouterr().out
    assert "WEATHER_UNITS=imperial\n    units of a forecast" in said
    assert "WEATHER_DAYS=3\n" in said
    assert f"FUMEHOOD_WORKSPACE={tmp_path}\n" in said


def test_the_help_groups_the_commands_and_names_the_toolsets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"], ALL)
    said = capsys.readouterr().out
    use, check, develop = (said.index(t) for t in ("Use it:", "Check the", "Develop fumehood"))
    assert use < said.index(" print a forecast") < check
    assert check < said.index("  verify ") < develop < said.index("  redteam ")
    with pytest.raises(SystemExit):
        main(["serve", "--help"], ALL)
    assert ",".join(wing.name for wing in ALL) in "".join(capsys.readouterr().out.split())


@pytest.mark.child
@pytest.mark.parametrize("chosen", [wing.name for wing in ALL])
def test_only_the_chosen_wing_is_imported(spawned: dict[str, str], chosen: str) -> None:
    code = IN_A_FRESH_PROCESS + (
        "from fumehood_tools.settings import load_settings; from fumehood.app import build_server\n"
        "settings = load_settings(declared=declared_by(ALL))\n"
        "server = build_server(settings, [sys.argv[1]], wings=ALL)\n"
        "import json; print(json.dumps([wing.name for wing in ALL if wing.door in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, chosen],
        env=spawned,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == [chosen]


def test_instructions_stay_short_for_every_choice_of_toolsets(settings: Settings) -> None:
    # Every sentence is there because of one wing, so the longest text is that of all wings.
    for count in (1, 2, len(ALL) - 1, len(ALL)):
        for chosen in itertools.combinations([wing.name for wing in ALL], count):
            text = build_server(settings, chosen, wings=ALL).instructions or ""
            assert len(text) <= 2000, chosen
            assert ("Forecast" in text) == ("weather" in chosen)


def test_settings_loaded_without_a_wing_are_refused_when_the_server_is_built() -> None:
    with pytest.raises(BadRequest, match="declarations of the wing weather.*declared_by"):
        build_server(load_settings(), wings=ALL)


def test_two_wings_that_disagree_are_refused() -> None:
    other = Declared(settings=(Setting("WEATHER_UNITS", "kelvin", "x"),), slots={"weather": 2})
    with pytest.raises(BadRequest, match="setting WEATHER_UNITS differently"):
        settings_of([WEATHER.declared, other])
    with pytest.raises(BadRequest, match="job slot weather differently"):
        slots_of([WEATHER.declared, other])


def test_every_process_knows_what_the_wings_of_the_package_declare() -> None:
    assert [one for one in declared_by(WINGS) if one != Declared()] == list(DECLARED)

"""Every variant has a color of its own in plots and on the page."""

from fumehood_tools.bench.colours import colours_of
from fumehood_tools.bench.table_rows import Kind


def kinds(custom: int, baselines: int = 8) -> list[tuple[str, Kind]]:
    found: list[tuple[str, Kind]] = [(f"idea{number:02}", "custom") for number in range(custom)]
    found += [(f"packaged{number}", "baseline") for number in range(baselines - 1)]
    return [*found, ("topk", "baseline"), ("untrained", "control")]


def test_every_variant_has_a_colour_of_its_own_that_is_never_the_controls() -> None:
    found = colours_of(kinds(custom=8))
    assert len({one.hex for one in found.values()}) == len(found) == 17
    grey = [name for name, one in found.items() if one.hex[1:3] == one.hex[3:5] == one.hex[5:]]
    assert grey == ["untrained"]
    many = colours_of(kinds(custom=24))
    assert len(set(many.values())) == len(many), "more variants than colors differ by their dashes"


def test_a_variant_keeps_its_colour_whatever_order_the_rows_have() -> None:
    some = kinds(custom=3)
    assert colours_of(some) == colours_of(some[::-1])
    assert colours_of(some)["topk"] == colours_of(kinds(custom=0, baselines=1))["topk"]
    assert colours_of(some)["topk"].pale == "#80B8D8"

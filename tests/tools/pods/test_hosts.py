"""hosts.toml: the user's own machines."""

from pathlib import Path

import pytest

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.pods.configured import HOSTS_FILE
from fumehood_tools.pods.hosts import host_named, read_hosts
from fumehood_tools.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path, cache=tmp_path / "cache")


def write(settings: Settings, text: str) -> None:
    (settings.workspace / HOSTS_FILE).write_text(text, encoding="utf-8")


def test_without_the_file_there_are_no_hosts(settings: Settings) -> None:
    assert read_hosts(settings) == ()


def test_a_host_needs_nothing_but_its_address(settings: Settings) -> None:
    write(settings, '[lab]\naddress = "gpu1.example.org"\n[old]\naddress = "10.0.0.7"\ngpus = 0\n')
    lab, old = read_hosts(settings)
    assert (lab.name, lab.gpus, lab.ssh.port, lab.ssh.host) == ("lab", 1, 22, "gpu1.example.org")
    assert host_named(settings, "old") == old and old.gpus == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[lab]\naddress = "a b"\n', r"lab\.address"),
        ("[lab]\ngpus = 2\n", r"lab\.address"),
        ('[lab]\naddress = "a"\ngpu = 2\n', r"lab\.gpu"),
        ('[lab]\naddress = "a"\nhost_key = "a1:b2"\n', r"lab\.host_key"),
        ('[LAB]\naddress = "a"\n', r"LAB\.name"),
        ('lab = "a"\n', r"Write \[lab\] above"),
        ("[lab\n", r"line 1"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place(
    settings: Settings, text: str, told: str
) -> None:
    write(settings, text)
    with pytest.raises(BadRequest, match=told):
        read_hosts(settings)


def test_an_unknown_host_is_answered_with_the_known_ones(settings: Settings) -> None:
    write(settings, '[lab]\naddress = "gpu1.example.org"\n')
    with pytest.raises(UnknownName, match=r"Did you mean 'lab'\?.*hosts\.toml"):
        host_named(settings, "lap")

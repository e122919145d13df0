"""The harvest that a server begins before a run asks for it."""

from pathlib import Path

import pytest
from fakes.tiny_llama import save_tiny_llama, write_numbers

from fumehood_tools.harvest import HarvestRequest, read_activations
from fumehood_tools.harvest.records import activations_folder
from fumehood_tools.jobs import Progress
from fumehood_tools.runs.ahead import HarvestAhead
from fumehood_tools.runs.harvesting import harvest, harvest_request
from fumehood_tools.settings import Settings
from fumehood_tools.spec import CorpusSpec, SandboxSpec, ScoringSpec, SubjectSpec
from fumehood_tools.subjects import describe_subject


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with an empty cache of their own."""
    return Settings(
        workspace=tmp_path / "ws", cache=tmp_path / "cache", device="cpu", dtype="float32"
    )


@pytest.fixture
def spec(tmp_path: Path) -> SandboxSpec:
    """A sandbox on a tiny language model in a folder."""
    return SandboxSpec(
        subject=SubjectSpec(name=str(save_tiny_llama(tmp_path / "subject")), layer=1),
        corpus=CorpusSpec(
            name=str(write_numbers(tmp_path / "texts.jsonl")),
            context=16,
            train_tokens=5_000,
            eval_tokens=500,
        ),
        scoring=ScoringSpec(probing_tasks=()),
    )


@pytest.mark.child
def test_a_run_finds_what_was_harvested_ahead_and_loads_nothing(
    settings: Settings, spec: SandboxSpec, tmp_path: Path
) -> None:
    ahead = HarvestAhead(settings)
    assert ahead.begin(spec) and not ahead.begin(spec)
    assert ahead.has_ended(120)
    request = HarvestRequest.model_validate(harvest_request(spec, settings))
    info = describe_subject(spec.subject, settings.cache)
    made = activations_folder(request, request.all_sites[0], info, "float32")
    before = read_activations(made)
    said: list[Progress] = []
    assert harvest(spec, settings, tmp_path, said.append).activations == before
    assert said == []


def test_nothing_is_harvested_ahead_beside_a_job(settings: Settings, spec: SandboxSpec) -> None:
    assert not HarvestAhead(settings, is_working=lambda: True).begin(spec)


def test_nothing_is_downloaded_ahead(settings: Settings, spec: SandboxSpec) -> None:
    hub = spec.model_copy(update={"subject": SubjectSpec(name="EleutherAI/pythia-70m-deduped")})
    assert not HarvestAhead(settings).begin(hub)


def test_a_harvest_of_hours_waits_until_a_run_asks_for_it(
    settings: Settings, spec: SandboxSpec
) -> None:
    long = spec.model_copy(
        update={"corpus": spec.corpus.model_copy(update={"train_tokens": 100_000_000})}
    )
    assert not HarvestAhead(settings).begin(long)

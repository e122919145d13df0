"""Where a run harvests, on which machines it may, and what is taken of what comes back."""

import json
from pathlib import Path

import pytest
from fakes.rented_pods import GPU

from fumehood_tools.errors import BadRequest, RunFailed
from fumehood_tools.files import write_json
from fumehood_tools.harvest import HarvestRequest
from fumehood_tools.harvest.records import activations_folder
from fumehood_tools.kinds import KindName
from fumehood_tools.pods.agent import Agent
from fumehood_tools.pods.api import SshAddress
from fumehood_tools.pods.ssh import ClientKey, HostKeys, Machine
from fumehood_tools.records.scores import RentedPlace
from fumehood_tools.runs.remote.harvest_checks import (
    check_identity,
    check_tensors,
    is_wanted_there,
    parameters_of,
    request_of,
)
from fumehood_tools.runs.remote.harvest_there import HarvestThere
from fumehood_tools.runs.remote.messages import HarvestAnswer
from fumehood_tools.runs.remote.places import OpenPlace
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.spec import SandboxSpec, SubjectSpec
from fumehood_tools.subjects import SubjectInfo, describe_subject

SYNTHETIC = SandboxSpec(subject=SubjectSpec(name="synthetic", layer=0))


def settings(folder: Path, harvest: str = "auto") -> Settings:
    own = {"FUMEHOOD_CACHE": str(folder / "cache"), "FUMEHOOD_POD_HARVEST": harvest}
    return load_settings(folder / "ws", own)


def test_a_run_harvests_there_if_it_is_told_to_or_its_subject_is_large(tmp_path: Path) -> None:
    assert not is_wanted_there(SYNTHETIC, settings(tmp_path))
    assert not is_wanted_there(SYNTHETIC, settings(tmp_path, "here"))
    assert is_wanted_there(SYNTHETIC, settings(tmp_path, "there"))
    info = {"name": "x", "identity": "y", "available": True, "get_command": ""}
    shape = {"n_layers": 26, "d_model": 2304, "kind": "language_model"}
    assert parameters_of(SubjectInfo.model_validate({**info, **shape})) > 1_000_000_000


@pytest.mark.parametrize("template", ["sae", "transcoder"])
def test_a_harvest_counts_only_if_it_is_of_the_sites_that_were_asked_for(
    tmp_path: Path, template: KindName
) -> None:
    mine = settings(tmp_path, "there")
    spec = create_sandbox(mine, template, template=template, subject="synthetic").spec
    assert is_wanted_there(spec, mine)
    asked = HarvestRequest.model_validate({**request_of(spec, mine), "cache": mine.cache})
    assert [site.site for site in asked.all_sites] == list(dict.fromkeys(spec.sites()))
    info = describe_subject(spec.subject, mine.cache)
    made = [activations_folder(asked, site, info, "float32").name for site in asked.all_sites]
    answer = HarvestAnswer(activations=made[0], targets=made[1] if made[1:] else None)
    check_identity(spec, mine, answer)
    others: list[dict[str, str | None]] = [{"activations": "x"}, {"targets": "x"}]
    for other in [*others, *([{"targets": None}] if made[1:] else [])]:
        with pytest.raises(RunFailed, match="another revision of the subject"):
            check_identity(spec, mine, answer.model_copy(update=other))


def test_a_subject_that_is_a_folder_here_is_harvested_here(tmp_path: Path) -> None:
    config = {"num_hidden_layers": 100, "hidden_size": 10_000}
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    spec = SandboxSpec(subject=SubjectSpec(name=str(tmp_path / "model"), layer=0))
    assert not is_wanted_there(spec, settings(tmp_path))
    with pytest.raises(BadRequest, match="FUMEHOOD_POD_HARVEST=here"):
        is_wanted_there(spec, settings(tmp_path, "there"))


class UsedPlace:
    """A rented pod on which a variant may have run before. See RemotePlace."""

    name = key = "pod abc"

    def __init__(self, state: Path) -> None:
        address = SshAddress(host="127.0.0.1", port=1)
        machine = Machine("abc", address, ClientKey(state), HostKeys(state))
        price = {"quoted_usd_per_hour": 1.0, "price_usd_per_hour": 1.0}
        rented = {"intent": "i", "pod_id": "abc", "gpu": GPU, "gpu_count": 1, **price}
        place = RentedPlace.model_validate(rented)
        self._opened = OpenPlace(Agent(machine), None, 1, "python3", place)

    def open(self) -> OpenPlace:
        return self._opened

    def look(self) -> None:
        raise AssertionError("nothing runs there")

    def release(self, why: str) -> None:
        raise AssertionError("it is still good for trainings")


@pytest.mark.parametrize("level", ["bubblewrap", "rlimits"])
def test_a_pod_on_which_a_variant_may_have_run_never_harvests(tmp_path: Path, level: str) -> None:
    mine = settings(tmp_path, "there")
    write_json(mine.state / "pods" / "glass" / "abc.json", {"level": level})
    there = HarvestThere([UsedPlace(mine.state)], SYNTHETIC, mine)
    # Not LinkLost: nothing was sent there.
    with pytest.raises(RunFailed, match="variants may have run on pod abc before"):
        there.harvest(SYNTHETIC, mine, tmp_path)


@pytest.mark.child
@pytest.mark.slow
def test_an_artifact_that_holds_more_than_tensors_is_not_taken(tmp_path: Path) -> None:
    import torch

    good, bad = tmp_path / "good.pt", tmp_path / "bad.pt"
    torch.save({"train": {"a": torch.zeros(2, 3)}, "llm_results": {"k": {"a": 0.5}}}, good)
    check_tensors([good])
    torch.save({"train": {"a": len}}, bad)
    with pytest.raises(RunFailed, match="something else than tensors"):
        check_tensors([good, bad])

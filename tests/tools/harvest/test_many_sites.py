"""Several sites of a tiny language model in a folder, and the batch size they are read with."""

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.tiny_llama import save_tiny_llama, write_numbers

from fumehood_tools.corpora.probing import labelled_texts
from fumehood_tools.errors import BadRequest
from fumehood_tools.files import read_json, write_json
from fumehood_tools.harvest import Activations, HarvestRequest
from fumehood_tools.harvest.collect import Harvester
from fumehood_tools.harvest.engine import open_source
from fumehood_tools.harvest.reporting import Reporter

pytestmark = pytest.mark.child

SITES: tuple[dict[str, Any], ...] = (
    {"layer": 0, "site": "resid_post"},
    {"layer": 1, "site": "mlp_out"},
)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random llama of 3 layers, width 32, and a tokenizer of bytes."""
    return save_tiny_llama(tmp_path_factory.mktemp("subject"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 300 documents of 60 random numbers."""
    return write_numbers(tmp_path_factory.mktemp("corpus") / "texts.jsonl")


def request(
    subject: Path, corpus: Path, cache: Path, layer: int = 2, site: str = "resid_post", **more: Any
) -> HarvestRequest:
    """Return a request for 5,000 activations in float32, by default of the last layer."""
    content: dict[str, Any] = {
        "subject": {"name": str(subject), "layer": layer, "site": site},
        "corpus": {"name": str(corpus), "context": 16, "train_tokens": 5_000, "eval_tokens": 500},
        "cache": cache,
        "dtype": "float32",
        "device": "cpu",
    }
    return HarvestRequest.model_validate({**content, **more})


def harvest(asked: HarvestRequest) -> tuple[Activations, ...]:
    """Harvest in this process."""
    return Harvester(asked, Reporter(io.StringIO())).activations()


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_sites_harvested_together_are_what_each_is_alone(
    subject: Path, corpus: Path, tmp_path: Path
) -> None:
    together = harvest(request(subject, corpus, tmp_path, sites=SITES))
    made = [(one.folder, contents(one.folder)) for one in together]
    assert len({folder for folder, _ in made}) == 3
    assert len({files["train/00000.npy"] for _, files in made}) == 3
    own: dict[str, Any] = {"layer": 2}
    for (folder, files), site in zip(made, (own, *SITES), strict=True):
        shutil.rmtree(folder)
        (alone,) = harvest(request(subject, corpus, tmp_path, **site))
        assert alone.folder == folder and contents(folder) == files


def test_a_site_that_is_there_is_not_harvested_again_with_the_others(
    subject: Path, corpus: Path, tmp_path: Path
) -> None:
    (there,) = harvest(request(subject, corpus, tmp_path))
    before = {path: path.stat().st_mtime_ns for path in there.folder.rglob("*")}
    first, *others = harvest(request(subject, corpus, tmp_path, sites=SITES))
    assert first == there and len(others) == 2
    assert {path: path.stat().st_mtime_ns for path in there.folder.rglob("*")} == before


def test_a_further_site_out_of_range_is_refused(
    subject: Path, corpus: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadRequest, match="layers 0 to 2; layer 3"):
        harvest(request(subject, corpus, tmp_path, sites=[{"layer": 3}]))


def test_a_harvest_goes_on_with_the_batch_it_began_with_beside_others_that_did_not(
    subject: Path, corpus: Path, tmp_path: Path
) -> None:
    asked = request(subject, corpus, tmp_path, sites=SITES)
    begun, *others = harvest(asked)
    assert {one.batch_tokens for one in (begun, *others)} == {4_096}
    for one in (begun, *others):
        (one.folder / "manifest.json").unlink()
    write_json(begun.folder / "batch.json", {"tokens": 160})
    again, *same = harvest(asked)
    assert again.batch_tokens == 160 and {one.batch_tokens for one in same} == {4_096}
    assert read_json(begun.folder / "manifest.json")["batch_tokens"] == 160


def test_probing_texts_are_read_as_if_each_were_alone_at_every_site(
    subject: Path, corpus: Path, tmp_path: Path
) -> None:
    scoring = {
        "probing_tasks": ["ag_news"],
        "probing_context": 200,
        "probing_train": 12,
        "probing_test": 10,
    }
    asked = request(subject, corpus, tmp_path, sites=SITES[:1], scoring=scoring)
    made = Harvester(asked, Reporter(io.StringIO())).probing()
    assert made is not None
    texts = labelled_texts("ag_news", 12, 10)
    source = open_source(asked.subject, asked.all_sites, tmp_path, "float32", "cpu")
    assert source.encoder is not None
    for site, probing in zip(asked.all_sites, made, strict=True):
        held = torch.load(probing.folder / "ag_news_activations.pt", weights_only=True)
        assert list(held["train"]) == list(texts)
        for name, sides in texts.items():
            for row, text in enumerate(sides.test[:3]):
                ids = [0, *source.encoder.encode([text])[0][:199]]
                (alone_BTD,) = source.reader.read(torch.tensor([ids]), [site])
                alone_BTD[:, 0] = 0
                found_TD = held["test"][name][row]
                torch.testing.assert_close(found_TD[: len(ids)], alone_BTD[0], rtol=1e-4, atol=1e-5)
                assert not found_TD[len(ids) :].any()

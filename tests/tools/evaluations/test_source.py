"""What an evaluation's file may be, read without running it."""

import re
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.errors import BadRequest, IntegrityFailed, PartMissing, UnknownName
from fumehood_tools.errors import VariantRejected as Rejected
from fumehood_tools.evaluations.inside.fumehood_evaluation.made_up import made_up
from fumehood_tools.evaluations.sae_bench import NEEDED, RUN_HERE, refuse_sae_bench
from fumehood_tools.evaluations.source import chosen_evaluations, read_evaluation, shipped_folder
from fumehood_tools.evaluations.spelling import LEAST, WORDS, drawn
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import LimitsSpec, SandboxSpec

METRICS = 'METRICS = {"a": {"title": "A", "better": "higher", "smallest_effect": 0.1}}\n'
EVALUATE = "def evaluate(latents, context):\n    return {'a': 1.0}\n"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    folder = tmp_path / "sandboxes" / "box"
    (folder / "evaluations").mkdir(parents=True)
    return Sandbox(name="box", folder=folder, cache=tmp_path, spec=SandboxSpec())


def write(box: Sandbox, name: str, source: str) -> Path:
    path = box.folder / "evaluations" / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    return path


def test_a_file_says_what_it_measures_without_being_run(box: Sandbox) -> None:
    write(box, "mine", f"{METRICS}NEEDS = ['linear']\nraise SystemExit\n{EVALUATE}")
    [file] = chosen_evaluations(box, ["mine.py"])
    assert file.metrics["a"]["title"] == "A" and file.needs == ("linear",) and not file.shipped


def test_shipped_evaluations_are_there_and_an_own_file_takes_precedence(box: Sandbox) -> None:
    shipped = {path.stem for path in shipped_folder().glob("*.py")}
    assert {file.name for file in chosen_evaluations(box, [])} == shipped
    write(box, "latent_census", METRICS + EVALUATE)
    [own] = [one for one in chosen_evaluations(box, ["all"]) if one.name == "latent_census"]
    assert not own.shipped and list(own.metrics) == ["a"]
    with pytest.raises(UnknownName, match="Did you mean 'latent_census'"):
        chosen_evaluations(box, ["latent_sensus"])


def test_the_example_of_the_page_is_an_evaluation(box: Sandbox) -> None:
    page = Path(__file__).parents[3] / "docs" / "evaluations.md"
    [block] = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    write(box, "twins", block)
    [file] = chosen_evaluations(box, ["twins"])
    module: dict[str, Any] = {}
    exec(compile(block, "twins.py", "exec"), module)
    latents, context = made_up(64, 8, 16, 4)
    assert module["evaluate"](latents, context).keys() == file.metrics.keys()


BROKEN = {
    "x = (": "not valid Python",
    METRICS: "no function evaluate",
    f"{METRICS}def evaluate(latents):\n    return 1\n": "must take exactly two arguments",
    EVALUATE: "does not declare METRICS",
    f"METRICS = dict(a=1)\n{EVALUATE}": "not a literal",
    f"METRICS = {{}}\n{EVALUATE}": "dict of 1 to 12 metrics",
    f"METRICS = {{'a__b': {{}}}}\n{EVALUATE}": "lowercase words",
    f"METRICS = {{'a': {{'better': 'more'}}}}\n{EVALUATE}": "better must be",
    f"METRICS = {{'a': {{'better': 'lower'}}}}\n{EVALUATE}": "say smallest_effect",
    f"METRICS = {{'a': {{'better': 'none', 'digits': 9}}}}\n{EVALUATE}": "digits must be",
    f"METRICS = {{'a': {{'better': 'none', 'margin': 1}}}}\n{EVALUATE}": "its fields are",
    f"{METRICS}NEEDS = ('weights',)\n{EVALUATE}": "list of known names",
}


@pytest.mark.parametrize("source", BROKEN, ids=BROKEN.values())
def test_what_breaks_a_rule_is_named_with_a_remedy(box: Sandbox, source: str) -> None:
    path = write(box, "mine", source)
    with pytest.raises(Rejected, match=BROKEN[source]) as caught:
        read_evaluation(path, False, LimitsSpec())
    assert "evaluations/mine.py" in str(caught.value) and "Instead: " in str(caught.value)


def test_a_table_of_results_in_the_file_is_too_much_data(box: Sandbox) -> None:
    import random

    told = random.Random(0).randbytes(8_000).hex()
    path = write(box, "mine", f"TOLD = '{told}'\n{METRICS}{EVALUATE}")
    with pytest.raises(IntegrityFailed, match="source_budget"):
        read_evaluation(path, False, LimitsSpec())


@pytest.mark.parametrize("name", sorted(NEEDED.keys() - set(RUN_HERE)))
def test_an_evaluation_of_sae_bench_says_exactly_what_it_misses(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    settings = Settings(workspace=tmp_path, cache=tmp_path)
    with pytest.raises(PartMissing) as caught:
        refuse_sae_bench(f"sae-bench:{name}", settings)
    assert all(part.name in str(caught.value) for part in NEEDED[name])
    for part in NEEDED["scr"]:
        (tmp_path / f"datasets--{part.name.replace('/', '--')}" / "snapshots").mkdir(parents=True)
    if name == "scr":
        with pytest.raises(BadRequest, match="does not run it"):
            refuse_sae_bench("sae-bench:scr", settings)
    with pytest.raises(UnknownName):
        refuse_sae_bench("sae-bench:absorbtion", settings)


def test_absorption_of_sae_bench_is_an_evaluation_that_must_be_named(
    box: Sandbox, tmp_path: Path
) -> None:
    refuse_sae_bench("sae-bench:absorption", Settings(workspace=tmp_path, cache=tmp_path))
    every = chosen_evaluations(box, ["all", "sae-bench:absorption"])
    [fed] = [file for file in every if file.is_trusted]
    assert fed.name == "sae_bench_absorption" and fed.shipped and "vocabulary" in fed.needs
    assert chosen_evaluations(box, ["sae_bench_absorption"]) == [fed]
    assert fed not in chosen_evaluations(box, [])
    write(box, "sae_bench_mine", METRICS + EVALUATE)
    with pytest.raises(
        Rejected, match="names that start with sae_bench_ are reserved for sae-bench"
    ):
        chosen_evaluations(box, ["sae_bench_mine"])


def test_the_words_that_sae_bench_gets_are_the_same_each_time_and_cover_rare_letters() -> None:
    tokens = [f"{letter}{number}" for letter in "ab" for number in range(3_000)]
    tokens += [f"x{number}" for number in range(WORDS)][:LEAST]
    words = drawn(tokens, str)
    assert words == drawn(tokens, str) and WORDS <= len(words) <= WORDS + LEAST
    assert sum(word.startswith("x") for word in words) == LEAST

"""What a plan is refused for, and what it says of its seeds, its power and its budget."""

import random
import shutil
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.sandbox_files import change_setting
from fakes.studies_bench import Bench, planned

from fumehood_tools.errors import BadRequest, FumehoodError, UnknownName
from fumehood_tools.jobs import JobStore
from fumehood_tools.runs.request import REQUEST_FILE
from fumehood_tools.studies.counting import all_tries, plans_again
from fumehood_tools.studies.drawing import RANGE, drawn_seeds
from fumehood_tools.studies.entries import SEEDS_CHOSEN, Budget, Plan
from fumehood_tools.studies.judging import judge_plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.plans import register_plan
from fumehood_tools.studies.running import run_plan
from fumehood_tools.studies.spending import spent_in
from fumehood_tools.studies.told import text_of


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A workspace whose seeds 0 to 2 were seen, which no test changes."""
    bench = Bench(tmp_path_factory.mktemp("kept"), Budget(saes=20, minutes=30))
    bench.score(range(3), {"mine": 0.01})
    path = bench.settings.sandboxes / "box" / "variants" / "wide.py"
    path.write_bytes(path.with_name("mine.py").read_bytes() + b"\nWIDTH = 3\n")
    return bench


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"variants": ["absent"]}, "absent"),
        ({"baseline": "absent"}, "absent"),
        ({"sandbox": "absent"}, "absent"),
        ({"variants": ["mine", "half"]}, "half is the baseline"),
        ({"variants": []}, "variants is empty"),
        ({"variants": ["mine", "untrained"]}, "untrained is the control"),
        ({"metric": "alive"}, "alive"),
        ({"grid": {}, "l0_targets": [100]}, "L0 target 100 is impossible"),
        ({"grid": {"WIDTH": [1]}}, "WIDTH"),
        ({"variants": ["wide"], "grid": {"WIDTH": [1]}}, "the baseline half lacks"),
        ({"seeds": [7, 8]}, "3 seeds"),
        ({"seeds": [2, 3, 4]}, "how many seeds are to be drawn: seeds=3"),
        ({"draw": 2}, "from 3 to 50"),
        ({"draw": 51}, "from 3 to 50"),
        ({"draw": 10}, "budget of the study"),
        ({"budget": Budget(saes=5)}, "budget of the plan"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused_with_the_remedy(
    kept: Bench, parts: dict[str, Any], said: str
) -> None:
    with pytest.raises(FumehoodError) as caught:
        kept.plan(**parts)
    assert said in str(caught.value)
    assert not kept.study.only(Plan)


def test_a_study_that_does_not_exist_is_named(kept: Bench) -> None:
    with pytest.raises(UnknownName, match="study"):
        register_plan(kept.lab, "none", kept.asked())


@pytest.mark.slow
@pytest.mark.child
def test_two_servers_that_plan_at_once_get_different_seeds(bench: Bench) -> None:
    servers = [threading.Thread(target=bench.plan) for _ in range(2)]
    for server in servers:
        server.start()
    for server in servers:
        server.join(120)
    (_, one), (_, two) = bench.study.only(Plan)
    assert not set(one.seeds) & set(two.seeds)
    assert one.seeds_drawn and len(one.seeds) == len(two.seeds) == 3
    assert one.note is not None and "noise is not measured" in one.note
    assert two.follows == 2, "the second plan says that it follows the first, entry 2"


def test_what_a_plan_spent_are_the_receipts_written_after_it_with_its_files_and_seeds(
    bench: Bench,
) -> None:
    bench.score([0], {"mine": 0.0})
    number = bench.entered(planned(bench, [1, 2, 3])).number
    assert spent_in(bench.lab, bench.study)[number].saes == 0
    bench.score([1, 2, 9], {"mine": 0.0, "other": 0.0})
    spent = spent_in(bench.lab, bench.study)[number]
    assert spent.saes == 2 * 2 * 2, "two files, two seeds, two levels"
    assert spent.minutes == pytest.approx(8 * 1.5 / 60)
    shutil.rmtree(bench.settings.sandboxes / "box" / "results")
    assert spent_in(bench.lab, bench.study)[number].saes == 8, "deleting brings nothing back"


def test_every_plan_about_a_file_beyond_the_try_that_it_is_already_is_a_try(
    bench: Bench,
) -> None:
    for first in (0, 3):
        bench.entered(planned(bench, list(range(first, first + 3))))
    assert plans_again(bench.lab) == 2, "its results may be known from a copy of the file"
    bench.score([0], {"mine": 0.0})
    assert plans_again(bench.lab) == 1 and all_tries(bench.lab) == 3, "half, mine, and mine again"
    bench.entered(planned(bench, [6, 7, 8]))
    assert plans_again(bench.lab) == 2


def test_a_seed_that_a_copy_of_the_file_was_scored_with_is_not_fresh(bench: Bench) -> None:
    bench.score_only({"twin": 0.03}, [4])
    with pytest.raises(BadRequest, match="with the seeds 4 in"):
        bench.plan(seeds=[4, 5, 6])


@pytest.mark.child
def test_a_seed_of_a_run_that_failed_or_was_stopped_is_not_fresh(bench: Bench) -> None:
    bench.fail("twin", [0, 4])
    with pytest.raises(BadRequest, match="with the seeds 4 in"):
        bench.plan(seeds=[4, 5, 6])
    files = {REQUEST_FILE: {"sandbox": "box", "variants": ["twin"], "seeds": [1, 7]}}
    with closing(JobStore(bench.settings.state)) as jobs:
        job = jobs.submit("run", ["/bin/sleep", "60"], title="losses were printed", files=files)
        jobs.cancel(job.job_id)
        with pytest.raises(BadRequest, match="with the seeds 7 in"):
            register_plan(bench.lab, "study", bench.asked(seeds=[7, 8, 9]), jobs)


@pytest.mark.child
def test_the_seeds_of_a_plan_are_drawn_so_that_nobody_can_scout_them_before(
    bench: Bench, tmp_path: Path
) -> None:
    bench.plan()
    one = bench.plan(draw=5)
    two = Bench(tmp_path / "elsewhere")
    other = register_plan(Lab(two.settings), "study", two.asked(draw=5))
    assert len(one.plan.seeds) == len(other.plan.seeds) == 5
    assert one.plan.seeds != other.plan.seeds, "from the operating system's randomness"
    assert max(one.plan.seeds) - min(one.plan.seeds) > 1_000, "no row of numbers"
    document = bench.settings.workspace / one.entry.place / "prereg.md"
    assert "drawn at random when the plan was registered" in document.read_text("utf-8")
    assert "drawn at random" in text_of(one.plan)


@pytest.mark.child
def test_a_plan_whose_seeds_the_agent_chose_says_so_and_its_conclusion_is_exploratory(
    bench: Bench,
) -> None:
    found = bench.plan(seeds=[3, 4, 5])
    document = (bench.settings.workspace / found.entry.place / "prereg.md").read_text("utf-8")
    assert "Seeds 3, 4, 5: **chosen by the agent**" in document
    assert found.plan.note is not None and "will be exploratory" in found.plan.note
    bench.score([3, 4, 5], {"mine": 0.03})
    _, conclusion = judge_plan(bench.lab, "study", found.entry.number)
    assert not conclusion.registered
    assert conclusion.exploratory_because == [SEEDS_CHOSEN]
    assert conclusion.claims[0].reason.startswith("EXPLORATORY: ")


def test_seeds_are_drawn_from_more_than_can_be_used_up_and_never_one_that_was_taken() -> None:
    draw = random.Random(0)
    taken = set(range(RANGE // 20))
    found = drawn_seeds(taken, 50, draw)
    assert len(set(found)) == 50 and not taken & set(found) and max(found) < RANGE
    assert found == sorted(found)
    scarce = set(range(RANGE)) - {7, 77, 777}
    assert not {7, 77, 777} & set(drawn_seeds(scarce, 3, draw)), "the ones that somebody left"


def test_a_removed_plan_still_counts_as_a_try(bench: Bench) -> None:
    place = bench.entered(planned(bench, [0, 1, 2])).place
    shutil.rmtree(bench.settings.workspace / place)
    assert plans_again(bench.lab) == 1


def test_a_plan_does_not_run_after_its_file_its_sandbox_or_its_entry_was_edited(
    bench: Bench,
) -> None:
    entry = bench.entered(planned(bench, [0, 1, 2]))
    store = JobStore(bench.settings.state)
    try:
        bench.write("mine", 777)
        with pytest.raises(BadRequest, match="mine.py was edited since the plan"):
            run_plan(bench.lab, store, "study", entry.number)
        bench.write("mine", 100)
        folder = bench.settings.sandboxes / "box"
        change_setting(folder, "training", "lr", 0.01)
        with pytest.raises(BadRequest, match=r"sandbox\.toml of box"):
            run_plan(bench.lab, store, "study", entry.number)
        path = bench.settings.workspace / entry.place / "plan.json"
        path.write_text(path.read_text("utf-8").replace("0.005", "0.001"), "utf-8")
        with pytest.raises(BadRequest, match=rf"Entry {entry.number} .* does not count"):
            run_plan(bench.lab, store, "study", entry.number)
        with pytest.raises(UnknownName, match="plan"):
            run_plan(bench.lab, store, "study", 77)
        assert not store.list().jobs
    finally:
        store.close()


def test_a_run_that_would_exceed_the_budget_of_its_plan_is_refused_with_what_is_left(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    entry = bench.entered(planned(bench, [0, 1, 2], budget=Budget(saes=10)))
    store = JobStore(bench.settings.state)
    try:
        with pytest.raises(BadRequest, match="10 are left"):
            run_plan(bench.lab, store, "study", entry.number)
    finally:
        store.close()

"""The journal, names and quotes, without a provider."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.pods.api import GpuOffer, PodOrder
from fumehood_tools.pods.configured import JOURNAL_FILE
from fumehood_tools.pods.rentals import CapReached, Caps, MachineClock, caps_of, quote
from fumehood_tools.pods.rentals.journal import Journal
from fumehood_tools.pods.rentals.names import PodName, new_intent, owner_of, parse_name
from fumehood_tools.settings import load_settings

from .conftest import A40, A100, RTX, wish_for

OFFERS = [
    GpuOffer(gpu=A100, memory_gb=80, cloud="secure", price_usd_per_hour=1.64, stock="low"),
    GpuOffer(gpu=A40, memory_gb=48, cloud="secure", price_usd_per_hour=0.44, stock="high"),
    GpuOffer(gpu=RTX, memory_gb=24, cloud="secure", price_usd_per_hour=0.69, stock="high"),
    GpuOffer(gpu="T4", memory_gb=16, cloud="secure", price_usd_per_hour=0.2, stock="none"),
    GpuOffer(gpu="B200", memory_gb=180, cloud="secure", price_usd_per_hour=None),
]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, "0123abcd", MachineClock())
    yield opened
    opened.close()


def test_names_of_pods_carry_owner_and_intent_and_other_names_are_nobodys(tmp_path: Path) -> None:
    name = PodName(owner_of(tmp_path), new_intent())
    assert parse_name(str(name)) == name and owner_of(tmp_path) == name.owner
    for other in (f"{name}0", f"x{name}", str(name).upper(), "fumehood-0123abcd", "", f"{name}\n"):
        assert parse_name(other) is None


def test_steps_can_be_added_and_neither_changed_nor_removed(
    journal: Journal, tmp_path: Path
) -> None:
    rental = journal.reserve(wish_for(), A40, 0.44)
    other = sqlite3.connect(tmp_path / JOURNAL_FILE)
    for statement in ("DELETE FROM steps", "UPDATE steps SET told=''"):
        with pytest.raises(sqlite3.IntegrityError, match="steps are never"):
            other.execute(statement)
    other.close()
    (step,) = journal.steps(rental.intent)
    assert (step.state, step.told) == ("intent", f"{A40} at $0.4400 per hour")


def test_case_32_no_value_of_a_variable_is_in_the_journal(journal: Journal, tmp_path: Path) -> None:
    order = PodOrder(name="", image="i", environment={"HF_TOKEN": "canary-7f3a"})
    rental = journal.reserve(wish_for(order=order), A40, 0.44)
    assert "canary" not in repr(rental)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"canary" not in kept and rental.intent.encode() in kept


def _spend(folder: Path, number: int) -> bool:
    journal = Journal(folder, "0123abcd", MachineClock())
    try:
        journal.reserve(wish_for(f"pod {number}", caps=Caps(day_usd=1.5)), A40, 0.44)
    except CapReached:
        return False
    finally:
        journal.close()
    return True


@pytest.mark.child
@pytest.mark.slow
def test_case_30_of_several_processes_only_one_spends_the_last_dollar(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as processes:
        won = processes.starmap(_spend, [(tmp_path, number) for number in range(12)])
    assert sum(won) == 1


def test_a_quote_is_the_price_of_all_pods_until_the_deadline_with_cheaper_kinds_beside_it() -> None:
    order = PodOrder(name="", image="i", disk_gb=73)
    quoted = quote(OFFERS, [A100, "B200"], order=order, runtime_s=9000, setup_s=1800, pods=4)
    (asked,) = quoted.asked
    assert asked.total_usd == pytest.approx((1.64 + 0.01) * 3 * 4) and quoted.deadline_s == 10_800
    assert [one.gpu for one in quoted.alternatives] == [A40, RTX] and quoted.unsold == ("B200",)
    with pytest.raises(UnknownName, match="list_gpus"):
        quote(OFFERS, ["A4O"], order=order, runtime_s=60)


def test_a_call_may_lower_the_caps_of_the_settings_and_never_raise_them(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"FUMEHOOD_POD_MAX_COST_JOB": "3"})
    assert caps_of(settings, 2.0, study_usd=7) == Caps(job_usd=2, study_usd=7, day_usd=25)
    assert caps_of(settings, 500.0).job_usd == caps_of(settings).job_usd == 3
    with pytest.raises(BadRequest, match="max_cost_usd=nan is no amount"):
        caps_of(settings, float("nan"))

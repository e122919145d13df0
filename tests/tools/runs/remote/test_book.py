"""Orders go to the place that began them, also in the run that follows a crash."""

from pathlib import Path

import pytest
from fakes.scripted_target import activations

from fumehood_tools.runs.items import RunItem
from fumehood_tools.runs.orders import order_for, recipe_of
from fumehood_tools.runs.remote.book import OrderBook
from fumehood_tools.runs.remote.trainee import RemoteTrainee
from fumehood_tools.spec import SandboxSpec

# The arithmetic of this machine is asked from libraries that look for compilers.
pytestmark = pytest.mark.child
PLACES = ("pod 0", "pod 1")


@pytest.fixture
def waiting(tmp_path: Path) -> list[RemoteTrainee]:
    """Three orders that nobody has taken."""
    recipe = recipe_of(SandboxSpec(), activations("/cache"), "cpu", "float32")
    items = [RunItem("mine", n, b"pass\n", f"{n}" * 16, tmp_path / "results") for n in range(3)]
    return [RemoteTrainee(order_for(item, recipe), tmp_path / "scratch") for item in items]


def book_of(folder: Path, waiting: list[RemoteTrainee]) -> OrderBook:
    """Return the book of a run that starts now."""
    book = OrderBook(folder, PLACES)
    for trainee in waiting:
        book.put(trainee)
    return book


def test_after_a_crash_an_order_goes_to_the_place_that_began_it_and_to_no_other(
    tmp_path: Path, waiting: list[RemoteTrainee]
) -> None:
    first, second, third = waiting
    book_of(tmp_path, waiting).begin("pod 1", first.order.digest, "train-1")
    again = book_of(tmp_path, waiting)
    assert again.begun("pod 1", first.order.digest) == "train-1"
    assert again.begun("pod 0", first.order.digest) is None
    assert [again.take("pod 0", 0) for _ in range(3)] == [second, third, None]
    assert again.take("pod 1", 0) is first


def test_a_place_gets_what_it_began_before_anything_else(
    tmp_path: Path, waiting: list[RemoteTrainee]
) -> None:
    book = book_of(tmp_path, waiting)
    book.begin("pod 1", waiting[2].order.digest, "train-2")
    assert book.take("pod 1", 0) is waiting[2]


def test_what_a_lost_machine_began_is_for_everybody_also_in_the_next_run(
    tmp_path: Path, waiting: list[RemoteTrainee]
) -> None:
    book = book_of(tmp_path, waiting[:1])
    book.begin("pod 1", waiting[0].order.digest, "train-0")
    assert book.take("pod 0", 0) is None
    book.forget("pod 1")
    assert book.take("pod 0", 0) is waiting[0]
    assert book_of(tmp_path, waiting).take("pod 0", 0) is waiting[0]


def test_an_order_that_nobody_waits_for_is_given_to_nobody(
    tmp_path: Path, waiting: list[RemoteTrainee]
) -> None:
    book = book_of(tmp_path, waiting)
    for trainee in waiting:
        trainee.end()
    assert book.take("pod 0", 0) is None

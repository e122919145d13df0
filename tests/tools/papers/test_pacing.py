"""All processes of a user together send arXiv one request at a time, three seconds apart."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fakes.http_service import Fault
from fakes.paper_services import PaperServices

from fumehood_tools.papers.search_request import SearchRequest
from fumehood_tools.web.model import NoTurn, Pace, answer_within
from fumehood_tools.web.pacing import Pacer

# The clock that waits and the clock that tells the time may differ by this many seconds.
CLOCK = 0.01
ROOT = Path(__file__).resolve().parents[3]
SEARCHES = """
import sys, threading
from pathlib import Path
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.search import PaperSearch
from fumehood_tools.papers.services import Services
from fumehood_tools.web.service import Keys
from fumehood_tools.papers.search_request import SearchRequest
from fumehood_tools.settings import load_settings

folder, endpoints, name, count = sys.argv[1:]
environ = {"FUMEHOOD_CACHE": folder + "/cache", "FUMEHOOD_ENDPOINTS": endpoints}
settings = load_settings(Path(folder, name), environ)
search = PaperSearch(settings, Library(settings.state), Services(settings, Keys({})))

def one(number):
    asked = SearchRequest(query=f"sparse autoencoder number {name} {number}", sources=("arxiv",))
    # One write per line, because the threads share the pipe.
    sys.stdout.write(search.search(asked).sources[0].status + "\\n")

threads = [threading.Thread(target=one, args=(number,)) for number in range(int(count))]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.slow
def test_thirty_searches_of_two_processes_never_break_arxivs_rule(tmp_path: Path) -> None:
    with PaperServices().running() as services:
        services["arxiv"].latency = 0.3
        children = [
            subprocess.Popen(
                [sys.executable, "-c", SEARCHES, str(tmp_path), services.endpoints, name, "15"],
                cwd=ROOT / "tools",
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
            for name in ("one", "two")
        ]
        said = [line for child in children for line in child.communicate()[0].split()]
        moments = [request.moment for request in services["arxiv"].log]
    assert len(said) == 30
    assert set(said) == {"ok", "rate_limited"}
    assert said.count("ok") == len(moments) >= 5
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
    assert min(gaps) >= 3.0, gaps


def test_a_turn_that_would_come_too_late_is_refused_with_the_time_to_wait(tmp_path: Path) -> None:
    pace = Pace("arxiv", 30.0, one_at_a_time=True)
    with Pacer(tmp_path).turn(pace, answer_within(1)):
        pass
    with pytest.raises(NoTurn) as refused, Pacer(tmp_path).turn(pace, answer_within(1)):
        pass
    assert 25 < (refused.value.retry_after or 0) <= 30


def test_one_connection_at_a_time_is_kept(tmp_path: Path) -> None:
    pace = Pace("arxiv", 0.0, one_at_a_time=True)
    inside, most, lock = 0, 0, threading.Lock()

    def go() -> None:
        nonlocal inside, most
        for _ in range(20):
            with Pacer(tmp_path).turn(pace, answer_within(30)):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@pytest.mark.child
def test_a_killed_holder_and_a_damaged_file_stop_nobody(tmp_path: Path) -> None:
    pace = Pace("arxiv", 3.0, one_at_a_time=True)
    held = (
        "import sys, os; from pathlib import Path\n"
        "from fumehood_tools.web.pacing import Pacer\n"
        "from fumehood_tools.web.model import Pace, answer_within\n"
        "with Pacer(Path(sys.argv[1])).turn(Pace('arxiv', 3.0, True), answer_within(9)):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", held, str(tmp_path)], cwd=ROOT / "tools", check=False
    )
    assert done.returncode == -9
    (tmp_path / "arxiv.next").write_text("soon", encoding="utf-8")
    with Pacer(tmp_path).turn(pace, answer_within(5)):
        pass


def test_a_failed_second_question_does_not_cost_the_first_ones_papers(make_search) -> None:
    from fakes.paper_services import Known

    with PaperServices([Known("Sparse autoencoder", "2401.00001")]).running() as services:
        search = make_search(services, keys={}, seconds=2.0)
        found = search.search(SearchRequest(query="sparse autoencoder", sources=("arxiv",)))
    assert len(services["arxiv"].log) == 1  # a second turn would have come too late
    assert [paper.arxiv for paper in found.papers] == ["2401.00001"]
    assert found.sources[0].status == "ok"


def test_arxivs_own_syntax_is_passed_on_and_words_are_joined(make_search) -> None:
    with PaperServices().running() as services:
        search = make_search(services, keys={}, seconds=8.0)
        search.search(SearchRequest(query='au:olah AND ti:"circuits"', sources=("arxiv",)))
        search.search(
            SearchRequest(query='How do "dead latents" arise in SAEs?', sources=("arxiv",))
        )
        asked = [request.query["search_query"] for request in services["arxiv"].log]
        agents = {request.headers["user-agent"] for request in services["arxiv"].log}
    assert asked == ['au:olah AND ti:"circuits"', 'all:"dead latents" AND all:arise AND all:saes']
    assert all(agent.startswith("fumehood/") for agent in agents)


def test_an_unwritable_cache_is_a_status_too(tmp_path: Path, make_search) -> None:
    with PaperServices().running() as services:
        services["openalex"].fault = Fault("status", status=500)
        (tmp_path / "workspace").mkdir()
        (tmp_path / "workspace" / "cache").write_text("a file, no folder", encoding="utf-8")
        search = make_search(services, seconds=2.0)
        found = search.search(SearchRequest(query="sparse", sources=("hugging_face",)))
    assert found.sources[0].status == "unavailable"
    assert "folder for turns" in (found.sources[0].error or "")


def next_turn(folder: Path, service: str) -> float:
    """Return the moment from which on the service may be asked again."""
    return float((folder / f"{service}.next").read_text(encoding="utf-8"))


def test_a_turn_waits_until_the_service_may_be_asked_again(tmp_path: Path) -> None:
    pace, earliest = Pace("exa", 0.3), 0.0
    for _ in range(3):
        with Pacer(tmp_path).turn(pace, answer_within(9)):
            # Counted from the beginning of this turn, which was not before `earliest`.
            assert next_turn(tmp_path, "exa") >= earliest + 0.3 - CLOCK
            earliest = next_turn(tmp_path, "exa")


def test_arxiv_is_left_alone_from_the_end_of_a_request_on(tmp_path: Path) -> None:
    pace = Pace("arxiv", 0.3, one_at_a_time=True)
    with Pacer(tmp_path).turn(pace, answer_within(9)):
        during = next_turn(tmp_path, "arxiv")
        threading.Event().wait(0.2)  # a slow answer
    after = next_turn(tmp_path, "arxiv")
    assert after >= during + 0.2 - CLOCK
    with Pacer(tmp_path).turn(pace, answer_within(9)):
        assert next_turn(tmp_path, "arxiv") >= after + 0.3 - CLOCK

"""The suite detects every kind of breach. Each test causes one kind by hand."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from fumehood_tools.redteam import world
from fumehood_tools.redteam.bench import make_bench
from fumehood_tools.redteam.cases import Case, Entry, fill_in, load_cases, read_manifest
from fumehood_tools.redteam.listeners import Listeners
from fumehood_tools.redteam.report import Report, last_lines, table
from fumehood_tools.redteam.suite import RedTeam, temporary_root
from fumehood_tools.redteam.verdicts import CaseResult, Frontier, judge_cheat, judge_honest
from fumehood_tools.redteam.words import carried, false_words

CHEAT = Case("stash_self", "cheat", '"""Keeps the input."""', Entry())
SCORE = {"l0": 1.0, "explained_variance": 0.9, "loss_recovered": 0.9, "probing_top1": 0.5}

CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda path: path.write_text("other", encoding="utf-8"),
    "touched": lambda path: os.utime(path, (1, 1)),
    "opened to all": lambda path: path.chmod(0o666),
    "removed": lambda path: path.unlink(),
    "replaced by its equal": lambda path: path.write_bytes(path.rename(f"{path}2").read_bytes()),
    "replaced by a link": lambda path: path.rename(f"{path}2") and path.symlink_to(f"{path}2"),
    "given a second name": lambda path: os.link(path, f"{path}2"),
    "joined by a folder": lambda path: path.with_name("new").mkdir(),
    "joined by a pipe": lambda path: os.mkfifo(path.with_name("pipe")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_touched_in_any_way_is_seen(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a" / "file.txt"
    path.parent.mkdir()
    path.write_text("as it was", encoding="utf-8")
    before = world.snapshot(tmp_path, [])
    assert world.differences(before, world.snapshot(tmp_path, [])) == []
    CHANGES[change](path)
    assert world.differences(before, world.snapshot(tmp_path, []))


def test_what_is_left_out_of_a_snapshot_may_change(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    before = world.snapshot(tmp_path, [tmp_path / "job"])
    (tmp_path / "job" / "progress.json").write_text("{}", encoding="utf-8")
    assert world.differences(before, world.snapshot(tmp_path, [tmp_path / "job"])) == []


@pytest.mark.child
def test_a_process_that_is_left_running_is_seen_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "GRACE_SECONDS", 0.0)
    before = world.descendants(os.getpid())
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    left = world.left_running(os.getpid(), before)
    assert list(left) == [sleeper.pid]
    world.end_processes(left)
    assert sleeper.wait(10) != 0
    assert world.left_running(os.getpid(), before) == {}


def call_tcp(listeners: Listeners) -> None:
    socket.create_connection(("127.0.0.1", listeners.tcp_port), 5).close()


def throw_udp(listeners: Listeners) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thrower:
        thrower.sendto(b"x", ("127.0.0.1", listeners.udp_port))


def call_unix(listeners: Listeners) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(listeners.path))


def listen_where_it_knocks(listeners: Listeners) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", listeners.knocked_port))
        server.listen(1)
        server.settimeout(10)
        server.accept()[0].close()


@pytest.mark.parametrize("reach", [call_tcp, throw_udp, call_unix, listen_where_it_knocks])
def test_whoever_reaches_the_listener_is_heard(
    tmp_path: Path, reach: Callable[[Listeners], None]
) -> None:
    with Listeners(tmp_path / "s") as listeners:
        assert listeners.heard() == []
        reach(listeners)
        listeners.settle()
        assert len(listeners.heard()) == 1
        assert listeners.heard() == []


def test_a_secret_is_found_in_every_spelling_and_nothing_else_is(tmp_path: Path) -> None:
    secret, found = os.urandom(32), world.Secrets()
    found.add("the key", secret)
    found.add("no secret", bytes(32))
    (tmp_path / "raw.bin").write_bytes(b"x" * 100 + secret)
    (tmp_path / "hex.txt").write_text(f"read {secret.hex()}", encoding="utf-8")
    (tmp_path / "clean.bin").write_bytes(bytes(1000))
    told = found.found_in(sorted(tmp_path.iterdir()))
    assert [line.rpartition(" ")[2] for line in told] == ["hex.txt)", "raw.bin)"]


def test_a_score_that_no_honest_variant_has_with_so_few_latents_is_not_caught() -> None:
    sparse, dense = {**SCORE, "explained_variance": 0.4}, {**SCORE, "l0": 64.0}
    honest = Frontier({"sparse": sparse, "dense": dense})
    assert not judge_cheat(CHEAT, {"metrics": SCORE}, [], honest, False).ok
    for same in ({**SCORE, "explained_variance": 0.41}, {**SCORE, "l0": 64.0}):
        assert judge_cheat(CHEAT, {"metrics": same}, [], honest, False).ok
    empty = {**SCORE, "l0": 0.0, "explained_variance": 0.3}
    assert not judge_cheat(CHEAT, {"metrics": empty}, [], honest, False).ok
    nothing = {**SCORE, "explained_variance": float("nan")}
    assert not judge_cheat(CHEAT, {"metrics": nothing}, [], honest, False).ok


def test_a_breach_counts_even_where_the_score_was_refused() -> None:
    told = {"check": "output_finite", "message": "output_finite: NaN", "stage": "score"}
    assert judge_cheat(CHEAT, told, [], Frontier({}), True).by == "check output_finite"
    breached = judge_cheat(CHEAT, told, ["sandbox.toml changed (mode)"], Frontier({}), True)
    assert not breached.ok and breached.by == "sandbox.toml changed (mode)"
    assert not judge_honest(CHEAT, told, False).ok


def test_a_cheat_is_judged_by_each_of_its_seeds_and_by_the_metrics_at_noise() -> None:
    at_noise = {"explained_variance": 0.4, "explained_variance_at_noise": 0.3}
    honest = Frontier({"one": {**SCORE, **at_noise}})
    poor = {**SCORE, "explained_variance": 0.2}
    told = {"metrics": poor, "earlier": [{"metrics": SCORE}]}
    assert not judge_cheat(CHEAT, told, [], honest, False).ok
    assert judge_cheat(CHEAT, {"metrics": poor, "earlier": []}, [], honest, False).ok
    measured = {"decoder": "nonlinear", "explained_variance_at_noise": 0.2}
    told = {"metrics": SCORE, "integrity": measured}
    assert judge_cheat(CHEAT, told, [], honest, False).ok
    told = {"metrics": SCORE, "integrity": {**measured, "decoder": "linear"}}
    assert not judge_cheat(CHEAT, told, [], honest, False).ok


def test_the_same_sae_in_other_units_must_have_the_same_numbers() -> None:
    case = CHEAT._replace(entry=Entry(same_as="one"))
    honest = Frontier({"one": SCORE})
    assert judge_cheat(case, {"metrics": SCORE}, [], honest, False).ok
    for value in (0.4, 0.6):
        told = {"metrics": {**SCORE, "probing_top1": value}}
        assert "in other units" in judge_cheat(case, told, [], honest, False).by


@pytest.mark.parametrize(
    ("mark", "work"),
    [
        ("not trained here", {"trained_here": False}),
        ("work", {"trained_here": True, "processor_seconds": 9.0}),
    ],
)
def test_a_good_score_is_no_verdict_where_the_record_says_what_it_cost(
    mark: Literal["not trained here", "work"], work: dict[str, Any]
) -> None:
    case, honest = CHEAT._replace(entry=Entry(shown=mark)), Frontier({"one": {**SCORE, "l0": 8.0}})
    told = {"metrics": SCORE, "work": {"processor_seconds": 1.0, "reference_seconds": 1.0, **work}}
    assert judge_cheat(case, told, [], honest, False).by == f"shown with its score: {mark}"
    assert not judge_cheat(CHEAT, told, [], honest, False).ok
    usual = {"trained_here": True, "processor_seconds": 1.0, "reference_seconds": 1.0}
    assert not judge_cheat(case, {**told, "work": usual}, [], honest, False).ok


def test_what_a_child_received_over_a_wire_is_told_by_its_message() -> None:
    told = {"message": "decode failed: OSError: the wire carried 256 of 256 bits (line 4). Fix it."}
    assert carried(told) == "the wire carried 256 of 256 bits"
    assert carried({"message": "decode failed"}) == carried({}) == ""


def test_statistics_of_columns_that_are_made_up_are_seen(tmp_path: Path) -> None:
    case = CHEAT._replace(entry=Entry(lies="columns"))
    path = tmp_path / "results" / case.name / "seed0" / "core.json"
    path.parent.mkdir(parents=True)
    for value, is_false in ((0.42, False), (1.0, True), (-1.0, False), (0.0, True)):
        group = {"misc_metrics": {"average_max_decoder_cosine_sim": value}}
        path.write_text(json.dumps({"eval_result_metrics": group}), encoding="utf-8")
        assert bool(false_words(case, tmp_path)) == is_false
        assert false_words(CHEAT, tmp_path) == []


def test_weights_from_outside_are_spelled_in_files_that_stay_small() -> None:
    cases = [case for case in load_cases("outside*") if case.side == "cheat"]
    sources = [fill_in(case, {}) for case in cases]
    assert len(cases) >= 4 and all(8_000 < len(source) < 60_000 for source in sources)
    assert all("@OUTSIDE_" not in source for source in sources)


def test_the_table_counts_by_family_and_names_what_was_missed() -> None:
    outcomes = tuple(
        CaseResult(name=name, side="cheat", family="net", says="Calls.", ok=ok, by="b", rules=True)
        for name, ok in (("net_tcp", True), ("net_udp", False))
    )
    report = Report(level="rlimits", outcomes=outcomes, seconds=1.0)
    text = table([report])
    assert "| net | 2 | 1/2 | 2 |" in text and "- `net_udp`: Calls." in text
    assert report.last_line() == "caught 1/2 cheats, refused 0/0 honest"
    assert not report.is_clean


@pytest.mark.child
def test_a_bench_that_was_harmed_is_not_clean_and_the_report_says_what_changed() -> None:
    said = "witness 2 of 2: l0 3.0 instead of 2.0"
    report = Report(level="landlock", outcomes=(), seconds=1.0, harm=said)
    assert not report.is_clean
    assert last_lines([report])[0] == f"landlock: the bench was harmed: {said}"
    with contextlib.ExitStack() as stack:
        bench = make_bench(stack.enter_context(temporary_root()), "auto")
        listeners = stack.enter_context(Listeners(bench.canary / "listener.sock"))
        team = RedTeam(bench, listeners, lambda outcome: None)
        numbers = {"l0": 2.0, "explained_variance": 0.8, "loss_recovered": 0.9}
        team.witnesses = [{"metrics": numbers}, {"metrics": numbers | {"l0": 2.0001}}]
        assert team.harm is None
        team.witnesses.append({"metrics": numbers | {"l0": 3.0}})
        assert "witness 3 of 3: l0 3.0 instead of 2.0" in str(team.harm)
        team.witnesses[2] = {"message": "training took too long"}
        assert team.harm == "witness 3 of 3: training took too long"


def test_every_file_is_in_the_manifest_and_there_are_enough_of_them() -> None:
    every = [case for case in load_cases("*") if case.kind == "sae"]
    cheats = {case.name: case for case in every if case.side == "cheat"}
    honest = [case for case in every if case.side == "honest"]
    folder = Path(__file__).with_name("cheats")
    assert set(cheats) == {path.stem for path in folder.glob("*.py")}
    assert set(read_manifest()["honest"]) <= {case.name for case in honest}
    assert len(cheats) >= 180 and len(honest) >= 90
    assert all(case.says.endswith((".", "?")) for case in cheats.values())
    assert len({case.family for case in cheats.values()}) >= 15

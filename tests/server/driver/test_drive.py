"""Unattended drives of a study by scripted models: honest, lazy, cheating, crashing, spending."""

from pathlib import Path
from typing import Any

import pytest
from fakes.chat_endpoint import ChatEndpoint, Script, calls, says
from fakes.http_service import Fault
from mcp import Client

from fumehood.app import build_server
from fumehood.driver.chat import Chat
from fumehood.driver.drive import Connect, Drive, drive
from fumehood.driver.limits import Limits
from fumehood.driver.transcript import Transcript, fitting
from fumehood_tools.errors import StorageFailed
from fumehood_tools.settings import Settings
from fumehood_tools.studies.entries import Note, StudyOpened
from fumehood_tools.studies.notebook import StudyShelf, create_study
from fumehood_tools.timestamps import now

pytestmark = [pytest.mark.anyio]
BOX = {
    "name": "box",
    "subject": "synthetic",
    "layer": 0,
    "corpus": "synthetic",
    "dict_size": 64,
}
FINISH = calls(("finish", {"summary": "Nothing was supported."}))


def in_process(settings: Settings) -> Client:
    """Return a client of a server in this process, which starts in a tenth of the time."""
    return Client(build_server(settings))


async def run(
    settings: Settings,
    endpoint: ChatEndpoint,
    connect: Connect | None = in_process,
    **limits: Any,
) -> Drive:
    """Drive the study `threshold`, which is opened first if it is new."""
    if not (settings.workspace / "studies/threshold").exists():
        opened = StudyOpened(question="Does a threshold help?", written=now())
        create_study(settings.workspace, "threshold", opened)
    some = Limits(**{"patience_minutes": 0.0, **limits})
    chat = Chat(endpoint.url, "tiny", "", some)
    return await drive(settings, "threshold", chat, some, connect=connect)


def said(settings: Settings) -> list[str]:
    """Return what the notebook says of the drives."""
    study = StudyShelf(settings.workspace).read("threshold")
    return [note.text for _, note in study.only(Note) if note.kind == "run"]


def results(endpoint: ChatEndpoint) -> list[str]:
    """Return the results of all tools that the model was shown last."""
    return [m["content"] for m in endpoint.bodies[-1]["messages"] if m["role"] == "tool"]


@pytest.mark.child
async def test_an_honest_model_works_with_the_servers_tools_and_its_end_is_in_the_notebook(
    settings: Settings,
) -> None:
    source = "from variants.topk import TopK\n\n\nclass Mine(TopK):\n    pass\n"
    script = [
        calls(("read_study", {"study": "threshold"}), ("create_sandbox", BOX)),
        calls(
            ("read_sandbox_file", {"sandbox": "box", "path": "AGENTS.md"}),
            ("write_variant", {"sandbox": "box", "name": "mine", "source": source}),
            ("list_variants", {"sandbox": "box"}),
        ),
        FINISH,
    ]
    with ChatEndpoint(script) as endpoint:
        found = await run(settings, endpoint, connect=None)
        assert (found.end, found.summary) == ("finished", "Nothing was supported.")
        first = endpoint.bodies[0]
        assert first["messages"][0]["role"] == "system"
        assert "threshold" in first["messages"][1]["content"]
        names = {tool["function"]["name"] for tool in first["tools"]}
        assert {"read_study", "run_variants", "write_variant", "finish"} <= names
        shown = results(endpoint)
        assert "Does a threshold help?" in shown[0]
        assert "mine (yours" in shown[4]
    assert (settings.workspace / "sandboxes/box/variants/mine.py").read_text("utf-8") == source
    assert "3 answers, 3,000 input" in said(settings)[0]
    assert "which nothing here checks" in said(settings)[0]


@pytest.mark.child
async def test_a_cheating_model_reaches_nothing_but_its_variants(
    settings: Settings, tmp_path: Path
) -> None:
    settings.workspace.mkdir(parents=True, exist_ok=True)
    secret = settings.workspace / "secret.txt"
    secret.write_text("hidden words", "utf-8")
    attempts: list[tuple[str, Any]] = [
        ("create_sandbox", BOX),
        ("write_variant", {"sandbox": "box", "name": "topk", "source": "x = 1"}),
        ("write_variant", {"sandbox": "box", "name": "../results/x", "source": "x = 1"}),
        ("read_sandbox_file", {"sandbox": "box", "path": "../../secret.txt"}),
        ("read_sandbox_file", {"sandbox": "box", "path": str(secret)}),
        ("run_shell", {"command": "true"}),
        ("read_study", "{not json"),
        ("read_study", "[1]"),
        ("write_variant", {"sandbox": "box", "name": "x", "source": 7}),
    ]
    with ChatEndpoint([calls(*attempts), FINISH]) as endpoint:
        assert (await run(settings, endpoint)).end == "finished"
        shown = results(endpoint)
    assert all(text.startswith(("bad_request", "unknown_name")) for text in shown[1:]), shown
    assert "hidden words" not in "".join(shown)


@pytest.mark.child
@pytest.mark.parametrize(
    ("script", "limits", "end", "words"),
    [
        ([says("Shall I go on?")], {}, "idle", "called no tool 4 times"),
        ([calls(("list_jobs", {}))], {}, "repeats", "repeated one call of list_jobs"),
        (
            [calls(("list_jobs", {}))],
            {"usd": 0.02, "input_price": 1.0, "output_price": 1.0},
            "limit",
            "over its limit of $0.02",
        ),
        ([says("More."), calls(("list_jobs", {}))], {"steps": 2}, "limit", "limit of 2 answers"),
    ],
    ids=["lazy", "endless", "over-spending", "long"],
)
async def test_a_model_that_does_not_end_is_ended_and_the_notebook_says_why(
    settings: Settings, script: list[Script], limits: dict[str, Any], end: str, words: str
) -> None:
    with ChatEndpoint(script) as endpoint:
        assert (await run(settings, endpoint, **limits)).end == end
    assert words in said(settings)[0]


@pytest.mark.child
async def test_a_model_that_answers_strangely_is_told_so_and_ends_in_the_notebook(
    settings: Settings,
) -> None:
    script = [
        calls(("list\ud800jobs", {}), ("list_jobs", '{"limit": ' + "[" * 100_000 + "}")),
        calls(*[("list_jobs", {"limit": number}) for number in range(1, 60)]),
        calls(("finish", {"summary": "\x1b[31mred \ud800" + "x" * 9_000})),
    ]
    with ChatEndpoint(script) as endpoint:
        found = await run(settings, endpoint)
        assert found.end == "finished" and len(found.summary) == 2_000
        assert found.summary.isprintable()
        sent = endpoint.bodies[-1]["messages"]
    assert "there is no tool 'list?jobs'" in sent[3]["content"]
    assert "the arguments are not JSON" in sent[4]["content"]
    assert sent[-1]["content"].startswith("Only the first 32 calls of your answer were made")
    assert "[31mred" in said(settings)[0]


@pytest.mark.child
async def test_a_drive_goes_on_after_its_endpoint_failed_and_after_it_was_killed(
    settings: Settings,
) -> None:
    path = settings.state / "drives/threshold.jsonl"
    with ChatEndpoint([calls(("list_jobs", {})), FINISH]) as endpoint:
        endpoint.service.fault = Fault("reset")
        assert (await run(settings, endpoint)).end == "endpoint"
        endpoint.service.fault = None
        # As a kill leaves it: the call is on disk, its result is not, and a line is torn.
        transcript = Transcript(path)
        transcript.append(calls(("read_study", {"study": "threshold"})))
        with path.open("ab") as file:
            file.write(b'{"message": {"ro')
        assert (await run(settings, endpoint)).end == "finished"
        assert "Does a threshold help?" in results(endpoint)[0]
    assert "The endpoint gave no usable answer" in said(settings)[0]
    assert len(said(settings)) == 2


@pytest.mark.child
async def test_what_is_wrong_with_an_endpoint_is_in_the_notebook_and_nothing_is_lost(
    settings: Settings,
) -> None:
    faults = {
        "HTTP 429": Fault("status", status=429, retry_after="3600"),
        "no answer within 0.3 s": Fault("hang"),
        "its answer is not JSON": Fault("garbage"),
        "Choose a model that supports tools": Fault("status", status=400),
    }

    def breaks(messages: list[dict[str, Any]]) -> dict[str, Any]:
        endpoint.service.fault = next(iter(faults.values()))
        return calls(("list_jobs", {}))

    with ChatEndpoint([breaks, FINISH]) as endpoint:
        for fault in faults.values():
            endpoint.service.fault = fault if endpoint.asked else None
            assert (await run(settings, endpoint, answer_seconds=0.3)).end == "endpoint"
        endpoint.service.fault = None
        assert (await run(settings, endpoint)).end == "finished"
        assert len(results(endpoint)) == 1, "it goes on after the call that was made at first"
    for words, text in zip(faults, said(settings), strict=False):
        assert words in text
    assert len(said(settings)) == len(faults) + 1


def test_a_damaged_transcript_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"message": {"role": "user"}}\nnonsense\n', "utf-8")
    with pytest.raises(StorageFailed, match="Line 2"):
        Transcript(tmp_path / "s.jsonl")


def test_a_long_conversation_keeps_its_task_and_its_newest_messages() -> None:
    messages = [{"role": role, "content": "x" * 50} for role in ("system", "user")]
    for at in range(20):
        messages += [
            {"role": "assistant", "content": f"{at}"},
            {"role": "tool", "content": "y" * 300},
        ]
    kept = fitting(messages, 2_000)
    assert kept[:2] == messages[:2]
    assert "read_study" in kept[2]["content"]
    assert kept[3]["role"] == "assistant"
    assert kept[-1] == messages[-1]
    assert sum(len(m["content"]) for m in kept) < 2_000

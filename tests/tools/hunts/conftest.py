"""A workspace with an SAE that has every planted feature, and its trusted side in this process."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.planted_sae import put_planted_sae
from pydantic import BaseModel

from fumehood_tools.hunts.__main__ import answer
from fumehood_tools.hunts.bench import HuntBench
from fumehood_tools.hunts.host import A
from fumehood_tools.hunts.journal import Hunt
from fumehood_tools.hunts.messages import Question
from fumehood_tools.hunts.opening import open_hunt
from fumehood_tools.hunts.sae import HuntedSae, find_sae, setup_of
from fumehood_tools.settings import Settings

SAE = "box/standard"


class Here:
    """The trusted side, without a process of its own. asked: the questions that reached it."""

    def __init__(self, bench: HuntBench) -> None:
        self.bench, self.asked = bench, list[Question]()

    def ask(self, sae: HuntedSae, question: Question, form: type[A]) -> A:
        """Answer as the process does: what crosses the border is JSON."""
        self.asked.append(question)
        with self.bench.at_work():
            found: BaseModel = answer(self.bench, question)
        return form.model_validate_json(found.model_dump_json())


class World:
    """A workspace, the truth, and a way to open hunts."""

    def __init__(self, settings: Settings, latents: dict[int, int], host: Here) -> None:
        self.settings, self.latents, self.host = settings, latents, host
        self._opened = 0

    def open(self, name: str | None = None, *, questions: int = 16, **more: object) -> Hunt:
        """Open a hunt of a new name."""
        self._opened += 1
        draw = random.Random(self._opened)
        words = more.get("words")
        assert words is None or isinstance(words, list)
        name = name or f"hunt{self._opened}"
        return open_hunt(self.settings, self.host, name, SAE, words, questions, draw)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hunts")
    settings = Settings(workspace=folder / "ws", cache=shared_cache)
    latents = put_planted_sae(settings)
    setup = setup_of(settings, find_sae(settings, SAE), folder / "scratch")
    with HuntBench(setup) as bench:
        yield World(settings, latents, Here(bench))

"""A hunt on SmolLM2: the first letter of a word, with labels of our own on unseen documents."""

import time
from contextlib import closing
from pathlib import Path

import pytest
from fakes.hunters import find_letter
from fakes.sandbox_files import leave_out_probing

from fumehood_tools.hunts.answering import give_answer
from fumehood_tools.hunts.asking import ask
from fumehood_tools.hunts.host import HuntHost
from fumehood_tools.hunts.journal import read_hunt
from fumehood_tools.hunts.messages import ActiveLatent, ActiveLatents
from fumehood_tools.hunts.opening import open_hunt
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.child, pytest.mark.slow]


def ended(store: JobStore, job: Job) -> None:
    end = time.monotonic() + 3_600
    while job.finished is None:
        assert time.monotonic() < end, store.read_log(job.job_id)
        time.sleep(1)
        job = store.get(job.job_id)
    assert job.status == "succeeded", store.read_log(job.job_id)


def test_first_letters_are_hunted_in_an_sae_of_a_language_model(
    tmp_path: Path, shared_cache: Path
) -> None:
    settings = Settings(workspace=tmp_path / "ws", cache=shared_cache)
    box = create_sandbox(settings, "lm", train_tokens=40_000, eval_tokens=2_032)
    leave_out_probing(box.folder)
    with closing(JobStore(settings.state)) as store:
        ended(store, start_run(settings, store, "lm", ["topk"], [0]).job)
        host = HuntHost(settings)
        try:
            hunt = open_hunt(settings, host, "h", "lm/topk", ["s", "p", "m"])
            for repeat, concept in enumerate(hunt.opened.concepts, 1):

                def active(repeat: int = repeat, **asked: str) -> list[ActiveLatent]:
                    found = ask(settings, host, "h", repeat, **asked).found  # type: ignore[arg-type]
                    assert isinstance(found, ActiveLatents)
                    return found.latents

                latent = find_letter(concept.word, active) if repeat < 3 else None
                job = give_answer(settings, store, "h", repeat, latent).job
        finally:
            host.close()
        assert job is not None
        ended(store, job)
    found = read_hunt(settings.workspace, "h").score
    assert found is not None
    for one in found.repeats:
        assert one.positives >= 30 and one.tokens == 40 * 127
        assert abs(one.detection.random - 0.5) < 0.01
        assert one.detection.best is not None and one.detection.best > 0.55
        assert one.steering.best is not None and one.steering.best > one.steering.random
    assert found.repeats[2].score in (0, None)

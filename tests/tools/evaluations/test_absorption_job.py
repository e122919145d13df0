"""sae-bench's absorption evaluation as a job, on a small language model that knows letters."""

import json
import random
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.sandbox_files import leave_out_probing

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.evaluations.start import start_evaluations
from fumehood_tools.jobs import Job, JobStore
from fumehood_tools.receipts.audit import audit
from fumehood_tools.runs import start_run
from fumehood_tools.sandbox.create import create_sandbox
from fumehood_tools.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.child]
LETTERS, EACH = "abcdefghijklmnopqrstuvwxyz", 40
GIVEN = ("<s>", "Ċ", "Ġhas", "Ġthe", "Ġfirst", "Ġletter", ":")


def words() -> list[str]:
    draw = random.Random(0)
    return [letter + "".join(draw.choices(LETTERS, k=5)) for letter in LETTERS for _ in range(EACH)]


def write_subject(folder: Path) -> None:
    """Write a llama of 2 layers with a token per word, whose embedding says the first letter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from tokenizers import Tokenizer, decoders
        from tokenizers.models import WordLevel
        from tokenizers.pre_tokenizers import ByteLevel
        from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    every = dict.fromkeys(
        [*GIVEN, *(f"Ġ{one}" for one in LETTERS.upper()), *(f"Ġ{one}" for one in words())]
    )
    known = {token: number for number, token in enumerate(every)}
    tokenizer = Tokenizer(WordLevel(known, "<s>"))
    tokenizer.pre_tokenizer, tokenizer.decoder = (
        ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="<s>", unk_token="<s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(known),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        bos_token_id=0,
        eos_token_id=0,
    )
    model: Any = LlamaForCausalLM(config)
    with torch.no_grad():
        for token, number in known.items():
            if token[:1] == "Ġ" and token[1:2].lower() in LETTERS:
                model.model.embed_tokens.weight[number, LETTERS.index(token[1].lower())] += 1
    model.save_pretrained(folder)


def write_corpus(path: Path) -> None:
    draw, every = random.Random(1), words()
    texts = [" " + " ".join(draw.choices(every, k=120)) for _ in range(300)]
    path.write_text("".join(json.dumps({"text": one}) + "\n" for one in texts), encoding="utf-8")


def test_sae_bench_measures_absorption_with_the_encoder_behind_the_glass(
    tmp_path: Path, shared_cache: Path, ended: Callable[..., Job]
) -> None:
    (cache := tmp_path / "cache").mkdir()
    (shared_cache / "kernels").mkdir(exist_ok=True)
    (cache / "kernels").symlink_to(shared_cache / "kernels")
    settings = Settings(workspace=tmp_path / "ws", cache=cache)
    write_subject(tmp_path / "llama")
    write_corpus(tmp_path / "texts.jsonl")
    box = create_sandbox(
        settings,
        "box",
        subject=str(tmp_path / "llama"),
        layer=0,
        corpus=str(tmp_path / "texts.jsonl"),
        dict_size=128,
        train_tokens=15_000,
        eval_tokens=2_032,
    )
    leave_out_probing(box.folder)
    with closing(JobStore(settings.state)) as jobs:
        run = start_run(settings, jobs, "box", ["topk"], [0])
        assert ended(jobs, run.job).status == "succeeded", jobs.read_log(run.job.job_id)
        asked = ["sae-bench:absorption"]
        job = ended(jobs, start_evaluations(settings, jobs, "box", asked).job)
        assert job.status == "succeeded", (job.error, jobs.read_log(job.job_id))
        assert start_evaluations(settings, jobs, "box", asked).recorded == 1
    [score] = Shelf(settings.state).collect(box.results).scores.values()
    found = {key.partition("__")[2]: value for key, value in score.metrics.items() if "__" in key}
    assert found["letters"] >= 20 and found["probe_f1"] > 0.8
    assert 0 <= found["full"] <= 1 and 0 <= found["fraction"] <= 1
    report, _ = audit(settings.workspace)
    assert report.is_sound and report.others == {"evaluation": 1}
    assert not list(Path.cwd().glob("artifacts")), "sae-bench wrote into its scratch folder only"

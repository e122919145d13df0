"""Harvest speed against TransformerLens and Hugging Face: `python benchmarks/harvest.py [--quick]`.

All contenders read the residual stream of layer 10 of SmolLM2-135M on the same rows, one after the
other in one process, each for some seconds after one warm-up batch. The limit is this machine's
measured matmul rate in the dtype used; a token costs 2 FLOP per parameter up to the site.
The last line is the result: harvest E.E x TransformerLens (bf16), F.F x (fp32).
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import torch  # noqa: E402

from fumehood_tools.harvest.engine import ModelReader  # noqa: E402
from fumehood_tools.machine import RealDtype, matmul_gflops, read_machine  # noqa: E402
from fumehood_tools.sandbox.spec import SubjectSpec  # noqa: E402
from fumehood_tools.settings import load_settings  # noqa: E402
from fumehood_tools.subjects import hook_name  # noqa: E402
from fumehood_tools.subjects.loading import load_language_model, model_source  # noqa: E402
from fumehood_tools.subjects.sites import find_blocks  # noqa: E402

SUBJECT = SubjectSpec()
ROWS, CONTEXT = 32, 128
PEER = "TransformerLens, stop_at_layer"


class Row(NamedTuple):
    """One contender: rate in tokens per second, share of the matmul limit."""

    name: str
    dtype: RealDtype
    rate: float
    share: float


def main() -> None:
    """Print the table and the result line."""
    parser = argparse.ArgumentParser(description="Harvest speed against its peers")
    parser.add_argument("--quick", action="store_true", help="8 rows, 3 s per contender")
    quick = parser.parse_args().quick
    rows_count, seconds = (8, 3.0) if quick else (ROWS, 20.0)
    cache = load_settings().cache
    machine = read_machine(cache)
    device = "cuda" if machine.cuda else "cpu"
    print(f"{machine.cuda or machine.processor}, {machine.cores} threads, torch {machine.torch}")
    tokens_BT = torch.randint(3, 40_000, (rows_count, CONTEXT), device=device)
    flops = 2 * _parameters(cache)
    rows: list[Row] = []
    for name, dtype, build in _contenders(cache, device, machine.fast_dtype):
        rate = _tokens_per_second(build(), tokens_BT, seconds)
        limit = matmul_gflops(dtype, device) * 1e9
        rows.append(Row(name, dtype, rate, rate * flops / limit))
    _print(rows)


def _print(rows: list[Row]) -> None:
    peer = next(row.rate for row in rows if row.name == PEER)
    print(f"{'contender':34}{'dtype':>10}{'tok/s':>9}{'of limit':>10}{'ratio':>8}")
    for row in rows:
        ratio = f"{row.rate / peer:.2f}"
        print(f"{row.name:34}{row.dtype:>10}{row.rate:>9,.0f}{row.share:>10.0%}{ratio:>8}")
    ours = {row.dtype: row.rate / peer for row in rows if row.name == "fumehood"}
    bf16 = f"{ours['bfloat16']:.1f}" if "bfloat16" in ours else "-"
    note = "bf16" if "bfloat16" in ours else "bf16: emulated by this processor"
    print(f"harvest {bf16} x TransformerLens ({note}), {ours['float32']:.1f} x (fp32)")


def _contenders(
    cache: Path, device: str, fast: RealDtype
) -> list[tuple[str, RealDtype, Callable[[], Callable[[torch.Tensor], Any]]]]:
    def fumehood(dtype: RealDtype) -> Callable[[torch.Tensor], Any]:
        model, _ = load_language_model(SUBJECT, cache, dtype, device)
        return ModelReader(model, SUBJECT.layer, SUBJECT.site).read

    def transformer_lens() -> Callable[[torch.Tensor], Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from transformer_lens.model_bridge import TransformerBridge
        model, tokenizer = load_language_model(SUBJECT, cache, "float32", device)
        source, hook = model_source(SUBJECT, cache), hook_name(SUBJECT.site, SUBJECT.layer)
        bridge = TransformerBridge.boot_transformers(
            source, device=device, dtype=torch.float32, hf_model=model, tokenizer=tokenizer
        )
        wanted = {"names_filter": [hook], "stop_at_layer": SUBJECT.layer + 1}
        return lambda x_BT: bridge.run_with_cache(x_BT, prepend_bos=False, **wanted)[1][hook]

    def whole() -> Callable[[torch.Tensor], Any]:
        model, _ = load_language_model(SUBJECT, cache, "float32", device)
        return lambda x_BT: model(x_BT, output_hidden_states=True).hidden_states[SUBJECT.layer + 1]

    found: list[tuple[str, RealDtype, Callable[[], Callable[[torch.Tensor], Any]]]] = [
        (PEER, "float32", transformer_lens),
        ("Hugging Face, output_hidden_states", "float32", whole),
        ("fumehood", "float32", lambda: fumehood("float32")),
    ]
    if fast == "bfloat16":
        found.append(("fumehood", "bfloat16", lambda: fumehood("bfloat16")))
    return found


def _tokens_per_second(
    read: Callable[[torch.Tensor], Any], tokens_BT: torch.Tensor, seconds: float
) -> float:
    with torch.no_grad():
        float(read(tokens_BT)[0, -1, 0])
        started, done = time.perf_counter(), 0
        while (passed := time.perf_counter() - started) < seconds:
            # Reading a value waits for a GPU to have finished.
            float(read(tokens_BT)[0, -1, 0])
            done += tokens_BT.numel()
    return done / passed


def _parameters(cache: Path) -> int:
    model, _ = load_language_model(SUBJECT, cache)
    blocks = find_blocks(model.base_model, model.config.num_hidden_layers)
    used = blocks[: SUBJECT.layer + 1]
    return sum(one.numel() for one in used.parameters())


if __name__ == "__main__":
    main()

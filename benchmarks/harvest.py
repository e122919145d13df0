"""Harvest speed compared with others: `python benchmarks/harvest.py [--quick] [--rounds N]`.

All contenders read the residual stream of layer 10 of SmolLM2-135M on the same 32 x 128 tokens, and
must agree on it. Peers run in a separate process, as their users run them. Ours runs in a process
with the harvest's settings (fumehood_tools/child_tuning.py); one row shows a peer with these
settings too. Rounds are interleaved: in each round every contender gets a slice of time, so that
other load on the machine affects all equally. The table shows medians over the rounds, ratios to
the faster TransformerLens in float32 within each round, and the share of this machine's matmul rate
in the dtype used (2 FLOP per token and parameter up to the site), measured in each round. On a busy
machine the peers lose more, so the load is shown. The last line is the result: harvest E.E x
TransformerLens (bf16), F.F x (fp32).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from settled import plain_environment, settle  # noqa: E402

ENVIRONMENT = plain_environment()
# Peers run with their users' environment. All else, the matmul limit included, runs settled.
if "peer:" not in " ".join(sys.argv):
    settle()

import torch  # noqa: E402

from fumehood_tools.harvest import Site  # noqa: E402
from fumehood_tools.harvest.engine import ModelReader  # noqa: E402
from fumehood_tools.machine import RealDtype, matmul_gflops, read_machine  # noqa: E402
from fumehood_tools.settings import load_settings  # noqa: E402
from fumehood_tools.spec import SubjectSpec  # noqa: E402
from fumehood_tools.subjects import hook_name  # noqa: E402
from fumehood_tools.subjects.loading import load_language_model, model_source  # noqa: E402
from fumehood_tools.subjects.sites import find_blocks  # noqa: E402

SUBJECT = SubjectSpec()
ROWS, CONTEXT = 32, 128
HOOK = hook_name(SUBJECT.site, SUBJECT.layer)
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.1}
Read = Callable[[torch.Tensor], torch.Tensor]


class Contender(NamedTuple):
    """One row of the table. `place` is the process it runs in: "peer", "settled" or "ours"."""

    label: str
    kind: str
    dtype: RealDtype = "float32"
    rows: int = ROWS
    place: str = "peer"

    @property
    def is_reference(self) -> bool:
        """Whether the contender may be the reference of the ratios."""
        plain = self.place == "peer" and self.dtype == "float32" and self.rows == ROWS
        return plain and self.kind in ("hooked", "bridge")


HOOKED, BRIDGE = "TransformerLens HookedTransformer", "TransformerLens Bridge"
QUICK = (
    Contender(HOOKED, "hooked"),
    Contender(BRIDGE, "bridge"),
    Contender("fumehood", "fumehood", place="ours"),
    Contender("fumehood", "fumehood", "bfloat16", place="ours"),
)
FULL = (
    *QUICK,
    Contender(f"{HOOKED}, 8 rows", "hooked", rows=8),
    Contender(f"{HOOKED}, our settings", "hooked", place="settled"),
    Contender(HOOKED, "hooked", "bfloat16"),
    Contender(BRIDGE, "bridge", "bfloat16"),
    Contender("Hugging Face, output_hidden_states", "whole"),
)


def main() -> None:
    """Print the table and the result line, or serve one process of contenders."""
    parser = argparse.ArgumentParser(description="Harvest speed against its peers")
    parser.add_argument("--quick", action="store_true", help="fewer contenders, under a minute")
    parser.add_argument("--rounds", type=int, help="7, or 3 when quick")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    quick = arguments.quick or bool(os.environ.get("QUICK"))
    rounds, seconds = (3, 1.5) if quick else (7, 3.0)
    rounds = arguments.rounds or rounds
    cache = load_settings().cache
    machine = read_machine(cache)
    device = "cuda" if machine.cuda else "cpu"
    contenders = [one for one in (QUICK if quick else FULL) if _runs_here(one, machine.fast_dtype)]
    print(f"{machine.cuda or machine.processor}, {machine.cores} threads, torch {machine.torch}")
    busy = os.getloadavg()[0]
    print(f"{rounds} rounds of {seconds} s, {ROWS} x {CONTEXT} tokens, load {busy:.1f}", flush=True)
    processes = {place: Process(place, device) for place in {one.place for one in contenders}}
    for one in contenders:
        processes[one.place].load(one)
    rates, limits = measure(contenders, processes, device, rounds, seconds)
    report(contenders, rates, limits, 2 * _parameters(cache))


def _runs_here(contender: Contender, fast: RealDtype) -> bool:
    return contender.dtype in ("float32", fast)


def measure(
    contenders: list[Contender],
    processes: dict[str, "Process"],
    device: str,
    rounds: int,
    seconds: float,
) -> tuple[dict[Contender, list[float]], dict[RealDtype, list[float]]]:
    """Return (contender -> tokens/s, dtype -> FLOP/s), each with one value per round."""
    samples = {one: processes[one.place].loaded() for one in contenders}
    _check(samples)
    rates: dict[Contender, list[float]] = {one: [] for one in contenders}
    limits: dict[RealDtype, list[float]] = {one.dtype: [] for one in contenders}
    for _ in range(rounds):
        for one in contenders:
            rates[one].append(processes[one.place].rate(one, seconds))
        for dtype, found in limits.items():
            found.append(matmul_gflops(dtype, device) * 1e9)
    return rates, limits


def _check(samples: dict[Contender, torch.Tensor]) -> None:
    """Exit if a contender's values differ from ours in float32."""
    ours = next(x for one, x in samples.items() if one.kind == "fumehood")
    for one, x in samples.items():
        error = float((x - ours).norm() / ours.norm())
        if error > TOLERANCE[one.dtype]:
            sys.exit(f"{one.label} in {one.dtype} reads different values: error {error:.3f}")


def report(
    contenders: list[Contender],
    rates: dict[Contender, list[float]],
    limits: dict[RealDtype, list[float]],
    flops: int,
) -> None:
    """Print one line per contender, then the result line."""
    references = [one for one in contenders if one.is_reference]
    peer = max(references, key=lambda one: statistics.median(rates[one]))
    ratio = {
        one: statistics.median(a / b for a, b in zip(rates[one], rates[peer], strict=True))
        for one in contenders
    }
    print(f"{'contender':48}{'dtype':>10}{'tok/s':>9}{'of limit':>10}{'ratio':>8}")
    for one in contenders:
        share = statistics.median(
            rate * flops / limit for rate, limit in zip(rates[one], limits[one.dtype], strict=True)
        )
        rate = statistics.median(rates[one])
        print(f"{one.label:48}{one.dtype:>10}{rate:>9,.0f}{share:>10.0%}{ratio[one]:>8.2f}")
    ours = {one.dtype: ratio[one] for one in contenders if one.kind == "fumehood"}
    fp32 = f"{ours['float32']:.2f} x (fp32)"
    if "bfloat16" in ours:
        print(f"harvest {ours['bfloat16']:.1f} x TransformerLens (bf16), {fp32}")
    else:
        print(f"harvest - x TransformerLens (bf16: emulated by this processor), {fp32}")


class Process:
    """A child process that loads contenders and times one of them on request."""

    def __init__(self, place: str, device: str) -> None:
        command = [sys.executable, __file__, "--serve", f"{place}:{device}"]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )

    def load(self, contender: Contender) -> None:
        """Request that a contender be loaded, without waiting for it."""
        self._say({"load": contender})

    def loaded(self) -> torch.Tensor:
        """Wait for the next requested contender; return the D activations it read at a position."""
        return torch.tensor(self._answer())

    def rate(self, contender: Contender, seconds: float) -> float:
        """Return tokens per second over a slice of time."""
        self._say({"time": contender, "seconds": seconds})
        return float(self._answer())

    def _say(self, content: dict[str, Any]) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(content) + "\n")
        self._child.stdin.flush()

    def _answer(self) -> Any:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            sys.exit("A contender's process ended; see its output above.")
        return json.loads(line)


def serve(where: str) -> None:
    """Answer the requests on stdin until it is closed."""
    place, device = where.split(":")
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    draw = torch.Generator().manual_seed(0)
    tokens_BT = torch.randint(3, 40_000, (ROWS, CONTEXT), generator=draw).to(device)
    models: dict[tuple[str, str], Read] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        one = Contender(*(asked.get("load") or asked["time"]))
        key = (one.kind, one.dtype)
        if "load" in asked:
            models[key] = models.get(key) or BUILD[one.kind](one.dtype, device)
            with torch.no_grad():
                answer: Any = models[key](tokens_BT)[0, -1].float().tolist()
        else:
            answer = _tokens_per_second(models[key], tokens_BT[: one.rows], asked["seconds"])
        stream.write(json.dumps(answer) + "\n")
        stream.flush()


def _tokens_per_second(read: Read, tokens_BT: torch.Tensor, seconds: float) -> float:
    with torch.no_grad():
        started, done = time.perf_counter(), 0
        while (passed := time.perf_counter() - started) < seconds:
            # Reading a value waits until the GPU has finished.
            float(read(tokens_BT)[0, -1, 0])
            done += tokens_BT.numel()
    return done / passed


def _fumehood(dtype: RealDtype, device: str) -> Read:
    model, _ = load_language_model(SUBJECT, load_settings().cache, dtype, device)
    site = Site(layer=SUBJECT.layer, site=SUBJECT.site)
    reader = ModelReader(model, [site])
    return lambda x_BT: reader.read(x_BT, [site])[0]


def _whole(dtype: RealDtype, device: str) -> Read:
    model, _ = load_language_model(SUBJECT, load_settings().cache, dtype, device)
    return lambda x_BT: model(x_BT, output_hidden_states=True).hidden_states[SUBJECT.layer + 1]


def _bridge(dtype: RealDtype, device: str) -> Read:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformer_lens.model_bridge import TransformerBridge
    cache = load_settings().cache
    model, tokenizer = load_language_model(SUBJECT, cache, dtype, device)
    bridge = TransformerBridge.boot_transformers(
        model_source(SUBJECT, cache),
        device=device,
        dtype=getattr(torch, dtype),
        hf_model=model,
        tokenizer=tokenizer,
    )
    return _cached(bridge)


def _hooked(dtype: RealDtype, device: str) -> Read:
    """Build a HookedTransformer from an explicit config: TransformerLens knows only some names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformer_lens import HookedTransformer, HookedTransformerConfig
        from transformer_lens.pretrained.weight_conversions import convert_llama_weights
    model, tokenizer = load_language_model(SUBJECT, load_settings().cache, dtype, device)
    held: Any = model.config
    config = HookedTransformerConfig(
        n_layers=held.num_hidden_layers,
        d_model=held.hidden_size,
        n_ctx=min(held.max_position_embeddings, 2048),
        d_head=held.hidden_size // held.num_attention_heads,
        n_heads=held.num_attention_heads,
        n_key_value_heads=held.num_key_value_heads,
        d_mlp=held.intermediate_size,
        d_vocab=held.vocab_size,
        act_fn="silu",
        normalization_type="RMS",
        eps=held.rms_norm_eps,
        positional_embedding_type="rotary",
        rotary_dim=held.hidden_size // held.num_attention_heads,
        rotary_base=int(held.rope_parameters["rope_theta"]),
        rotary_adjacent_pairs=False,
        gated_mlp=True,
        final_rms=True,
        original_architecture="LlamaForCausalLM",
        device=device,
        dtype=getattr(torch, dtype),
        model_name=SUBJECT.name,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        hooked = HookedTransformer(config, tokenizer=tokenizer, default_padding_side="right")
    hooked.load_and_process_state_dict(
        convert_llama_weights(model, config),
        fold_ln=False,
        center_writing_weights=False,
        center_unembed=False,
        fold_value_biases=False,
    )
    return _cached(hooked.eval())


def _cached(model: Any) -> Read:
    wanted = {"names_filter": [HOOK], "stop_at_layer": SUBJECT.layer + 1}
    return lambda x_BT: model.run_with_cache(x_BT, prepend_bos=False, **wanted)[1][HOOK]


BUILD: dict[str, Callable[[RealDtype, str], Read]] = {
    "fumehood": _fumehood,
    "whole": _whole,
    "bridge": _bridge,
    "hooked": _hooked,
}


def _parameters(cache: Path) -> int:
    model, _ = load_language_model(SUBJECT, cache)
    blocks = find_blocks(model.base_model, model.config.num_hidden_layers)
    used = blocks[: SUBJECT.layer + 1]
    return sum(one.numel() for one in used.parameters())


if __name__ == "__main__":
    main()

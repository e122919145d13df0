"""Training speed against `dictionary_learning.trainSAE`, in one run on the same activations.

usage: python benchmarks/train.py [--dict-size 1536] [--tokens 100000] [--threads 1] [--variants …]

Per baseline: tokens/s of fumehood's training child and of the library's own `trainSAE`, each in a
process of its own, one after the other, same activations, seed, batch size, steps and learning
rate; the share of this machine's measured fp32 matmul limit (a dense step costs 12 D F per token);
and the explained variance that both end with on the evaluation split. Start-up is not counted.
The library's Standard is an AutoEncoder with another initialisation than BaseSAE (unit decoder
columns, no decoder bias), so in short runs these two end at different values.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "sandbox_template" / "sae" / "core"
VARIANTS = ROOT / "sandbox_template" / "sae" / "variants"
PEER = Path(__file__).with_name("train_peer.py")


class Measured(NamedTuple):
    """One training."""

    tokens_per_s: float
    explained_variance: float


def activations() -> dict[str, Any]:
    """Return the default activations, harvested if the cache has none."""
    from fumehood_tools.runs.harvesting import harvest
    from fumehood_tools.sandbox.spec import SandboxSpec
    from fumehood_tools.settings import load_settings

    spec = SandboxSpec()
    without_probing = spec.scoring.model_copy(update={"probing_tasks": ()})
    with tempfile.TemporaryDirectory() as folder:
        asked = spec.model_copy(update={"scoring": without_probing})
        settings = load_settings().model_copy(update={"device": "cpu"})
        found = harvest(asked, settings, Path(folder))
    return found.activations.model_dump(mode="json")


def matmul_limit(threads: int) -> float:
    """Return this machine's fp32 matmul rate in FLOP/s at a training step's shape."""
    import torch

    torch.set_num_threads(threads)
    a, b = torch.randn(2048, 576), torch.randn(576, 4096)
    best = 1e9
    for _ in range(8):
        started = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - started)
    return 2 * 2048 * 576 * 4096 / best


def training_spec(
    name: str, data: dict[str, Any], arguments: argparse.Namespace, out: Path
) -> dict[str, Any]:
    """Return the spec of one training, read by core/train.py and by the peer."""
    steps = arguments.tokens // arguments.batch_size
    return {
        "variant": str(VARIANTS / f"{name}.py"),
        "train_shards": data["train_shards"],
        "scale": data["scale"],
        "activation_dim": data["d_model"],
        "dict_size": arguments.dict_size,
        "seed": 0,
        "steps": steps,
        "batch_size": arguments.batch_size,
        "lr": 2e-3,
        "l1_penalty": 0.06,
        "warmup_steps": max(1, steps // 20),
        "sparsity_warmup_steps": max(1, steps // 10),
        "decay_start": int(0.8 * steps),
        "layer": 10,
        "lm_name": "smollm2-135m",
        "site": "resid_post",
        "threads": arguments.threads,
        "device": "cpu",
        "out": str(out),
        "eval_shards": data["eval_shards"],
    }


def run(script: Path, spec: dict[str, Any], out: Path) -> None:
    """Run one training process; its output is shown only when it fails."""
    path = out / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    threads = str(spec["threads"])
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(script), str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{script.name} failed:\n{done.stdout}{done.stderr}")


def measure(
    script: Path, name: str, data: dict[str, Any], arguments: argparse.Namespace
) -> Measured:
    """Train once and return the speed and what the SAE explains."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        spec = training_spec(name, data, arguments, out)
        run(script, spec, out)
        log = (out / "train_log.jsonl").read_text(encoding="utf-8")
        last = json.loads(log.splitlines()[-1])
        explained = last.get("explained_variance")  # the peer's SAE is of the library's own class
        if explained is None:
            explained = variant_explains(spec, out / "sae.safetensors")
        return Measured(last["tokens_per_s"], explained)


def variant_explains(spec: dict[str, Any], weights: Path) -> float:
    """Return what a variant with trained weights explains on the evaluation split."""
    from explained import explained_variance
    from safetensors.torch import load_file

    from core.loading import build_sae, load_variant

    module = load_variant(Path(spec["variant"]))
    sae = build_sae(module, spec["activation_dim"], spec["dict_size"])
    sae.load_state_dict(load_file(weights), strict=True)
    return explained_variance(sae, spec)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dict-size", type=int, default=1536)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--variants", nargs="+", default=["topk", "batch_topk", "standard", "gated", "jumprelu"]
    )
    arguments = parser.parse_args()
    sys.path.insert(0, str(CORE.parent))
    data = activations()
    limit = matmul_limit(arguments.threads)
    flops = 12 * data["d_model"] * arguments.dict_size
    print(
        f"D {data['d_model']}, F {arguments.dict_size}, batch {arguments.batch_size}, "
        f"{arguments.tokens:,} tokens, {arguments.threads} thread(s); fp32 matmul limit "
        f"{limit / 1e9:.0f} GFLOP/s"
    )
    print(
        f"{'':12} {'fumehood':>10} {'trainSAE':>10} {'ratio':>6} {'of limit':>9}  EV ours / theirs"
    )
    ratios = []
    for name in arguments.variants:
        ours = measure(CORE / "train.py", name, data, arguments)
        theirs = measure(PEER, name, data, arguments)
        ratios.append(f"{name} {ours.tokens_per_s / theirs.tokens_per_s:.2f} x trainSAE")
        print(
            f"{name:12} {ours.tokens_per_s:10,.0f} {theirs.tokens_per_s:10,.0f} "
            f"{ours.tokens_per_s / theirs.tokens_per_s:6.2f} "
            f"{ours.tokens_per_s * flops / limit:9.0%}  "
            f"{ours.explained_variance:.4f} / {theirs.explained_variance:.4f}",
            flush=True,
        )
    print(", ".join(ratios))


if __name__ == "__main__":
    main()

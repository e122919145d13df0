"""Training speed compared with the libraries' own trainers: `python benchmarks/train.py`.

All trainers train the same SAE (same activations, initial weights, sizes, schedule, number of
threads), each in a separate process, one after another: first dictionary_learning's trainSAE, then
our core/train.py, and for TopK also SAELens' SAETrainer and sparsify's SparseCoder. Rates are
measured from the first batch to the last step and include reading the data. Ours trains in the
number type that was measured to be faster on this machine; FUMEHOOD_DTYPE=float32 overrides it.

"of limit" is the share of this machine's matmul rate, measured at the start with one shape in the
number type used. A dense step costs 12 D F FLOP per token, a sparse step the encoder's 2 D F and
little more.
JumpReLU's first steps amplify rounding errors, as its penalty is in the thousands there. Its final
explained variance changes by 0.003 with the seed, so it is the mean over three seeds on both sides.
QUICK=1 uses a fifth of the tokens and one seed: the speeds are valid, but the explained variances
are those of barely trained SAEs. The last line is the result.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
BENCHMARKS = ROOT / "benchmarks"
TEMPLATE = ROOT / "sandbox_template"
OURS = TEMPLATE / "core" / "train.py"
SPARSE = ("topk", "batch_topk", "matryoshka")
DENSE = ("standard", "gated", "jumprelu")
OTHERS = ("saelens", "sparsify")
# Variants that are trained with several seeds, since one training says too little.
SEEDS = {"jumprelu": 3}
# Packages installed only for this benchmark, outside the project's environment.
PEERS = ROOT / "build" / "peers"
PEER_PACKAGES = (
    "eai-sparsify==1.3.3",
    "natsort==8.4.0",
    "simple-parsing==0.1.9",
    "docstring-parser==0.18.0",
    "schedulefree==1.4.1",
)


class Measured(NamedTuple):
    """One training: tokens per second, final explained variance, number type."""

    tokens_per_s: float
    explained_variance: float
    arithmetic: str


def activations() -> dict[str, Any]:
    """Return the default activations; harvest them if they are not in the cache."""
    from fumehood_tools.runs.harvesting import harvest
    from fumehood_tools.settings import load_settings
    from fumehood_tools.spec import SandboxSpec

    spec = SandboxSpec()
    without_probing = spec.scoring.model_copy(update={"probing_tasks": ()})
    with tempfile.TemporaryDirectory() as folder:
        asked = spec.model_copy(update={"scoring": without_probing})
        settings = load_settings().model_copy(update={"device": "cpu"})
        found = harvest(asked, settings, Path(folder))
    return {
        **found.activations.model_dump(mode="json"),
        "arithmetic": found.arithmetic,
        "integer_screening": found.integer_screening,
    }


def training_spec(name: str, data: dict[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    """Return the spec of one training, read by core/train.py and by the peers."""
    steps = max(2, asked.tokens // asked.batch_size)
    return {
        "variant": str(TEMPLATE / "sae" / "variants" / f"{name}.py"),
        "train_shards": data["train_shards"],
        "eval_shards": data["eval_shards"],
        "scale": data["scale"],
        "activation_dim": data["d_model"],
        "dict_size": asked.dict_size,
        "seed": asked.seed,
        "steps": steps,
        "batch_size": asked.batch_size,
        "lr": 2e-3,
        "l1_penalty": 0.06,
        "warmup_steps": max(1, steps // 20),
        "sparsity_warmup_steps": max(1, steps // 10),
        "decay_start": int(0.8 * steps),
        "layer": 10,
        "lm_name": "smollm2-135m",
        "site": "resid_post",
        "threads": asked.threads,
        "device": "cpu",
        "arithmetic": data["arithmetic"],
        "integer_screening": data["integer_screening"],
    }


def run(spec: dict[str, Any], script: Path, *arguments: str) -> dict[str, Any]:
    """Run one training in a separate process; return the last line of its log as a dict.

    For our trainer, the explained variance is added.
    """
    ours = script == OURS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.json"
        path.write_text(json.dumps({**spec, "out": folder}), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-I", "-B", str(script), str(path), *arguments],
            env=environment(spec["threads"], ours),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{script.name} failed:\n{done.stdout}{done.stderr}")
        log = (Path(folder) / "train_log.jsonl").read_text(encoding="utf-8")
        last: dict[str, Any] = json.loads(log.splitlines()[-1])
        if ours:
            last["explained_variance"] = variant_explains(spec, Path(folder) / "sae.safetensors")
    return last


def environment(threads: int, ours: bool) -> dict[str, str]:
    """Return the environment of a training: a nursery's for ours, the user's for a peer's."""
    from fumehood_tools.child_tuning import HEAVY_WORK
    from fumehood_tools.glass import compiled_kernels
    from fumehood_tools.glass.compiled import CACHE_VARIABLE
    from fumehood_tools.settings import load_settings

    count = str(threads)
    found = {**os.environ, "OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count}
    # sparsify uses Triton whenever it is installed, and fails without a GPU.
    found["SPARSIFY_DISABLE_TRITON"] = "1"
    if ours:
        kernels = compiled_kernels(load_settings().cache)
        found |= HEAVY_WORK | ({CACHE_VARIABLE: str(kernels)} if kernels else {})
    return found


def variant_explains(spec: dict[str, Any], weights: Path) -> float:
    """Return the explained variance of a trained variant on the evaluation split."""
    from explained import explained_variance
    from safetensors.torch import load_file

    from core.loading import build_sae, load_variant

    module = load_variant(Path(spec["variant"]))
    sae = build_sae(module, spec["activation_dim"], spec["dict_size"])
    sae.load_state_dict(load_file(weights), strict=True)
    return explained_variance(sae, spec)


def measure(spec: dict[str, Any], contender: str) -> Measured:
    """Train with one contender: fumehood, trainSAE, saelens or sparsify."""
    script = {"fumehood": OURS, "trainSAE": BENCHMARKS / "train_peer.py"}
    arguments = () if contender in script else (contender, str(PEERS))
    last = run(spec, script.get(contender, BENCHMARKS / "train_others.py"), *arguments)
    arithmetic = spec["arithmetic"] if contender == "fumehood" else "float32"
    return Measured(last["tokens_per_s"], last["explained_variance"], arithmetic)


def measure_seeds(spec: dict[str, Any], contender: str, seeds: int) -> Measured:
    """Train with `seeds` seeds; return the first one's rate and the mean explained variance."""
    found = [measure({**spec, "seed": spec["seed"] + more}, contender) for more in range(seeds)]
    if seeds > 1:
        ends = " ".join(f"{one.explained_variance:.4f}" for one in found)
        print(f"{'':12}{contender:>10}  EV by seed: {ends}", flush=True)
    mean = statistics.fmean(one.explained_variance for one in found)
    return found[0]._replace(explained_variance=mean)


def install_peers() -> None:
    """Install sparsify and the packages that it imports into PEERS, without dependencies."""
    if not (PEERS / "sparsify").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*command, "--target", str(PEERS), *PEER_PACKAGES], check=True)


class Table:
    """Prints one row per training and computes its ratios."""

    def __init__(self, asked: argparse.Namespace, width: int) -> None:
        import torch

        from fumehood_tools.machine import matmul_gflops

        torch.set_num_threads(asked.threads)
        sizes = (asked.batch_size, width, asked.dict_size)
        self.dense_flops = 12 * width * asked.dict_size
        self.limits = {
            name: 1e9 * matmul_gflops(name, "cpu", sizes) for name in ("float32", "bfloat16")
        }
        rates = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in self.limits.items())
        print(
            f"D {width}, F {asked.dict_size}, batch {asked.batch_size}, {asked.tokens:,} tokens, "
            f"{asked.threads} thread(s); matmul limit, GFLOP/s: {rates}"
        )
        print(
            f"{'variant':12}{'trainer':>10}{'tokens/s':>10}{'s/100k':>8}{'ratio':>7}"
            f"{'of limit':>10}{'EV':>8}  arithmetic"
        )

    def add(self, name: str, contender: str, found: Measured, reference: Measured) -> float:
        """Print one training; return its rate over the reference's."""
        sparse = contender == "sparsify" or (contender == "fumehood" and name in SPARSE)
        flops = self.dense_flops / (6 if sparse else 1)
        share = found.tokens_per_s * flops / self.limits[found.arithmetic]
        ratio = found.tokens_per_s / reference.tokens_per_s
        print(
            f"{name:12}{contender:>10}{found.tokens_per_s:>10,.0f}"
            f"{1e5 / found.tokens_per_s:>8.1f}{ratio:>7.2f}{share:>10.0%}"
            f"{found.explained_variance:>8.4f}  {found.arithmetic}",
            flush=True,
        )
        return ratio


def main() -> None:
    """Print the table and the result line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    quick = bool(os.environ.get("QUICK"))
    parser.add_argument("--dict-size", type=int, default=4096)
    parser.add_argument("--tokens", type=int, default=40_960 if quick else 204_800)
    parser.add_argument("--batch-size", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variants", nargs="+", default=["topk", "batch_topk", *DENSE])
    asked = parser.parse_args()
    sys.path[:0] = [str(TEMPLATE), str(BENCHMARKS)]
    data = activations()
    install_peers()
    table, ratios = Table(asked, data["d_model"]), {}
    for name in asked.variants:
        spec = training_spec(name, data, asked)
        seeds = 1 if quick else SEEDS.get(name, 1)
        reference = measure_seeds(spec, "trainSAE", seeds)
        table.add(name, "trainSAE", reference, reference)
        ours = measure_seeds(spec, "fumehood", seeds)
        ratios[name] = table.add(name, "fumehood", ours, reference)
        apart = abs(ours.explained_variance - reference.explained_variance)
        if apart > 0.005:
            print(f"{'':12}{'':>10}explained variance differs by {apart:.4f}")
        if name == "topk":
            others = {other: measure(spec, other) for other in OTHERS}
            for other, found in others.items():
                table.add(name, other, found, reference)
            best = max(found.tokens_per_s for found in others.values())
            ratios["best peer"] = ours.tokens_per_s / max(best, reference.tokens_per_s)
    print(result(ratios))


def result(ratios: dict[str, float]) -> str:
    """Return the last line, with the results of the variants that were run."""
    parts = []
    if "topk" in ratios:
        parts.append(f"topk {ratios['topk']:.1f} x trainSAE, {ratios['best peer']:.1f} x best peer")
    if "batch_topk" in ratios:
        parts.append(f"batchtopk {ratios['batch_topk']:.1f} x trainSAE")
    dense = [ratios[name] for name in DENSE if name in ratios]
    if dense:
        parts.append(f"dense {min(dense):.1f} x trainSAE")
    return "; ".join(parts)


if __name__ == "__main__":
    main()

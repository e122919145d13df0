"""TopK transcoders compared with sparsify's SparseCoder: `python benchmarks/train_transcoders.py`.

Both train the same transcoder (MLP of layer 10 of SmolLM2-135M: same activations, targets, initial
weights, sizes, schedule, threads), in turn, each in a process of its own, several rounds; rates are
medians. Ours trains in the number type that was measured to be faster; FUMEHOOD_DTYPE=float32
overrides it. The last line is the result.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from train import BENCHMARKS, OURS, PEERS, ROOT, TEMPLATE, environment, install_peers

sys.path[:0] = [str(ROOT / "tools"), str(TEMPLATE)]


def transcoder_spec(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the spec of a training on the harvest of a transcoder's sandbox."""
    from fumehood_tools.runs.harvesting import harvest
    from fumehood_tools.settings import load_settings
    from fumehood_tools.spec import SandboxSpec

    spec = SandboxSpec(template="transcoder")
    scoring = spec.scoring.model_copy(update={"probing_tasks": ()})
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings().model_copy(update={"device": "cpu"})
        found = harvest(spec.model_copy(update={"scoring": scoring}), settings, Path(folder))
    x, y = found.activations, found.targets
    assert y is not None
    steps = asked.tokens // asked.batch_size
    return {
        "template": "transcoder",
        "variant": str(TEMPLATE / "transcoder" / "variants" / "topk.py"),
        "train_shards": [str(path) for path in x.train_shards],
        "target_shards": [str(path) for path in y.train_shards],
        "eval_shards": [str(path) for path in x.eval_shards],
        "eval_target_shards": [str(path) for path in y.eval_shards],
        "scale": x.scale,
        "target_scale": y.scale,
        "activation_dim": x.d_model,
        "dict_size": asked.dict_size,
        "steps": steps,
        "batch_size": asked.batch_size,
        "lr": 2e-3,
        "warmup_steps": max(1, steps // 20),
        "decay_start": int(0.8 * steps),
        "threads": 1,
        "arithmetic": found.arithmetic,
        "integer_screening": found.integer_screening,
    }


def rate_of(spec: dict[str, Any], ours: bool) -> tuple[float, float]:
    """Return tokens per second and explained variance of one training."""
    script = OURS if ours else BENCHMARKS / "train_transcoder_peer.py"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.json"
        path.write_text(json.dumps({**spec, "out": folder}), encoding="utf-8")
        command = [sys.executable, "-I", "-B", str(script), str(path)]
        environ = environment(spec["threads"], ours)
        subprocess.run([*command, *([] if ours else [str(PEERS)])], env=environ, check=True)
        log = (Path(folder) / "train_log.jsonl").read_text(encoding="utf-8")
        last = json.loads(log.splitlines()[-1])
        if ours:
            command = [sys.executable, "-I", "-B", str(BENCHMARKS / "train_transcoder_peer.py")]
            done = subprocess.run(
                [*command, str(path), "ours"], env=environ, check=True, capture_output=True
            )
            last["explained_variance"] = float(done.stdout)
    return last["tokens_per_s"], last["explained_variance"]


def main() -> None:
    """Print a line per round and the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dict-size", type=int, default=4096)
    parser.add_argument("--tokens", type=int, default=40_960)
    parser.add_argument("--batch-size", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    spec = transcoder_spec(asked)
    install_peers()
    screened = "8-bit integers" if spec["integer_screening"] else spec["arithmetic"]
    print(f"F {asked.dict_size}, batch {asked.batch_size}, {asked.tokens:,} tokens, 1 thread")
    print(f"ours: {spec['arithmetic']}, selections screened in {screened}")
    ratios = []
    for _ in range(asked.rounds):
        theirs, ours = rate_of(spec, ours=False), rate_of(spec, ours=True)
        ratios.append(ours[0] / theirs[0])
        print(
            f"sparsify {theirs[0]:,.0f} tokens/s, EV {theirs[1]:.4f}; fumehood {ours[0]:,.0f}, "
            f"EV {ours[1]:.4f}; {ratios[-1]:.2f} x",
            flush=True,
        )
    print(f"TopK transcoder {statistics.median(ratios):.1f} x sparsify's SparseCoder")


if __name__ == "__main__":
    main()

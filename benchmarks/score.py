"""Compare scoring one more SAE behind the glass with running sae-bench directly.

usage: python benchmarks/score.py [--variants topk standard] [--repeats 3] [--level auto]

Both sides run sae-bench's core evaluation and sparse probing on the same trained SAEs of the
default sandbox (SmolLM2-135M, F 1,536). Each side runs in a separate process that has finished its
imports, with the subject loaded and the activations for probing on disk. Ours also measures
explained variance over all evaluation tokens and the distance from the parent variant, behind the
glass and with every check, on a subject that has been scored before. The sides alternate; medians
are compared.
All metrics must agree, as in tests/tools/scoring/test_agreement.py: closely with sae-bench on
latents rounded to bfloat16 (the form in which they cross the glass), and approximately with
sae-bench on the unchanged variant.
On our side, core runs in parallel with the checks and with probing: `checks` is the time before
core and the time spent waiting for them after core has ended, `probing` that for the probes. A
scorer is started twice, the first time with a cache without the subject's passes.
The last line is the result: score S % of sae-bench's own run (goal: at most 40 %).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

from glass import setup_in, trained

PEER = Path(__file__).with_name("score_peer.py")
STAGES = ("start", "decode", "encode", "core", "checks", "probing")
# Our name of a metric -> its path in sae-bench's results.
SAME = {
    "loss_recovered": ("core", "model_performance_preservation", "ce_loss_score"),
    "ce_clean": ("core", "model_performance_preservation", "ce_loss_without_sae"),
    "ce_ablated": ("core", "model_performance_preservation", "ce_loss_with_ablation"),
    "ce_spliced": ("core", "model_performance_preservation", "ce_loss_with_sae"),
    "sae_bench_explained_variance": ("core", "reconstruction_quality", "explained_variance"),
    "sae_bench_explained_variance_legacy": (
        "core",
        "reconstruction_quality",
        "explained_variance_legacy",
    ),
    "sae_bench_mse": ("core", "reconstruction_quality", "mse"),
    "sae_bench_l1": ("core", "sparsity", "l1"),
    "sae_bench_probing": ("probing", "sae_test_accuracy"),
    "sae_bench_probing_top1": ("probing", "sae_top_1_test_accuracy"),
    "sae_bench_probing_top2": ("probing", "sae_top_2_test_accuracy"),
    "sae_bench_probing_top5": ("probing", "sae_top_5_test_accuracy"),
    "probing_subject": ("probing", "llm_test_accuracy"),
}
FIXED = {"ce_clean": 1e-5, "ce_ablated": 1e-5, "probing_subject": 1e-9}
RELATIVE = ("sae_bench_l1", "sae_bench_mse")


class Tolerance(NamedTuple):
    """The allowed difference of core values and of probe accuracies."""

    core: float
    accuracy: float


ROUNDED, PLAIN = Tolerance(1e-4, 0.003), Tolerance(5e-3, 0.06)


class Speaker:
    """A child process that exchanges JSON lines."""

    def __init__(self, *command: str, **environ: str) -> None:
        self.started = time.perf_counter()
        environment = {
            **os.environ,
            **environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        self.process.wait()

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line and return the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """Return the next answer."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        if "error" in found:
            raise SystemExit(f"scoring failed: {found['error']['message']}")
        return found

    @property
    def age(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started


class Times(NamedTuple):
    """The seconds of all runs of one SAE on both sides, in total and by stage."""

    ours: list[float]
    split: list[dict[str, float]]
    peer: list[float]
    peer_split: list[dict[str, float]]


def apart(ours: dict[str, float], theirs: dict[str, Any], allowed: Tolerance) -> list[str]:
    """Return a phrase for each metric in which the sides differ by more than allowed."""
    found = []
    for name, path in SAME.items():
        value: Any = theirs
        for step in path:
            value = value[step]
        limit = FIXED.get(name, allowed.accuracy if path[0] == "probing" else allowed.core)
        if name in RELATIVE:
            limit *= abs(value)
        if abs(ours[name] - value) > limit:
            found.append(f"{name} {ours[name]:.6g}, sae-bench {value:.6g}")
    return found


def request_for(run: Any, variants: Path) -> Any:
    """Return the scoring request for a trained SAE, with its parent, as in a job."""
    from fumehood_tools.scoring.inertness import find_parent
    from fumehood_tools.scoring.requests import ScoringRequest

    parent = find_parent(run.variant, variants)
    return ScoringRequest(
        name=run.order.variant,
        variant=run.variant,
        weights=run.out / "sae.safetensors",
        out=run.out,
        compare=parent is not None,
        parent=parent.path if parent else None,
    )


def asked(request: Any, *, rounded: bool = False) -> str:
    """Return the request line for the peer that corresponds to one of ours."""
    files = {"variant": str(request.variant), "weights": str(request.weights)}
    return json.dumps({**files, "rounded": rounded})


def compare(scorer: Speaker, peer: Speaker, request: Any, repeats: int) -> Times:
    """Score one SAE on both sides alternately. Ends the run when the metrics do not agree."""
    times = Times([], [], [], [])
    for _ in range(repeats):
        own = scorer.ask(request.model_dump_json())
        direct = peer.ask(asked(request))
        times.ours.append(own["seconds"])
        times.split.append(own["split"])
        times.peer.append(sum(direct["seconds"].values()))
        times.peer_split.append(direct["seconds"])
    rounded = peer.ask(asked(request, rounded=True))
    differing = apart(own["metrics"], rounded, ROUNDED) + apart(own["metrics"], direct, PLAIN)
    if differing:
        raise SystemExit(f"{request.name}: not the same metrics: {'; '.join(differing)}")
    return times


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of every stage."""
    return {name: statistics.median(run.get(name, 0.0) for run in runs) for name in runs[0]}


def print_row(name: str, times: Times) -> float:
    """Print one SAE's row; return our seconds over sae-bench's."""
    split, peer = medians(times.split), medians(times.peer_split)
    ours, theirs = statistics.median(times.ours), statistics.median(times.peer)
    stages = "".join(f"{split.get(stage, 0.0):>10.2f}" for stage in STAGES)
    print(
        f"{name:14}{ours:>7.2f}{stages}{theirs:>11.2f}{peer['core']:>7.2f}{peer['probing']:>9.2f}"
        f"{ours / theirs:>7.0%}",
        flush=True,
    )
    return ours / theirs


class Started(NamedTuple):
    """A scorer that has scored its first SAE; the seconds until it was ready and until then."""

    scorer: Speaker
    ready: float
    first: float


def start_scorer(setup: Any, request: Any) -> Started:
    """Start a scorer as a job does, and let it score one SAE."""
    from fumehood_tools.child_tuning import HEAVY_WORK

    scorer = Speaker("-m", "fumehood_tools.scoring", **HEAVY_WORK)
    scorer.ask(setup.model_dump_json())
    ready = scorer.age
    scorer.ask(request.model_dump_json())
    return Started(scorer, ready, scorer.age)


def in_fresh_cache(setup: Any, folder: Path) -> Any:
    """Return the setup with a cache that has the subject's weights, but none of its passes."""
    folder.mkdir()
    (folder / "subjects").symlink_to(setup.cache / "subjects")
    return setup.model_copy(update={"cache": folder})


def run(setup: Any, requests: list[Any], folder: Path, repeats: int) -> list[float]:
    """Print the table; return our share of sae-bench's time for each SAE."""
    path = folder / "setup.json"
    path.write_text(setup.model_dump_json(), encoding="utf-8")
    cold = start_scorer(setup, requests[0])
    with cold.scorer:
        pass
    warm = start_scorer(setup, requests[0])
    with warm.scorer, Speaker(str(PEER), str(path)) as peer:
        theirs = peer.hear()
        print(f"level {setup.glass}; seconds from the start of a scorer, cold and warm cache:")
        print(f"ready {cold.ready:.1f} and {warm.ready:.1f}, ", end="")
        print(f"first SAE {cold.first:.1f} and {warm.first:.1f}")
        print(f"sae-bench: imports {theirs['imports']:.1f}, subject {theirs['subject']:.1f}")
        print(f"one more SAE, medians of {repeats}, seconds:")
        header = "".join(f"{stage:>10}" for stage in STAGES)
        print(f"{'SAE':14}{'ours':>7}{header}{'sae-bench':>11}{'core':>7}{'probing':>9}")
        peer.ask(asked(requests[0]))
        return [print_row(one.name, compare(warm.scorer, peer, one, repeats)) for one in requests]


def main() -> None:
    """Print one line per SAE, and the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--variants", nargs="+", default=["topk", "standard"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--level", default="auto")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        setup = in_fresh_cache(setup_in(folder, arguments.level), folder / "cache")
        requests = [
            request_for(trained(variant, setup, folder, child=True), folder)
            for variant in arguments.variants
        ]
        shares = run(setup, requests, folder, arguments.repeats)
    print(f"score {statistics.mean(shares):.0%} of sae-bench's own run")


if __name__ == "__main__":
    main()

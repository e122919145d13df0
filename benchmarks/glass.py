"""The cost of the glass: score the same trained SAE behind the glass and in one process.

usage: python benchmarks/glass.py [--variants topk batch_topk standard] [--repeats 3] [--level auto]

Both sides measure the same: our metrics over all evaluation tokens, sae-bench's core evaluation and
its sparse probing, on the default sandbox (SmolLM2-135M, F 1,536). They share the subject's own
forward passes, which are computed beforehand. In one process, the variant is imported next to the
evaluator, which is how sae-bench is usually used, and nothing is checked. The sides alternate;
medians are printed. The goal is a ratio of at most 1.3. Start-up (imports, and 1.5 s per job for
the nursery) is not counted.
"""

import argparse
import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "sandbox_template"


def trained(name: str, setup: Any, folder: Path, *, child: bool = False) -> Any:
    """Return a finished training of a packaged variant.

    child: train a copy that declares the packaged variant as its parent.
    """
    from fumehood_tools.glass import Nursery
    from fumehood_tools.runs.items import RunItem
    from fumehood_tools.runs.orders import order_for, recipe_of
    from fumehood_tools.runs.training import Place, Training

    source = (TEMPLATE / "sae" / "variants" / f"{name}.py").read_bytes()
    if child:
        source += f'\nPARENT = "{name}"\n'.encode()
    item = RunItem(f"like_{name}" if child else name, 0, source, "0" * 16, folder)
    shards = {path.parent for path in setup.activations.train_shards}
    with Nursery(folder / name, level=setup.glass, readable=shards) as nursery:
        place = Place(folder / name / "run", nursery, threads=os.cpu_count() or 1)
        recipe = recipe_of(setup.spec, setup.activations, "cpu", "float32")
        shards = setup.activations.train_shards
        with Training(order_for(item, recipe), shards, place) as training:
            training.child.wait()
            training.finished()
            return training


def in_one_process(scorer: Any, request: Any) -> float:
    """Score without a glass; return the explained variance."""
    import numpy as np
    import torch
    from safetensors.torch import load_file

    from core.loading import build_sae, load_variant
    from fumehood_tools.scoring.bench_sae import GlassSAE, Methods
    from fumehood_tools.scoring.core_eval import run_core
    from fumehood_tools.scoring.latents import pack
    from fumehood_tools.scoring.probing_eval import run_probing
    from fumehood_tools.scoring.probing_texts import TaskRows
    from fumehood_tools.scoring.reconstruction import ReconstructionTotals
    from fumehood_tools.scoring.role_child import Given

    setup, spec = scorer.setup, scorer.setup.spec
    activations, state = setup.activations, load_file(request.weights)
    sizes = (activations.d_model, spec.dict_size)
    with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
        sae = build_sae(load_variant(request.variant), *sizes)
        sae.load_state_dict(state, strict=True)
        sae.eval()
        totals = ReconstructionTotals(*sizes)
        for shard in activations.eval_shards:
            rows = np.load(shard, mmap_mode="r")
            for start in range(0, len(rows), 2048):
                x = torch.from_numpy(np.array(rows[start : start + 2048], dtype=np.float32))
                f = sae.encode(x / activations.scale).bfloat16().float()
                totals.add(x, f, sae.decode(f) * activations.scale)

        def encode(x: torch.Tensor) -> torch.Tensor:
            rounded: torch.Tensor = sae.encode(x).bfloat16().float()
            return rounded

        bench = GlassSAE(
            Given(request.variant, request.weights, *sizes),
            torch.full((spec.dict_size, activations.d_model), float("nan")),
            Methods(encode, sae.decode, activations.scale),
            subject=spec.subject.name,
            layer=spec.subject.layer,
            hook=scorer.hook,
        )
        run_core(bench, scorer.passes, scorer.rows, scorer.ignore, request.out / "core.json")
        sides = []
        for name in scorer.texts.names:
            task = TaskRows(name, scorer.texts.task(name), activations.scale, spec.dict_size)
            for start in range(0, task.rows, 2048):
                numbers = np.arange(start, min(start + 2048, task.rows))
                task.take(numbers, pack(encode(task.read(numbers)).bfloat16()))
            sides.append(task.means())
        run_probing(bench, scorer.texts, sides, spec.scoring, request.out / "sparse_probing.json")
    return totals.result().explained_variance


def seconds(work: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(scorer: Any, request: Any, repeats: int) -> float:
    """Print the seconds of both sides; return their ratio."""
    sides = (lambda: scorer.score(request)), (lambda: in_one_process(scorer, request))
    for work in sides:  # an unmeasured run, which computes the subject's passes and loads code
        work()
    times = [[seconds(work) for work in sides] for _ in range(repeats)]
    glass, plain = (statistics.median(side) for side in zip(*times, strict=True))
    print(
        f"{request.name:12} glass {glass:6.2f}  one process {plain:6.2f}  "
        f"ratio {glass / plain:.2f}",
        flush=True,
    )
    return glass / plain


def setup_in(folder: Path, level: str) -> Any:
    """Harvest the data of the default sandbox; return its scoring setup."""
    from fumehood_tools.glass import choose_level
    from fumehood_tools.runs.harvesting import harvest
    from fumehood_tools.settings import load_settings
    from fumehood_tools.spec import SandboxSpec

    # sae-bench computes activations in float32, and score.py compares its metrics with ours.
    exact = {"device": "cpu", "dtype": "float32"}
    spec, settings = SandboxSpec(), load_settings().model_copy(update=exact)
    scratch = folder / "scratch"
    found = harvest(spec, settings, folder)
    return found.scoring_setup(spec, settings, scratch, choose_level(level))  # type: ignore[arg-type]


def main() -> None:
    """Print one line per variant, and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--variants", nargs="+", default=["topk", "batch_topk", "standard"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--level", default="auto")
    arguments = parser.parse_args()
    os.environ["JAXTYPING_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(TEMPLATE))
    from fumehood_tools.scoring.requests import ScoringRequest
    from fumehood_tools.scoring.scorer import Scorer

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        setup = setup_in(folder, arguments.level)
        ratios = []
        with Scorer(setup) as scorer:
            print(f"level {setup.glass}; seconds per SAE, median of {arguments.repeats}")
            for variant in arguments.variants:
                run = trained(variant, setup, folder)
                weights = run.out / "sae.safetensors"
                request = ScoringRequest(
                    name=variant, variant=run.variant, weights=weights, out=run.out
                )
                ratios.append(compare(scorer, request, arguments.repeats))
    print(f"glass {statistics.median(ratios):.2f} x one process (goal: at most 1.3)")


if __name__ == "__main__":
    main()

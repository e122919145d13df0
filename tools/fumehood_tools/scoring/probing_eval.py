"""sae-bench's sparse probing of one SAE on prepared activations, and its own result file.

The probed activations were made by the harvest in sae-bench's artifact format, so no model runs
here. Probes, scores and averages are sae_bench.evals.sparse_probing's own, asked for in the order
and with the seed of its run_eval_single_sae; only the mean latents of a text are summed here, while
they come out of the encoder, instead of from a dense [texts, context, F].
"""

import contextlib
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fumehood_tools.sandbox.spec import ScoringSpec
from fumehood_tools.scoring.bench_sae import GlassSAE
from fumehood_tools.scoring.probing_texts import ProbingTexts, Task

if TYPE_CHECKING:
    from torch import Tensor

K_VALUES = (1, 2, 5)
# As in sae_bench.evals.sparse_probing.main, run_eval_single_dataset.
ON_ALL_LATENTS: dict[str, Any] = {"use_sklearn": False, "batch_size": 250, "epochs": 100}

Accuracies = dict[str, dict[str, float]]
Sides = tuple[dict[str, "Tensor"], dict[str, "Tensor"]]


def run_probing(sae: GlassSAE, texts: ProbingTexts, spec: ScoringSpec, out: Path) -> dict[str, Any]:
    """Run sparse probing on every prepared task, write `out`, return the mean accuracies."""
    import torch
    from sae_bench.sae_bench_utils.general_utils import average_results_dictionaries

    config = _config(sae, texts.names, spec)
    random.seed(config.random_seed)
    torch.manual_seed(config.random_seed)
    per_class = {}
    with ThreadPoolExecutor(1) as encoding:
        # The next task's texts are encoded while this one's probes are trained.
        sides = {name: encoding.submit(_latents, sae, texts.task(name)) for name in texts.names}
        for name, side in sides.items():
            per_class[f"{name}_results"] = _probe(side.result(), texts.task(name))
    results = {
        task: {key: sum(part.values()) / len(part) for key, part in found.items()}
        for task, found in per_class.items()
    }
    means: dict[str, Any] = average_results_dictionaries(results, list(texts.names))
    details = {task: results[f"{task}_results"] for task in texts.names}
    _write(config, sae, {**means, **details}, per_class, out)
    return means


def _config(sae: GlassSAE, tasks: Sequence[str], spec: ScoringSpec) -> Any:
    from sae_bench.evals.sparse_probing.eval_config import SparseProbingEvalConfig

    return SparseProbingEvalConfig(
        model_name=sae.cfg.model_name,
        dataset_names=list(tasks),
        k_values=list(K_VALUES),
        llm_batch_size=32,
        llm_dtype="float32",
        probe_train_set_size=spec.probing_train,
        probe_test_set_size=spec.probing_test,
        context_length=spec.probing_context,
    )


def _latents(sae: GlassSAE, task: Task) -> Sides:
    """Return the mean latents [T, F] of every class, for training and for test."""
    import torch

    with torch.no_grad():
        train, test = (
            {name: sae.mean_latents(part) for name, part in side.items()}
            for side in (task.train, task.test)
        )
    return train, test


def _probe(sides: Sides, task: Task) -> Accuracies:
    """Return sae-bench's accuracies of one task, by kind of probe and class."""
    from sae_bench.evals.sparse_probing.probe_training import train_probe_on_activations

    train, test = sides
    with one_thread():
        _, found = train_probe_on_activations(train, test, lr=1e-2, **ON_ALL_LATENTS)
        results = {"sae_test_accuracy": found, **task.subject_results}
        for k in K_VALUES:
            _, found = train_probe_on_activations(train, test, select_top_k=k)
            results[f"sae_top_{k}_test_accuracy"] = found
    return results


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within the block torch computes in one thread: probes are too small to share."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _write(
    config: Any, sae: GlassSAE, results: dict[str, Any], per_class: dict[str, Any], out: Path
) -> None:
    import sae_bench.evals.sparse_probing.eval_output as output
    from sae_bench.sae_bench_utils import (
        get_eval_uuid,
        get_sae_bench_version,
        get_sae_lens_version,
    )

    means = {name: value for name, value in results.items() if not isinstance(value, dict)}
    record = output.SparseProbingEvalOutput(
        eval_config=config,
        eval_id=get_eval_uuid(),
        datetime_epoch_millis=int(datetime.now().timestamp() * 1000),
        eval_result_metrics=output.SparseProbingMetricCategories(
            llm=output.SparseProbingLlmMetrics(
                **{name: value for name, value in means.items() if name.startswith("llm_")}
            ),
            sae=output.SparseProbingSaeMetrics(
                **{name: value for name, value in means.items() if name.startswith("sae_")}
            ),
        ),
        eval_result_details=[
            output.SparseProbingResultDetail(dataset_name=name, **value)
            for name, value in results.items()
            if isinstance(value, dict)
        ],
        eval_result_unstructured=per_class,
        sae_bench_commit_hash=get_sae_bench_version(),
        sae_lens_id=sae.cfg.architecture,
        sae_lens_release_id="fumehood",
        sae_lens_version=get_sae_lens_version(),
        sae_cfg_dict=sae.cfg.to_dict(),
    )
    record.to_json_file(str(out), indent=2)

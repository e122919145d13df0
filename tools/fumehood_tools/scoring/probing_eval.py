"""Sparse probing of one SAE, as sae-bench does it and on standardized latents.

The harvest computed the probed activations in sae-bench's artifact format, so no model runs here.
Probes, scores and averages are those of sae_bench.evals.sparse_probing, in the order and with the
seed of its run_eval_single_sae; on standardized latents probe_fits.py computes the same probes in
less time. One thing differs: the mean latents of a text are summed while they come out of the
encoder, instead of from a dense tensor [texts, context, F].

sae-bench's probes are regularized and choose latents by differences of means. So they depend on the
units of the latents: the same SAE with latents 100,000 times as large gets another accuracy. Our
metrics come from the same probes on standardized latents: each latent is shifted and scaled by its
mean and standard deviation on the training texts of the task.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.scoring.bench_sae import GlassSAE
from fumehood_tools.scoring.probe_fits import Fit, best_latents, fit_probes, logistic
from fumehood_tools.scoring.probing_texts import Means, ProbingTexts, Task
from fumehood_tools.scoring.threads import one_blas_thread, one_thread
from fumehood_tools.spec import ScoringSpec

K_VALUES = (1, 2, 5)
# As in sae_bench.evals.sparse_probing.main, run_eval_single_dataset: AdamW, which reports the epoch
# that is best on the test texts.
ON_ALL_LATENTS: dict[str, Any] = {
    "use_sklearn": False,
    "batch_size": 250,
    "epochs": 100,
    "lr": 1e-2,
}

# A latent whose standard deviation is below this share of its mean is a constant with rounding.
CONSTANT = 1e-5

Accuracies = dict[str, dict[str, float]]
Sides = tuple[Means, Means]
Probe = Callable[[Sides, Task], Accuracies]
TaskFit = Callable[[Means, Means], dict[str, float]]
"""Takes the latents of training and test texts, returns class -> accuracy."""


class Probed(NamedTuple):
    """Mean accuracies by sae-bench's names, on raw and on standardized latents."""

    raw: dict[str, Any]
    standardised: dict[str, Any]


def run_probing(
    sae: GlassSAE, texts: ProbingTexts, sides: Sequence[Sides], spec: ScoringSpec, out: Path
) -> Probed:
    """Probe every prepared task. Results of raw latents are written to `out`, as sae-bench does.

    sides: for each task, the mean latents of its training and test texts, in raw units.
    """
    config, tasks = _config(sae, texts.names, spec), [texts.task(name) for name in texts.names]
    with one_thread(), one_blas_thread():
        raw = _probe_all(config, tasks, sides, _probe_raw)
        means, results = _averages(raw)
        details = {task: results[f"{task}_results"] for task in texts.names}
        _write(config, sae, {**means, **details}, raw, out)
        # One task at a time: all together would take as much memory again as the raw latents.
        ours = (standardised(*side) for side in sides)
        found = _probe_all(config, tasks, ours, _probe_standardised)
    return Probed(means, _averages(found)[0])


def _probe_all(
    config: Any, tasks: Sequence[Task], sides: Iterable[Sides], probe: Probe
) -> dict[str, Accuracies]:
    """Return the accuracies of every task, starting from sae-bench's seed."""
    import torch

    random.seed(config.random_seed)
    torch.manual_seed(config.random_seed)
    return {
        f"{name}_results": probe(side, task)
        for name, task, side in zip(config.dataset_names, tasks, sides, strict=True)
    }


def _averages(
    per_class: Mapping[str, Accuracies],
) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """Return the mean accuracies over all tasks, and those of each task."""
    from sae_bench.sae_bench_utils.general_utils import average_results_dictionaries

    results = {
        task: {key: sum(part.values()) / len(part) for key, part in found.items()}
        for task, found in per_class.items()
    }
    names = [task.removesuffix("_results") for task in per_class]
    return average_results_dictionaries(results, names), results


def standardised(train: Means, test: Means) -> Sides:
    """Return both sides, standardized to mean 0 and variance 1 over all training texts."""
    import torch

    every_TF = torch.cat(list(train.values()))
    deviation_F, mean_F = torch.std_mean(every_TF, dim=0, correction=0)
    varies_F = deviation_F > CONSTANT * mean_F.abs()
    factor_F = torch.where(varies_F, 1 / deviation_F, 0.0)
    both = [
        {label: (f_TF - mean_F) * factor_F for label, f_TF in side.items()}
        for side in (train, test)
    ]
    return both[0], both[1]


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


def _probe(
    sides: Sides, task: Task, on_all: TaskFit, on_best: Callable[[int], TaskFit]
) -> Accuracies:
    """Return the accuracies of one task, by kind of probe and class.

    on_all: fits a probe on all latents; on_best: one on the best k.
    """
    results = {"sae_test_accuracy": on_all(*sides), **task.subject_results}
    for k in K_VALUES:
        results[f"sae_top_{k}_test_accuracy"] = on_best(k)(*sides)
    return results


def _probe_raw(sides: Sides, task: Task) -> Accuracies:
    """Return what sae-bench's own function finds for one task."""
    from sae_bench.evals.sparse_probing.probe_training import train_probe_on_activations

    def with_options(**options: Any) -> TaskFit:
        return lambda train, test: train_probe_on_activations(train, test, **options)[1]

    on_all = with_options(**ON_ALL_LATENTS)
    return _probe(sides, task, on_all, lambda k: with_options(select_top_k=k))


def _probe_standardised(sides: Sides, task: Task) -> Accuracies:
    """Return the same on standardized latents.

    The probe on all latents is sae-bench's other one, a logistic regression, which does not use the
    test texts.
    """

    def with_fit(fit: Fit) -> TaskFit:
        return lambda train, test: fit_probes(train, test, fit)

    return _probe(sides, task, with_fit(logistic), lambda k: with_fit(best_latents(k)))


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

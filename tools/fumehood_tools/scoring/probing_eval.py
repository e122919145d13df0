"""sae-bench's sparse probing of one SAE on prepared activations, and its own result file.

The probed activations were made by the harvest in sae-bench's artifact format, so no model runs
here; probes, scores and averages are sae_bench.evals.sparse_probing.main's own.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from fumehood_tools.harvest import Probing
from fumehood_tools.sandbox.spec import ScoringSpec
from fumehood_tools.scoring.bench_sae import GlassSAE

K_VALUES = (1, 2, 5)


def run_probing(sae: GlassSAE, probing: Probing, spec: ScoringSpec, out: Path) -> dict[str, Any]:
    """Run sparse probing on every prepared task, write `out`, return the mean accuracies."""
    import sae_bench.evals.sparse_probing.main as sparse_probing
    from sae_bench.evals.sparse_probing.eval_config import SparseProbingEvalConfig

    config = SparseProbingEvalConfig(
        model_name=sae.cfg.model_name,
        dataset_names=list(probing.tasks),
        k_values=list(K_VALUES),
        llm_batch_size=32,
        llm_dtype="float32",
        probe_train_set_size=spec.probing_train,
        probe_test_set_size=spec.probing_test,
        context_length=spec.probing_context,
    )
    results, per_class = sparse_probing.run_eval_single_sae(
        config, sae, None, "cpu", str(probing.folder), save_activations=False
    )
    _write(config, sae, results, per_class, out)
    return {name: value for name, value in results.items() if not isinstance(value, dict)}


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

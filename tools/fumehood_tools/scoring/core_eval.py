"""sae-bench's core evaluation of one SAE, and its own result file.

sae_bench.evals.core.main computes everything; the result file has its format.
"""

from pathlib import Path
from typing import Any

from fumehood_tools.scoring.bench_sae import GlassSAE
from fumehood_tools.scoring.passes import SharedPasses, TokenRows

ROWS_PER_BATCH = 8


def run_core(
    sae: GlassSAE, passes: SharedPasses, rows: Any, ignore: set[int], out: Path
) -> dict[str, Any]:
    """Run sae-bench's core evaluation on token rows [R, context]; write its file to `out`.

    Returns its groups of metrics by name.
    """
    import sae_bench.evals.core.main as core

    config = core_config(sae.cfg.model_name, len(rows), int(rows.shape[1]))
    per_batch = config.batch_size_prompts
    metrics, features = core.run_evals(
        sae, TokenRows(rows, per_batch), passes, config, ignore_tokens=ignore
    )
    metrics["misc_metrics"] = core.calculate_misc_metrics(features)
    name = sae.cfg.architecture
    record = {
        "eval_cfg": config,
        "metrics": metrics,
        "feature_metrics": features,
        "sae_id": name,
        "sae_set": "fumehood",
    }
    core.save_single_eval_result(
        core.replace_nans_with_negative_one(record),
        core.get_eval_uuid(),
        core.get_sae_lens_version(),
        core.get_sae_bench_version(),
        str(out),
        sae,
    )
    return dict(metrics)


def core_config(subject: str, rows: int, context: int) -> Any:
    """Return the configuration of sae-bench for all metrics, on `rows` rows of tokens."""
    from sae_bench.evals.core.eval_config import CoreEvalConfig

    per_batch = min(ROWS_PER_BATCH, rows)
    return CoreEvalConfig(
        model_name=subject,
        batch_size_prompts=per_batch,
        n_eval_reconstruction_batches=rows // per_batch,
        n_eval_sparsity_variance_batches=rows // per_batch,
        dataset="fumehood evaluation split",
        context_size=context,
        compute_kl=True,
        compute_ce_loss=True,
        compute_l2_norms=True,
        compute_sparsity_metrics=True,
        compute_variance_metrics=True,
        compute_featurewise_density_statistics=True,
        compute_featurewise_weight_based_metrics=True,
        exclude_special_tokens_from_reconstruction=True,
    )

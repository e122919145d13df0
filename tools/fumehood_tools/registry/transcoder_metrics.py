"""What the metrics of a score mean for a transcoder, where it differs from an SAE.

The keys are the same, so that records, tables and comparisons have one form. A transcoder reads the
input x of an MLP and predicts the MLP's output y: y_hat = decode(f) + skip(x).
"""

from typing import Any

from fumehood_tools.registry.metrics import Metric

_QUALITY = "explained variance of the MLP's output"
_WORDS: dict[str, dict[str, Any]] = {
    "l1": {
        "description": "sum over latents of what each adds to y_hat, |f_i W_i|, mean over tokens, "
        "raw activations",
    },
    "explained_variance": {
        "legend": f"{_QUALITY} y, centred, with the skip path where there is one, over all "
        "evaluation tokens (ours)",
        "description": f"{_QUALITY}, centred: 1 - sum|y-y_hat|^2 / sum|y-mean|^2 over all "
        "evaluation tokens, y_hat with the skip path",
    },
    "mse": {"description": "|y-y_hat|^2, mean over all evaluation tokens, raw activations"},
    "cosine": {"description": "cosine of y and y_hat, mean over tokens"},
    "loss_recovered": {
        "legend": "sae-bench's ce_loss_score, with the transcoder in place of the MLP",
        "description": "sae-bench ce_loss_score with the transcoder in place of the MLP: "
        "(ablated - spliced) / (ablated - clean)",
    },
    "ce_spliced": {
        "description": "cross-entropy of the subject with the transcoder in place of the MLP",
    },
    "ce_ablated": {"description": "cross-entropy of the subject with the MLP's output set to 0"},
    "probing_subject": {"description": "probe on the raw activations that enter the MLP"},
    "sae_bench_explained_variance_legacy": {
        "description": "sae-bench's own field: mean over tokens of 1 - |y-y_hat|^2 / |y-mean|^2",
    },
}
_AXIS: dict[str, Any] = {
    "label": f"{_QUALITY} (centred)",
    "title": "Prediction of the MLP's output",
    "short": "explained variance of y",
    "note": "EV: of the MLP's output, centred, over {eval_tokens:,} evaluation tokens.",
}


def of_kind(metric: Metric, kind: str) -> Metric:
    """Return a metric in the words of a kind of sandbox, "sae" or "transcoder"."""
    if kind == "sae":
        return metric
    found = metric._replace(**_WORDS.get(metric.key, {}))
    if metric.key == "explained_variance" and metric.axis is not None:
        found = found._replace(axis=metric.axis._replace(**_AXIS))
    return found

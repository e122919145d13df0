"""The metrics of an SAE's score, in the order of a table's columns and of an SAE's details."""

from fumehood_tools.registry.metrics import Axis, Metric

SPARSITY = "l0"
"""The metric on the x axis of plots, at equal values of which variants are compared, and which a
sparsity knob is tuned to reach."""
QUALITY = "explained_variance"
"""The default metric for plots, sorting and verdicts."""

_PROBE = Metric(
    "",
    "",
    digits=3,
    legend="accuracy of sae-bench's probes on the best 1, 5 and on all latents, standardized",
    group="probing",
    rows="probing",
    smallest=2e-3,
    gain=5e-3,
    margin=0.02,
    cheat_margin=0.1,
)
# A metric that is in records, and in the details of a single SAE if it has a group, but in no
# table.
_ASIDE = Metric("", "", group="", headline=False, on_card=False)
_OF_SAE_BENCH = _ASIDE._replace(source="sae-bench")


def _accuracy(latents: str, *, panel: bool = False) -> Axis:
    """Return the axis for the accuracy of probes on these latents."""
    return Axis(
        f"probe accuracy, {latents}",
        title="Sparse probing",
        short=f"accuracy, {latents}",
        panel=panel,
        # Untrained SAEs are the floor, and here they are close to trained ones, so show them.
        reach=3.5,
        reference="probing_subject",
        absent="sparse probing was not measured\n(scoring.probing_tasks in sandbox.toml)",
    )


SAE_METRICS = (
    Metric(
        SPARSITY,
        "L0",
        digits=1,
        legend="latents active per token",
        description="latents different from 0, mean over evaluation tokens",
        better="neither",
        required=True,
        group="latents",
        axis=Axis("L0 (latents active per token)", scale="log", panel=False),
        smallest=0.01,
        relative=True,
        gain=0.02,
    ),
    _ASIDE._replace(
        key="l1",
        title="L1",
        description="sum over latents of what each adds to x_hat, |f_i W_i|, mean over tokens, raw "
        "activations",
        better="neither",
        group="latents",
    ),
    Metric(
        QUALITY,
        "EV (centred)",
        name="explained variance",
        short="EV",
        legend="explained variance, centred, over all evaluation tokens (ours)",
        description="centred: 1 - sum|x-x_hat|^2 / sum|x-mean|^2 over all evaluation tokens",
        required=True,
        group="reconstruction",
        axis=Axis(
            "explained variance (centred)",
            title="Reconstruction",
            short="explained variance",
            note="EV: centred, over {eval_tokens:,} evaluation tokens (not sae-bench's field of "
            "that name).",
        ),
        smallest=5e-4,
        gain=1e-3,
        margin=0.005,
        at_noise="explained_variance_at_noise",
        cheat_margin=0.03,
        without_latents=0.05,
    ),
    _ASIDE._replace(
        key="mse",
        title="MSE",
        description="|x-x_hat|^2, mean over all evaluation tokens, raw activations",
        better="lower",
        group="reconstruction",
    ),
    _ASIDE._replace(
        key="cosine",
        title="cosine",
        description="cosine of x and x_hat, mean over tokens",
        group="reconstruction",
    ),
    Metric(
        "loss_recovered",
        "loss rec.",
        name="loss recovered",
        legend="sae-bench's ce_loss_score",
        description="sae-bench ce_loss_score: (ablated - spliced) / (ablated - clean)",
        group="loss",
        rows="loss",
        axis=Axis("loss recovered", panel=False),
        smallest=1e-3,
        gain=2e-3,
        margin=0.01,
        cheat_margin=0.05,
    ),
    _ASIDE._replace(
        key="ce_clean",
        title="cross-entropy",
        digits=3,
        description="cross-entropy of the subject",
        unit="nats per token",
        better="neither",
        source="subject",
        group="loss",
        rows="loss",
    ),
    _ASIDE._replace(
        key="ce_spliced",
        title="CE spliced",
        digits=3,
        name="cross-entropy, spliced",
        description="cross-entropy of the subject with the SAE spliced in",
        unit="nats per token",
        better="lower",
        group="loss",
        on_card=True,
        rows="loss",
    ),
    _ASIDE._replace(
        key="ce_ablated",
        title="CE ablated",
        digits=3,
        name="cross-entropy, ablated",
        description="cross-entropy of the subject with the site set to 0",
        unit="nats per token",
        better="neither",
        group="loss",
        rows="loss",
    ),
    _PROBE._replace(
        key="probing_top1",
        title="top-1",
        name="top-1 probing",
        description="probe on the best latent",
        axis=_accuracy("best latent"),
    ),
    _PROBE._replace(
        key="probing_top2",
        title="top-2",
        name="top-2 probing",
        description="probe on the best 2 latents",
        headline=False,
        on_card=False,
        axis=_accuracy("best 2 latents"),
        smallest=None,
        gain=None,
        margin=None,
    ),
    _PROBE._replace(
        key="probing_top5",
        title="top-5",
        name="top-5 probing",
        description="probe on the best 5 latents",
        axis=_accuracy("best 5 latents", panel=True),
        over_control=0.02,
    ),
    _PROBE._replace(
        key="probing",
        title="all",
        name="all-latent probing",
        description="probe on all latents, standardized, mean test accuracy",
        over_control=0.0,
        on_card=False,
        axis=_accuracy("all latents"),
        beside=False,
    ),
    _ASIDE._replace(
        key="probing_subject",
        title="probe on its raw activations",
        digits=3,
        name="probe on the subject's raw activations",
        description="probe on the raw activations",
        better="neither",
        source="subject",
        rows="probing",
    ),
    Metric(
        "alive",
        "alive",
        digits=3,
        legend="share of latents that fired",
        description="share of latents that fired on the evaluation tokens",
        share=True,
        group="latents",
        axis=Axis("share of latents that fired", title="Alive latents", panel=False),
        smallest=2e-3,
        beside=False,
    ),
    _OF_SAE_BENCH._replace(
        key="sae_bench_explained_variance",
        title="sae-bench's own EV",
        description="sae-bench's own field; wrong when activations are large (docs/metrics.md)",
        group="sae-bench's own",
        on_card=True,
        caveat="is wrong where activations are large",
    ),
    _OF_SAE_BENCH._replace(
        key="sae_bench_explained_variance_legacy",
        title="sae-bench's legacy EV",
        description="sae-bench's own field: mean over tokens of 1 - |x-x_hat|^2 / |x-mean|^2",
        group="sae-bench's own",
    ),
    _OF_SAE_BENCH._replace(
        key="sae_bench_mse",
        title="sae-bench's own MSE",
        description="sae-bench's own field; depends on the batch",
        better="lower",
        group="sae-bench's own",
        caveat="depends on the batch",
    ),
    _OF_SAE_BENCH._replace(
        key="sae_bench_l1",
        title="sae-bench's own L1",
        description="sae-bench's own field: sum of latents, in the variant's own units",
        better="neither",
    ),
    _OF_SAE_BENCH._replace(
        key="sae_bench_probing",
        rows="probing",
        title="sae-bench's own probing",
        description="sae-bench's own: on latents in the variant's own units",
    ),
    _OF_SAE_BENCH._replace(
        key="sae_bench_probing_top1",
        rows="probing",
        title="sae-bench's own top-1",
        description="the same, best latent",
    ),
    _OF_SAE_BENCH._replace(
        key="sae_bench_probing_top2",
        rows="probing",
        title="sae-bench's own top-2",
        description="the same, best 2 latents",
    ),
    _OF_SAE_BENCH._replace(
        key="sae_bench_probing_top5",
        rows="probing",
        title="sae-bench's own top-5",
        description="the same, best 5 latents",
    ),
)

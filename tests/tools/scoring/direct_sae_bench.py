"""Call sae-bench directly: everything in one process, without the glass, and with no shared passes.

usage: JAXTYPING_DISABLE=1 python -W ignore direct_sae_bench.py REQUEST, where REQUEST is JSON:
{"variant": path, "weights": path, "setup": ScoringSetup}. Prints one line of JSON: {"direct":
metrics, "rounded": metrics}, each of them {"core": metric groups, "probing": mean accuracies}.
Rounded: the encoder is shown activations as they are stored, its latents are rounded to bfloat16,
and nothing else differs.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import sae_bench.evals.core.main as core
import sae_bench.evals.sparse_probing.main as sparse_probing
import sae_bench.sae_bench_utils.general_utils as general_utils
import torch
from sae_bench.custom_saes.base_sae import BaseSAE
from sae_bench.evals.core.eval_config import CoreEvalConfig
from sae_bench.evals.sparse_probing.eval_config import SparseProbingEvalConfig
from safetensors.torch import load_file

from core.loading import build_sae, load_variant
from fumehood_tools.scoring.passes import TokenRows
from fumehood_tools.scoring.requests import ScoringSetup
from fumehood_tools.scoring.subject import scoring_subject


class Direct(BaseSAE):
    """The variant in sae-bench's interface."""

    def __init__(self, inner, scale, setup, hook, rounded):
        """rounded: None, or the stored activations, by the bytes of those that core passes."""
        spec = setup.spec
        super().__init__(
            setup.activations.d_model,
            spec.dict_size,
            spec.subject.name,
            spec.subject.layer,
            torch.device("cpu"),
            torch.float32,
            hook_name=hook,
        )
        self.inner, self.scale, self.rounded = inner, scale, rounded
        general_utils._standardize_sae_cfg(self.cfg)

    def encode(self, x):
        if self.rounded is None:
            return self.inner.encode(x / self.scale) * self.scale
        # As through the glass: activations as they are stored, latents rounded to bfloat16.
        rows = x.reshape(-1, x.shape[-1])
        stored = [self.rounded.get(row.numpy().tobytes(), row.half()) for row in rows]
        x = torch.stack(stored).float().reshape(x.shape)
        return self.inner.encode(x / self.scale).bfloat16().float() * self.scale

    def decode(self, feature_acts):
        return self.inner.decode(feature_acts / self.scale) * self.scale

    def forward(self, x):
        return self.decode(self.encode(x))


def stored_rows(setup, subject, rows):
    """Return the evaluation split's rows by the bytes of the activations that core will pass.

    Both are of the same tokens; the split was computed by the harvest, in other batches.
    """
    stored = np.concatenate([np.load(path) for path in setup.activations.eval_shards])
    shown = []
    for first in range(0, len(rows) // 8 * 8, 8):
        _, cache = subject.model.run_with_cache(
            torch.from_numpy(rows[first : first + 8].astype(np.int64)),
            prepend_bos=False,
            names_filter=[subject.hook],
            stop_at_layer=setup.spec.subject.layer + 1,
        )
        shown.append(cache[subject.hook][:, 1:].flatten(0, 1))
    shown = torch.cat(shown)
    pairs = zip(shown, torch.from_numpy(stored[: len(shown)]), strict=True)
    return {row.numpy().tobytes(): kept for row, kept in pairs}


@torch.no_grad()
def main():
    request = json.loads(sys.argv[1])
    setup = ScoringSetup.model_validate(request["setup"])
    inner = build_sae(
        load_variant(Path(request["variant"])), setup.activations.d_model, setup.spec.dict_size
    )
    inner.load_state_dict(load_file(request["weights"]), strict=True)
    inner.eval()
    subject = scoring_subject(setup.spec.subject, setup.spec.sites()[1], setup.cache)
    rows = np.load(setup.activations.eval_tokens_file)[: setup.spec.scoring.loss_rows]
    found = {}
    for name, stored in (("direct", None), ("rounded", stored_rows(setup, subject, rows))):
        sae = Direct(inner, setup.activations.scale, setup, subject.hook, stored)
        found[name] = evaluated(setup, subject, rows, sae)
    print(json.dumps(found))


def evaluated(setup, subject, rows, sae):
    """Return sae-bench's metrics of `sae`, computed with the random numbers of a new process."""
    torch.manual_seed(torch.initial_seed())
    batches = len(rows) // 8
    config = CoreEvalConfig(
        batch_size_prompts=8,
        n_eval_reconstruction_batches=batches,
        n_eval_sparsity_variance_batches=batches,
        compute_kl=True,
        compute_ce_loss=True,
        compute_l2_norms=True,
        compute_sparsity_metrics=True,
        compute_variance_metrics=True,
        compute_featurewise_density_statistics=True,
        exclude_special_tokens_from_reconstruction=True,
    )
    tokens = torch.from_numpy(rows.astype(np.int64))
    with contextlib.redirect_stdout(io.StringIO()):
        metrics, _ = core.run_evals(
            sae, TokenRows(tokens, 8), subject.model, config, ignore_tokens=subject.ignore_tokens
        )
        probing = {}
        if setup.probing is not None:
            probing_config = SparseProbingEvalConfig(
                model_name=setup.spec.subject.name,
                dataset_names=list(setup.probing.tasks),
                k_values=[1, 2, 5],
                llm_batch_size=32,
                llm_dtype="float32",
            )
            results, _ = sparse_probing.run_eval_single_sae(
                probing_config, sae, None, "cpu", str(setup.probing.folder), save_activations=False
            )
            probing = {k: v for k, v in results.items() if not isinstance(v, dict)}
    return {"core": metrics, "probing": probing}


main()

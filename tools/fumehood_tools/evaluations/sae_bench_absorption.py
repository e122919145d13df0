"""sae-bench's absorption evaluation, run on an SAE whose encoder is behind the glass.

sae_bench.evals.absorption computes everything and writes its own result file. It is given the
subject, words of its vocabulary, and the SAE. Needs nothing else: no data set, no download.

Latents are multiplied by the norms of their decoder rows, which then have unit norm: sae-bench
assumes that they do. Its own cache of probes is named by the model only; here it has a folder for
each subject, layer and list of words (spelling.py).

B, N = rows, D = d_model, F = dictionary size.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fumehood_tools.errors import IntegrityFailed, RunFailed
from fumehood_tools.evaluations.spelling import SEED, SpellingSubject
from fumehood_tools.scoring.bench_sae import GlassSAE, Methods
from fumehood_tools.scoring.differences import Differences
from fumehood_tools.scoring.inertness import training_rows
from fumehood_tools.scoring.latents import pack

if TYPE_CHECKING:
    from torch import Tensor

    from fumehood_tools.scoring.sae_under_test import SaeUnderTest

NEEDS = ("linear", "vocabulary")
METRICS = {
    "fraction": {"title": "absorbed", "better": "lower", "smallest_effect": 0.02, "digits": 3},
    "full": {"title": "full absorption", "better": "lower", "smallest_effect": 0.02, "digits": 3},
    "split_features": {"title": "split features", "better": "none", "digits": 2},
    "letters": {"title": "letters", "better": "none", "digits": 0},
    "probe_f1": {"title": "F1 of letters", "better": "none", "digits": 3},
}
LETTERS = 15
"""Letters that probes must find. sae-bench's default is 20 of 26, with 20 times as many words."""
_BATCH = 64
_NAME = "fumehood"


def evaluate(sae: "SaeUnderTest", subject: SpellingSubject) -> dict[str, float]:
    """Return sae-bench's figures for an SAE whose decoder was read.

    Raises RunFailed if the subject knows too few letters, and the errors of the encoder's children.
    """
    from sae_bench.evals.absorption import main
    from sae_bench.evals.absorption.eval_config import AbsorptionEvalConfig

    encoder, out = AskedEncoder(sae), sae.folder / "absorption"
    config = AbsorptionEvalConfig(
        model_name=subject.spec.name,
        random_seed=SEED,
        llm_batch_size=_BATCH,
        min_feats_for_eval=LETTERS,
        eval_k_sparse_probe_batch_size=4096,
        precalc_k_sparse_probe_sae_acts=True,
    )
    out.mkdir(parents=True)
    with subject.fed(main, out):
        found = main.run_eval(config, [(_NAME, _given(sae, encoder, subject))], "cpu", str(out))
        probes = _probe_f1(out)
    encoder.compare(sae.decoder.W_FD)
    if not found:
        raise RunFailed(
            f"sae-bench needs {config.min_feats_for_eval} letters that a probe finds in the "
            f"activations with an F1 over {config.min_GT_probe_f1:g}; in layer "
            f"{subject.spec.layer} of {subject.spec.name} it finds "
            f"{sum(one > config.min_GT_probe_f1 for one in probes)}. Choose another layer, or a "
            "larger subject."
        )
    [said] = found.values()
    mean = said["eval_result_metrics"]["mean"]
    return {
        "fraction": mean["mean_absorption_fraction_score"],
        "full": mean["mean_full_absorption_score"],
        "split_features": mean["mean_num_split_features"],
        "letters": float(len(said["eval_result_details"])),
        "probe_f1": float(np.mean(probes)),
    }


def _given(sae: "SaeUnderTest", encoder: "AskedEncoder", subject: SpellingSubject) -> GlassSAE:
    """Return the SAE for sae-bench, with decoder rows of unit norm."""
    import torch

    norm_F = sae.decoder.W_FD.norm(dim=1)
    return GlassSAE(
        sae.given,
        torch.nn.functional.normalize(sae.decoder.W_FD, dim=1),
        Methods(lambda x_BD: encoder(x_BD) * norm_F, _no_decoder, sae.out_scale),
        subject=subject.spec.name,
        layer=subject.spec.layer,
        hook=subject.hook,
    )


def _probe_f1(out: Path) -> list[float]:
    """Return the F1 of the probe of each letter, from the file that sae-bench writes."""
    [path] = (out / "artifacts" / "absorption").glob("*_k_sparse_probing.json")
    return [float(one["f1_probe"]) for one in json.loads(path.read_text(encoding="utf-8"))]


def _no_decoder(f_NF: "Tensor") -> "Tensor":
    raise NotImplementedError("sae-bench's absorption evaluation reads W_dec and does not decode")


class AskedEncoder:
    """Encodes rows in a fresh child for each request, and keeps them for a comparison."""

    def __init__(self, sae: "SaeUnderTest") -> None:
        self._sae = sae
        self._seen: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x_BD: "Tensor") -> "Tensor":
        """Return the latents [B, F] of normalized rows. Raises RunFailed, IntegrityFailed."""
        import torch

        with torch.no_grad():
            rows_BD = x_BD.detach().float()
            f_BF = torch.cat(list(self._sae.halves.fresh("encode").all(rows_BD)))
            self._sae.halves.end("encode")
            self._seen.append((rows_BD, f_BF))
            return f_BF.float()

    def compare(self, W_FD: "Tensor") -> None:
        """Encode all rows again, in one random order among training rows, in a fresh child.

        Raises IntegrityFailed if they get other latents than sae-bench got.
        """
        import torch

        with torch.no_grad():
            x_ND = torch.cat([x for x, _ in self._seen])
            f_NF = torch.cat([f for _, f in self._seen])
            others_ND = training_rows(self._sae.setup.activations, len(x_ND))
            # Drawn by the system, so that an encoder cannot know which rows are which.
            draw = np.random.default_rng()
            order = torch.from_numpy(draw.permutation(len(x_ND) + len(others_ND)))
            mixed = torch.cat([x_ND, others_ND])[order]
            half = self._sae.halves.fresh("encode")
            place = torch.empty_like(order)
            place[order] = torch.arange(len(order))
            again_NF = torch.cat(list(half.all(mixed)))[place[: len(x_ND)]]
            self._sae.halves.end("encode")
            found = Differences(f_NF.shape[1])
            found.add(pack(f_NF), pack(again_NF))
            said = found.result(W_FD).problem()
        if said is not None:
            raise IntegrityFailed(
                "determinism",
                f"rows of sae-bench got other latents among training rows: {said}",
                "encode must depend on the row alone, not on the other rows of a batch.",
            )

"""One SAE on its way through the checks: a step after another, none of which can be left out.

    take files -> read decoder -> evaluate -> remember core rows -> (probing) -> conclude

`conclude` ends the encoders and decodes. What sae-bench's core evaluation asks of the encoder is
answered from memory, at any time after the core rows were remembered.
"""

from typing import TYPE_CHECKING, NamedTuple, Self

from fumehood_tools.bench.integrity import Integrity
from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.files import write_bytes
from fumehood_tools.glass import ChildLimits, Nursery, remove_folder
from fumehood_tools.sandbox.constants import judge_source
from fumehood_tools.sandbox.declarations import read_declarations
from fumehood_tools.scoring.bench_sae import GlassSAE, Methods
from fumehood_tools.scoring.decoders import judge_linear, read_decoder, residual
from fumehood_tools.scoring.encoder import Encoder, ask_again, judge_encoder
from fumehood_tools.scoring.evaluation import Evaluation, Outcome, fresh_folder
from fumehood_tools.scoring.half import Given
from fumehood_tools.scoring.halves import Halves
from fumehood_tools.scoring.latents import pack
from fumehood_tools.scoring.requests import ScoringRequest, ScoringSetup
from fumehood_tools.scoring.robustness import judge_robustness
from fumehood_tools.scoring.weights import take_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

# Other texts may well have another L0: on probing texts honest baselines have 1.0 (TopK) to 1.25
# (Gated, BatchTopK, JumpReLU) times that of the evaluation split. Latents that are dense where it
# pays and sparse where they are counted have F / L0 times.
SPARSITY_RATIO, SPARSITY_ROOM = 3.0, 16.0
CHECKS = (
    "source_budget",
    "weights_file",
    "parameter_budget",
    "leakage",
    "protocol",
    "output_shape",
    "output_dtype",
    "output_finite",
    "output_sign",
    "determinism",
    "batch_invariance",
    "sparsity_switch",
)


class Measured(NamedTuple):
    """What the checks measured."""

    outcome: Outcome
    residual: float
    batch_dependence: float


class Measuring:
    """Owns the children of one SAE and a folder for them.

    Use as a context manager: leaving it ends the children and removes the folder.
    """

    def __init__(self, nursery: Nursery, setup: ScoringSetup, request: ScoringRequest) -> None:
        import torch

        spec, activations = setup.spec, setup.activations
        self.setup, self.scale = setup, activations.scale
        source = request.variant.read_bytes()
        judge_source(source, spec.limits)
        self.declared = read_declarations(source)
        self.nonlinear = self.declared.decoder == "nonlinear"
        self.folder = fresh_folder(nursery.scratch_root, "sae")
        self.given = Given(
            self.folder / "given" / request.variant.name,
            self.folder / "given" / "sae.safetensors",
            activations.d_model,
            spec.dict_size,
            activations.dtype,
        )
        write_bytes(self.given.variant, source)
        sizes = (activations.d_model, spec.dict_size)
        most = spec.limits.parameter_ratio
        self.weights = take_weights(request.weights, self.given.weights, *sizes, most)
        limits = ChildLimits(
            wall_seconds=spec.limits.score_minutes * 60,
            memory_gb=spec.limits.memory_gb,
            scratch_gb=spec.limits.scratch_gb,
            threads=torch.get_num_threads(),
        )
        self.halves = Halves(nursery, self.given, self.folder, limits)
        self.encoder = Encoder(lambda: self.halves.get("encode"), spec.dict_size)
        self.phase = "probing"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.halves.__exit__(*exc)
        remove_folder(self.folder)

    def read_decoder(self) -> None:
        """Read the linear decoder out. Nothing of the evaluation has been shown to anyone yet."""
        self.decoder = read_decoder(
            self.halves.fresh("decode"), self.given.dict_size, self.weights.state
        )
        self.halves.end("decode")
        self.evaluation = Evaluation(
            self.halves, self.encoder, self.decoder, self.setup.activations
        )

    def bench_sae(self, hook: str) -> GlassSAE:
        """Return the SAE as sae-bench sees it."""
        subject = self.setup.spec.subject
        methods = Methods(
            lambda x: self.encoder.dense(x, self.phase),
            lambda x: self.encoder.answers(x, self.phase),
            self._decode,
            self.scale,
        )
        return GlassSAE(
            self.given,
            self.weights.state,
            methods,
            subject=subject.name,
            layer=subject.layer,
            hook=hook,
        )

    def _decode(self, f_NF: "Tensor") -> "Tensor":
        import torch

        rounded_NF = f_NF.bfloat16()
        if self.nonlinear:
            half = self.halves.get("decode")
            return torch.cat(list(half.all(rounded_NF)))
        return self.decoder(pack(rounded_NF))

    def evaluate(self) -> None:
        """Encode all evaluation rows; count them, or keep their latents for later."""
        self.evaluation.encode_all(skips=self.declared.skip, keep=self.nonlinear)

    def remember_core(self, bench: GlassSAE, batches: "Sequence[Tensor]") -> None:
        """Encode what sae-bench's core evaluation will ask for when the encoders are gone."""
        for x in batches:
            self.encoder.remember(bench.normalised(x), "core")

    def conclude(self) -> Measured:
        """Ask a second encoder, end both, decode; every check of latents and decoder is judged."""
        self.phase = "after"
        self.halves.end("encode")
        opinion = ask_again(self.halves.fresh("encode"), self.encoder)
        self.halves.end("encode")
        judge_encoder(opinion, self.encoder.repeats.value or 0.0)
        if (probing := self.l0_probing) is not None:
            self.compare_sparsity("probing texts", probing)
        _, f_WF = self.encoder.witnesses.all()
        apart = residual(self.halves.fresh("decode"), f_WF, self.decoder)
        self.halves.end("decode")
        if not self.nonlinear:
            judge_linear(apart)
        outcome = self.evaluation.outcome(skips=self.declared.skip)
        if outcome.robustness is not None:
            judge_robustness(outcome.robustness)
        batches = max(opinion.other_batches, opinion.first_encoder)
        return Measured(outcome, apart, batches)

    @property
    def l0_probing(self) -> float | None:
        """L0 on the probing texts, without padding."""
        count = self.encoder.l0.get("probing")
        return None if count is None else count.value

    def compare_sparsity(self, where: str, l0: float) -> None:
        """Raise IntegrityFailed for latents far denser elsewhere than where L0 is measured."""
        own = self.evaluation.totals.result().l0
        limit = SPARSITY_RATIO * own + SPARSITY_ROOM
        if l0 > limit:
            raise IntegrityFailed(
                "sparsity_switch",
                f"L0 is {own:.1f} on the evaluation split, and {l0:.1f} on the {where} "
                f"(allowed: {limit:.1f})",
                "Let encode be as sparse on every text: a fixed k, or thresholds that hold.",
            )

    def integrity(self, measured: Measured, shared_documents: int) -> Integrity:
        """Return the numbers of a scored SAE."""
        outcome, robustness = measured.outcome, measured.outcome.robustness
        return Integrity(
            decoder="nonlinear" if self.nonlinear else "linear",
            decoder_residual=measured.residual,
            explained_variance_linear=outcome.linear_explained,
            noise_loss=robustness.noise_loss if robustness else None,
            drop_loss=robustness.drop_loss if robustness else None,
            repeat_difference=self.encoder.repeats.value or 0.0,
            batch_dependence=measured.batch_dependence,
            l0_probing=self.l0_probing,
            parameters=self.weights.parameters,
            parameter_ratio=self.weights.ratio,
            explained_variance_skip=outcome.skip_explained,
            explained_variance_with_skip=outcome.with_skip_explained,
            shared_documents=shared_documents,
            checks=(*CHECKS, "decoder_packing" if self.nonlinear else "decoder_nonlinear"),
        )

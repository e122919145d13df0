"""Take one SAE or transcoder through the checks, in fixed steps of which none can be skipped.

    take files -> read decoder -> encode everything -> check and reconstruct -> measured

`encode` sends all rows of the evaluation split and of the probing texts to the encoder, in one
stream, and ends it. `check` runs a second encoder on a sample, ends it too, and asks the decoder.
`reconstruct` decodes; afterwards sae-bench gets latents and reconstructions from memory. With a
linear decoder, which was read before, it needs no child, so `check` may run beside it. `measured`
needs the results of both.
"""

from typing import TYPE_CHECKING, NamedTuple, Self

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.files import write_bytes
from fumehood_tools.glass import ChildLimits, Nursery, remove_folder
from fumehood_tools.plain_files import read_plain
from fumehood_tools.records.integrity import Integrity
from fumehood_tools.sandbox.constants import judge_source
from fumehood_tools.sandbox.declarations import read_declarations
from fumehood_tools.scoring.bench_sae import GlassSAE, Methods
from fumehood_tools.scoring.bits import Bits, bits_per_token
from fumehood_tools.scoring.contexts import judge_contexts
from fumehood_tools.scoring.core_rows import CoreRows
from fumehood_tools.scoring.decoders import judge_linear, read_decoder, residual
from fumehood_tools.scoring.differences import AnswerDifference
from fumehood_tools.scoring.encoder import Encoder, SecondOpinion, ask_again, judge_encoder
from fumehood_tools.scoring.held_back import WORST_PASSAGES, worst_passages
from fumehood_tools.scoring.inertness import training_rows
from fumehood_tools.scoring.latents import pack
from fumehood_tools.scoring.probing_texts import ProbingTexts, TaskRows
from fumehood_tools.scoring.reconstruction_run import (
    ReconstructionResult,
    ReconstructionRun,
    fresh_folder,
)
from fumehood_tools.scoring.requests import ScoringRequest, ScoringSetup
from fumehood_tools.scoring.role_child import Given
from fumehood_tools.scoring.role_children import RoleChildren
from fumehood_tools.scoring.sizes import latent_sizes
from fumehood_tools.scoring.skip_path import LinearSkip, read_skip
from fumehood_tools.scoring.straightness import judge_bend
from fumehood_tools.scoring.threads import one_thread
from fumehood_tools.scoring.trials import DROPPED, LEVELS, SCORED_AT, judge_curve, relative
from fumehood_tools.scoring.weights import plain_size, take_weights

if TYPE_CHECKING:
    from torch import Tensor

# L0 may differ between texts: on probing texts, honest baselines have 1.0 (TopK) to 1.25 (Gated,
# BatchTopK, JumpReLU) times the L0 of the evaluation split. A variant that is dense only on probing
# texts, where L0 is not counted, has up to F / L0 times as much.
SPARSITY_RATIO, SPARSITY_ROOM = 2.0, 8.0
# The rows of loss recovered are rows of the evaluation split.
LOSS_RATIO, LOSS_ROOM = 1.5, 2.0
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


# Rows of the training split on which the sizes of latents are measured.
SIZE_ROWS = 2048
# A latent is idle if it changes x_hat by less than this share of the spread of the activations.
IDLE = 1e-6


class Checked(NamedTuple):
    """The measurements of the variant's code: its decoder, and two encoders."""

    residual: float
    repeats: AnswerDifference
    opinion: SecondOpinion


class Measured(NamedTuple):
    """The measurements of all checks."""

    outcome: ReconstructionResult
    residual: float
    repeats: AnswerDifference
    opinion: SecondOpinion
    bits: Bits
    idle_latents: int
    idle_l0: float


class SaeUnderTest:
    """Owns the children of one SAE, and a folder for them.

    Use as a context manager: on exit it ends the children and removes the folder.
    """

    def __init__(self, nursery: Nursery, setup: ScoringSetup, request: ScoringRequest) -> None:
        import torch

        spec, activations = setup.spec, setup.activations
        kind = spec.kind
        self.setup, self.scale = setup, activations.scale
        self.out_scale = setup.predicted.scale
        source = read_plain(request.variant)
        judge_source(source, spec.limits)
        self.declared = read_declarations(source)
        self.nonlinear = self.declared.decoder == "nonlinear"
        self.folder = fresh_folder(nursery.scratch_root, "sae")
        self.given = Given(
            self.folder / "given" / request.variant.name,
            self.folder / "given" / kind.weights_file,
            activations.d_model,
            spec.dict_size,
            activations.dtype,
        )
        write_bytes(self.given.variant, source)
        plain = plain_size(kind, activations.d_model, spec.dict_size, skip=self.declared.skip)
        most = spec.limits.parameter_ratio
        self.weights = take_weights(request.weights, self.given.weights, plain, most)
        limits = ChildLimits(
            wall_seconds=spec.limits.score_minutes * 60,
            memory_gb=spec.limits.memory_gb,
            scratch_gb=spec.limits.scratch_gb,
            threads=torch.get_num_threads(),
        )
        self.halves = RoleChildren(
            nursery, self.given, self.folder, limits, request.decoder_seconds
        )
        self.encoder = Encoder(self.halves.encoders, spec.dict_size)
        self.tasks: list[TaskRows] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.halves.__exit__(*exc)
        remove_folder(self.folder)

    def read_decoder(self) -> None:
        """Read what is linear: the decoder, and a transcoder's skip path.

        No child has seen an evaluation row at this time.
        """
        x_BD = training_rows(self.setup.activations, SIZE_ROWS)
        size_F = latent_sizes(self.halves.fresh("encode"), x_BD)
        self.halves.end("encode")
        decoder = read_decoder(self.halves.fresh("decode"), size_F, self.weights.state)
        self.halves.end("decode")
        self.decoder = decoder
        self.skip: LinearSkip | bool = self.declared.skip
        if self.declared.skip and self.setup.spec.kind.has_targets:
            self.skip = read_skip(self.halves.fresh("skip"), x_BD)
            self.halves.end("skip")

    def encode(self, core: CoreRows, texts: ProbingTexts | None) -> None:
        """Encode all rows that will be measured, in one stream."""
        activations = self.setup.activations
        self.loss_rows = core.rows
        self.evaluation = ReconstructionRun(
            self.halves,
            self.decoder,
            activations,
            core.rows,
            targets=self.setup.targets,
            skip=self.skip,
            keep=self.nonlinear,
        )
        if texts is not None:
            self.tasks = [
                TaskRows(name, texts.task(name), self.scale, self.given.dict_size, self.out_scale)
                for name in texts.names
            ]
        # The children use all threads. This process has little to compute per request.
        with one_thread():
            self.encoder.run([self.evaluation, *self.tasks])
        self.halves.end("skip")
        self.halves.end("encode")

    def bench_sae(self, core: CoreRows, hook: str) -> GlassSAE:
        """Return the SAE in sae-bench's interface."""
        subject = self.setup.spec.subject
        return GlassSAE(
            self.given,
            self.decoder.W_FD,
            Methods(core.encode, core.decode, self.out_scale),
            subject=subject.name,
            layer=subject.layer,
            hook=hook,
        )

    def reconstruct(self, core: CoreRows) -> ReconstructionResult:
        """Measure the reconstructions, and give core its latents and reconstructions.

        A nonlinear decoder computes them now, in new children, so all encoders must have ended.
        """
        evaluation = self.evaluation
        outcome = evaluation.outcome(self.encoder.sizes.rms())
        if outcome.bend is not None and outcome.spread is not None:
            judge_curve(outcome.curve)
            judge_bend(outcome.bend)
            judge_contexts(outcome.spread)
        core.fill(evaluation.scored_f_RF, evaluation.scored_y_hat_RD)
        return outcome

    def check(self) -> Checked:
        """Run a second encoder, end it, ask the decoder, and judge both of them."""
        W_FD = self.decoder.W_FD
        opinion = ask_again(self.halves.fresh("encode"), self.encoder, W_FD)
        self.halves.end("encode")
        repeats = self.encoder.repeats.result(W_FD)
        judge_encoder(opinion, repeats)
        self.compare_sparsity()
        _, f_WF = self.encoder.witnesses.all()
        apart = residual(self.halves.fresh("decode"), f_WF, self.decoder)
        self.halves.end("decode")
        if not self.nonlinear:
            judge_linear(apart)
        return Checked(apart, repeats, opinion)

    def measured(self, outcome: ReconstructionResult, checked: Checked) -> Measured:
        """Return all measurements, those of the latents included."""
        rms_F, totals = self.encoder.sizes.rms(), self.evaluation.totals
        sample = pack(self.evaluation.trial_f_RF)
        bits = bits_per_token(totals.fired_F, totals.tokens, sample, rms_F)
        return Measured(outcome, *checked, bits, *self._idle(rms_F))

    def _idle(self, rms_F: "Tensor") -> tuple[int, float]:
        """Return the number of latents that are active but hardly change x_hat, and their L0."""
        totals = self.evaluation.totals
        adds_F = self.decoder.W_FD.norm(dim=1) * rms_F
        spread = (totals.variance() / totals.tokens) ** 0.5 / self.out_scale
        idle_F = (totals.fired_F > 0) & (adds_F < IDLE * spread)
        if self.nonlinear:
            return 0, 0.0
        return int(idle_F.sum()), float(totals.fired_F[idle_F].sum()) / totals.tokens

    @property
    def l0_loss(self) -> float:
        """L0 on the rows of loss recovered."""
        f_NF = self.evaluation.trial_f_RF[: self.loss_rows]
        return float(f_NF.count_nonzero()) / max(1, len(f_NF))

    @property
    def l0_probing(self) -> float | None:
        """L0 on the probing texts without padding, mean over tasks; None without probing."""
        found = [self.encoder.sparsity[task.name].l0 for task in self.tasks]
        return sum(found) / len(found) if found else None

    def compare_sparsity(self) -> None:
        """Raise IntegrityFailed if latents are far denser where L0 is not counted."""
        own = self.evaluation.totals.result().l0
        most = SPARSITY_RATIO * own + SPARSITY_ROOM
        found = [
            (f"texts of {task.name}", self.encoder.sparsity[task.name].l0, most)
            for task in self.tasks
        ]
        most = LOSS_RATIO * own + LOSS_ROOM
        for where, l0, limit in (("rows of loss recovered", self.l0_loss, most), *found):
            if l0 > limit:
                raise IntegrityFailed(
                    "sparsity_switch",
                    f"L0 is {own:.1f} on the evaluation split, but {l0:.1f} on the {where} "
                    f"(allowed: {limit:.1f})",
                    "Make encode equally sparse on all texts, with a fixed k or fixed thresholds.",
                )

    def held_back(self) -> dict[str, float]:
        """Return the metrics that only a sealed holdout has, from `conclude`'s results."""
        evaluation, context = self.evaluation, self.setup.spec.corpus.context
        worst = worst_passages(evaluation.targets, evaluation.lost_N, context - 1)
        return {WORST_PASSAGES: worst}

    def integrity(self, measured: Measured, shared_documents: int) -> Integrity:
        """Return the measurements of the checks as they are recorded with a score."""
        outcome, opinion, curve = measured.outcome, measured.opinion, measured.outcome.curve
        batches = max(opinion.other_batches.entries, opinion.first_encoder.entries)
        outputs = (measured.repeats.output, opinion.other_batches.output)
        return Integrity(
            decoder="nonlinear" if self.nonlinear else "linear",
            decoder_residual=measured.residual,
            explained_variance_linear=outcome.linear_explained,
            explained_variance_at_noise=curve.at_noise(outcome.exact).explained_variance,
            scored_at_noise=0.0 if outcome.own is outcome.exact else SCORED_AT,
            noise_curve={name: round(value, 6) for name, value in curve.explained.items()},
            bits_per_token=round(measured.bits.exact, 1),
            bits_per_token_at_noise=round(measured.bits.at_noise, 1),
            noise_loss=curve.lost(relative(LEVELS[0])) if self.nonlinear else None,
            drop_loss=curve.lost(DROPPED) if self.nonlinear else None,
            repeat_difference=measured.repeats.entries,
            output_difference=max(*outputs, opinion.first_encoder.output),
            batch_dependence=batches,
            idle_latents=measured.idle_latents,
            idle_l0=measured.idle_l0,
            l0_loss=self.l0_loss,
            l0_probing=self.l0_probing,
            parameters=self.weights.parameters,
            parameter_ratio=self.weights.ratio,
            explained_variance_skip=outcome.skip_explained,
            explained_variance_with_skip=outcome.with_skip_explained,
            explained_variance_latents=outcome.latents_explained,
            shared_documents=shared_documents,
            checks=(
                *CHECKS,
                "decoder_packing" if self.nonlinear else "decoder_nonlinear",
                *(["skip_nonlinear"] if isinstance(self.skip, LinearSkip) else []),
            ),
        )

"""What a trial shows to be wrong, as findings with the line at fault and the lines to write.

An error is what the evaluator would refuse, or score as it was never trained. Everything else that
looks like a mistake is a warning. This module needs no torch and runs no variant.
"""

from collections.abc import Iterator

from fumehood_tools.kinds import SAE, TRAINER_CLASS, Kind
from fumehood_tools.records.inertness import SAME
from fumehood_tools.sandbox.check_report import Comparison
from fumehood_tools.sandbox.complaints import Complaint, error, warning
from fumehood_tools.sandbox.declarations import Declarations
from fumehood_tools.sandbox.fault_lines import Source
from fumehood_tools.sandbox.trial import Subjects, TrialSaid
from fumehood_tools.sandbox.untrained_paths import judge_path

# The evaluator's bounds (scoring/differences.py, scoring/decoders.py). A few rows of made-up data
# must exceed the first by far to be certain; a decoder that bends at all bends more after training.
MIXED, BENT, HARDLY_BENT = 0.05, 0.01, 1e-4
# core/probes.py warns of these; here they are judged on the trial's rows.
JUDGED_HERE = frozenset(["negative", "batch", "decoder", "inert"])

NO_NEGATIVE = "return torch.relu(f)  # the last line of encode"
OWN_ROW = """\
if self.training:  # in encode: a has relu behind it already
    cut = a.flatten().topk(K * len(x)).values[-1].detach()
    self.threshold.copy_(0.9 * self.threshold + 0.1 * cut)
    return a * (a >= cut)
return a * (a > self.threshold)
# and in {owner}.__init__:
self.register_buffer("threshold", torch.tensor(0.0))"""


class Findings:
    """Turns what a trial said into findings about one source."""

    def __init__(
        self, said: TrialSaid, files: Subjects, declared: Declarations, kind: Kind = SAE
    ) -> None:
        self.said, self.files, self.declared, self.kind = said, files, declared, kind
        self.lines = Source(files.source)

    def all(self, comparison: Comparison | None) -> list[Complaint]:
        """Return all findings."""
        return [
            *self._refused(),
            *(judge_path(it, self.declared, self.lines, self.kind) for it in self.said.uncalled),
            *self._never_trained(),
            *self._misspelled(),
            *self._same_start(),
            *self._inert(comparison),
            *self._knob(),
            *self._incomplete(),
        ]

    def _refused(self) -> Iterator[Complaint]:
        said, encode = self.said, self.lines.method(self.kind.variant_class, "encode")
        if said.error is not None:
            yield error("contract", said.error.line, said.error.rule, said.error.instead)
        if said.lowest < 0:
            message = f"encode returns latents below 0 (down to {said.lowest:.2g}): that is refused"
            cure = "end encode with relu; a direction and its opposite are two latents"
            yield error("negative", encode, message, cure, NO_NEGATIVE)
        if said.mixing > MIXED:
            message = "encode depends on the other rows of the batch, which is refused: active "
            message += f"latents differ by {said.mixing:.0%} when rows come in other batches"
            cure = "in eval mode, use each row alone, for example with a threshold that was learned"
            lines = OWN_ROW.format(owner=self.kind.variant_class)
            yield error("batch", encode, message, cure, lines)
        if self.declared.decoder == "linear" and said.bend > HARDLY_BENT:
            yield self._bent()

    def _bent(self) -> Complaint:
        line, bend = self.lines.method(self.kind.variant_class, "decode"), self.said.bend
        cure = "declare it at the top of the file, or make decode linear in f"
        if bend > BENT:
            message = f"decode is not linear in f (by {bend:.1%}): undeclared, that is refused"
            return error("decoder", line, message, cure, 'DECODER = "nonlinear"')
        message = f"decode is not quite linear in f (by {bend:.2%}): {BENT:.0%} is refused"
        return warning("decoder", line, message, cure, 'DECODER = "nonlinear"')

    def _never_trained(self) -> Iterator[Complaint]:
        if not self.said.steps:
            return
        # A path that the loss leaves out explains them.
        if (names := self.said.unmoved) and not self.said.uncalled:
            message = (
                f"{', '.join(names[:6])}: not changed by {self.said.steps} steps, so without effect"
            )
            cure = "let it take part in encode, decode or the loss, or leave it out"
            yield warning("inert", self.lines.made(names[0]), message, cure)
        for name in self.said.unknown:
            line = self.lines.late(name) or self.lines.made(name)
            message = f"{name} is not trained: it is made or replaced after the optimizer was built"
            cure = (
                f"make it in {self.kind.variant_class}.__init__, and later change only its numbers"
            )
            yield error("untrained", line, message, cure, f"self.ae.{name}.data = …")

    def _misspelled(self) -> Iterator[Complaint]:
        for method in self.said.unused:
            message = f"Nothing calls {method.owner}.{method.name}"
            if method.near:
                cure = f"did you mean {method.near}? Rename it, with the arguments of that method"
            else:
                cure = "call it from a method that core calls, or remove it"
            yield warning("unused", method.line, message, cure)

    def _same_start(self) -> Iterator[Complaint]:
        line, said = self.lines.seed(), self.said
        names = said.fixed or (said.fixed_added if line is not None else ())
        if not names:
            return
        parent = f", where those of {self.files.declared} differ" if said.fixed else ""
        message = (
            f"{', '.join(names[:4])}: the same initial numbers for every seed{parent}. Then the "
        )
        message += "seeds are not independent, and the spread over them is too small"
        if line is not None:
            cure = (
                f"remove that seed: the sandbox sets one before {self.kind.variant_class} is built"
            )
        else:
            cure = "draw the numbers with torch.randn; if they are computed on purpose, ignore this"
        yield warning("fixed_seed", line, message, cure)

    def _inert(self, comparison: Comparison | None) -> Iterator[Complaint]:
        if comparison is None or comparison.mechanism != "same":
            return
        message = f"The file {comparison.text()}"
        if comparison.same_weights:
            message += f", and {self.said.steps} steps lead to the same weights"
        else:
            message += self._how_it_differs(comparison)
        hints = [f"{m.name} on line {m.line} is never called" for m in self.said.unused]
        hints += [f"{name} never moves" for name in self.said.unmoved if self.said.steps]
        cause = f" ({'; '.join(hints[:3])})" if hints else ""
        cure = f"find out why the change has no effect{cause}: a weight of 0, a branch never taken"
        if comparison.same_weights:
            cure += "; if it only guards against what the trial does not contain (NaN, a batch "
            cure += "without active latents), that is as it should be: ignore this"
        if comparison.same_weights is False:
            cure = f"go on if that is the change; otherwise, {cure}"
        line = self.said.unused[0].line if self.said.unused else None
        yield warning("same", line, message, cure)

    def _how_it_differs(self, comparison: Comparison) -> str:
        """Return what is known of a file that computes the same as another one once it is trained.

        The computation is compared with the weights and counters that the steps left, so what a
        file does only in some of the steps is not seen there. Only the weights show that.
        """
        ways = "its initialization, optimizer, learning rate or update(), or what it computes only "
        ways += "in some steps"
        if comparison.same_weights is False:
            return f", but the steps lead to other weights: by how it trains ({ways})"
        return f"; only how it trains can make it differ ({ways})"

    def _knob(self) -> Iterator[Complaint]:
        turned = self.files.turned
        if turned is None or self.said.knob is None:
            return
        acts = self.said.knob.inertness(turned.knob).largest > SAME
        if acts or not self.said.knob_starts_alike:
            return
        knob, line = turned.knob, self.lines.constant(turned.knob)
        message = f"The knob {knob} has no effect: with {turned.value} instead of {turned.own} the "
        message += "file computes the same, so l0_targets cannot aim it"
        yield warning(
            "knob",
            line,
            message,
            f"use {knob} where sparsity is decided; a trainer on BaseTopKTrainer needs the line",
            f"k = {knob}  # in the body of {TRAINER_CLASS}",
        )

    def _incomplete(self) -> Iterator[Complaint]:
        if self.said.parent_problem is not None:
            parent, line = self.files.declared, self.lines.constant("PARENT")
            message = f"{parent} cannot be run, so it is not compared: {self.said.parent_problem}"
            cure = f"check_variant {parent}, or name another PARENT"
            yield warning("parent", line, message, cure)

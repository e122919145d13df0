"""Findings about methods that are scored and that the loss leaves out, with the lines to write.

Trainers of TopK compute the loss on active latents themselves. What they call instead of encode and
decode has other names for SAEs than for transcoders.
"""

from typing import NamedTuple

from fumehood_tools.kinds import TRAINER_CLASS, Kind
from fumehood_tools.sandbox.complaints import Complaint, error, warning
from fumehood_tools.sandbox.declarations import Declarations
from fumehood_tools.sandbox.fault_lines import Source
from fumehood_tools.sandbox.trial import Uncalled

_RECONSTRUCTION = """\
def reconstruction(self, x, f):  # in CustomTrainer
    error = x - ({made})
    return error.pow(2).sum(dim=-1).mean(), error"""
_PREDICTION = """\
def predict(self, x, f):  # in CustomTrainer
    return {made}"""
_LOSS = """\
x_hat = {made}  # in CustomTrainer.loss
loss = (x - x_hat).pow(2).sum(dim=-1).mean()"""
_LOSS_OF_TARGETS = """\
y_hat = {made}  # in CustomTrainer.loss
loss = (y - y_hat).pow(2).sum(dim=-1).mean()"""


class Words(NamedTuple):
    """What a kind calls the parts of TopK's loss. hook: the method to override for another x_hat.

    select: how `select` begins. hook_text, loss_text: lines to write, with a place for what is
    made.
    """

    predicted: str
    verb: str
    trainer: str
    hook: str
    select: str
    hook_text: str
    loss_text: str


_OF_SAES = Words(
    predicted="x_hat",
    verb="reconstructs x",
    trainer="BaseTopKTrainer",
    hook="reconstruction",
    select="def select(self, centred):  # centred is x - b_dec\n"
    "    return keep_largest(self.scores(centred), int(self.k))",
    hook_text=_RECONSTRUCTION,
    loss_text=_LOSS,
)
_OF_TARGETS = Words(
    predicted="y_hat",
    verb="predicts y",
    trainer="TopKTranscoderTrainer",
    hook="predict",
    select="def select(self, x):\n    return keep_largest(self.scores(x), int(self.k))",
    hook_text=_PREDICTION,
    loss_text=_LOSS_OF_TARGETS,
)


def judge_path(found: Uncalled, declared: Declarations, lines: Source, kind: Kind) -> Complaint:
    """Return the finding about one method that the loss leaves out."""
    words = _OF_TARGETS if kind.has_targets else _OF_SAES
    path, line = found.path, lines.method(kind.variant_class, found.path)
    if path == "encode":
        message = "The trainer calls select, not encode, so training and scores use different "
        message += "latents"
        taken = words.select.partition("(self, ")[2].partition(")")[0]
        cure = f"override select({taken}) in {kind.variant_class} instead of encode"
        return warning("untrained_path", line, message, cure, words.select)
    if path == "reconstruction":
        message = f"The loss {words.verb} in another way than decode(encode(x)) + skip(x), which "
        message += f"is scored: they differ by {found.apart or 0:.0%}"
        error_of = "'s error" if words.hook == "reconstruction" else ""
        cure = f"return the same {words.predicted}{error_of} from {words.hook}(x, f), if that is "
        cure += "not intended"
        return warning("untrained_path", lines.method(TRAINER_CLASS, words.hook), message, cure)
    made = "self.ae.decode(f.dense())" if found.sparse else "self.ae.decode(self.ae.encode(x))"
    made += " + self.ae.skip(x)" if declared.skip else ""
    message = f"The loss never calls {path}, so {path} stays untrained and is scored like that"
    cure = "let the loss use it"
    if found.sparse:
        cure += f": {words.trainer} computes {words.predicted} in {words.hook}(x, f), so override "
        cure += "that"
    written = (words.hook_text if found.sparse else words.loss_text).format(made=made)
    return error("untrained_path", line, message, cure, written)

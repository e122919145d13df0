"""The extraction rules, as data: which words indicate which field of a record, and how strongly.

A rule is a regular expression for running text with a strength between 0 and 1. `candidates` raises
or lowers the strength by section and sentence. The rules come from how papers of the field are
usually worded, not from the papers of our benchmark. English only.
"""

import re
from typing import NamedTuple

from fumehood_tools.paper_records.record import FieldName


class Cue(NamedTuple):
    """Words that indicate a field."""

    name: str
    field: FieldName
    strength: float
    pattern: re.Pattern[str]


class Parameter(NamedTuple):
    """A hyperparameter, and the pattern that matches its names."""

    name: str
    pattern: str
    strength: float = 0.6


def _cue(name: str, field: FieldName, strength: float, pattern: str) -> Cue:
    return Cue(name, field, strength, re.compile(rf"\b(?:{pattern})", re.I))


CUES = (
    _cue("introduces", "methodology", 0.6,
         r"(?:we|this paper|this work) (?:propose|introduce|present|develop|design|describe)"
         r"(?:d|ed|s)?\b"),
    _cue("does", "methodology", 0.45,
         r"we (?:then |first |also |next )?(?:train|fit|us|collect|construct|sampl|compar|appl"
         r"|adopt|comput|select|fine-?tun|initiali[sz]|replac|normali[sz]|penali[sz]|build|built"
         r"|implement|combin|extract|record|run|ran|tax)(?:e|ed|ied|y)?\b"),
    _cue("is done", "methodology", 0.4,
         r"(?:is|are|was|were) (?:trained|initiali[sz]ed|optimi[sz]ed|kept|normali[sz]ed|computed"
         r"|designed to|built on|drawn from|taken from)\b"),
    _cue("our method", "methodology", 0.5,
         r"our (?:\w+ )?(?:method(?:ology)?|approach|framework|system|pipeline|procedure"
         r"|architecture)(?: \w+)? (?:consists|follows|combines|uses|works|takes|builds|extends"
         r"|trains|includes)\b"),
    _cue("held out", "validation_methods", 0.6,
         r"(?:held-?out|validation set|test set|development set|cross-?validat\w+|k-fold)\b"),
    _cue("spread", "validation_methods", 0.6,
         r"(?:confidence intervals?|standard (?:deviation|error)s?|bootstrap\w*|p-values?|t-test"
         r"|statistical(?:ly)? significan\w+|(?:random )?seeds\b|averaged over)"),
    _cue("control", "validation_methods", 0.5,
         r"(?:ablat\w+|baselines?|control experiments?|human (?:evaluat|rat|annotat)\w+"
         r"|we (?:evaluate|validate|measure|verify|test)d?\b|sanity checks?|benchmarked"
         r"|validated (?:by|on|against))"),
    _cue("hardware", "compute_requirements", 0.7,
         r"(?:(?:\d+\s?[×x]?\s?|single |one )?(?:NVIDIA |AMD |Google )?(?:[AVH]\d{2,3}s?|RTX ?\w+"
         r"|GTX ?\w+|TPU ?v?\d?\w*|GPUs?)\b)"),
    _cue("duration", "compute_requirements", 0.6,
         r"(?:\d[\d.,]*\s?(?:GPU|TPU|CPU|A100|H100)[- ]?(?:hours?|days?)|(?:takes?"
         r"|took|required?|trained"
         r"|training|ran|runs?)\b[^.]{0,40}?\b\d[\d.,]*\s?(?:hours?|days?|minutes)"
         r"|FLOPs?|wall-?clock)"),
    _cue("memory", "compute_requirements", 0.5, r"\d[\d.,]*\s?(?:GB|GiB|TB)\b"),
    _cue("finds", "findings", 0.6,
         r"we (?:also |further )?(?:find|found|observe|show|see|demonstrate|conclude"
         r"|discover|note)d?\b"),
    _cue("suggests", "findings", 0.5,
         r"(?:results?|findings?|experiments?|evidence) (?:show|suggest|indicate|demonstrate)s?\b"),
    _cue("marks", "findings", 0.5, r"(?:surprisingly|interestingly|notably|in contrast"
                                   r"|remarkably)\b"),
    _cue("compares", "findings", 0.4,
         r"(?:outperform\w*|better than|improves? (?:on|over|upon)|reduces?|gives?|on par with)\b"),
    _cue("limits", "limitations", 0.7,
         r"(?:limitations?|limited (?:to|by)|drawbacks?|shortcomings?|caveats?|restricted to)\b"),
    _cue("only", "limitations", 0.6,
         r"we (?:only|do not|did not|cannot|could not|have not|leave)\b"
         r"|only (?:consider|evaluate|test)"),
    _cue("not feasible", "limitations", 0.5,
         r"(?:not (?:able|possible|feasible|clear)|infeasible|unclear|remains? open|at the cost of"
         r"|may (?:not|behave differently)|assumes? that)\b"),
    _cue("fails", "failure_modes", 0.6,
         r"(?:fail(?:s|ed|ures?)?|diverg(?:e[sd]?|ence|ing)|collaps(?:e[sd]?|ing)|unstable"
         r"|instabilit(?:y|ies)|breaks? down|struggles?)\b"),
    _cue("worse", "failure_modes", 0.5,
         r"(?:(?:perform\w* )?(?:worse|poorly)|degrad\w+|hurts?|harms?|does not (?:help|improve)"
         r"|no improvement|dead (?:latents|features|neurons)|artefacts?|artifacts?)\b"),
    _cue("future", "future_work", 0.8,
         r"(?:future (?:work|research|directions?|studies|experiments)|in the future)\b"),
    _cue("plans", "future_work", 0.6,
         r"(?:we (?:plan|intend|hope|aim) to|next steps?|remains? to be"
         r"|promising (?:direction|avenue)"
         r"|could be (?:extended|improved|applied)|further (?:testing|work|study|research)"
         r"|worth (?:exploring|investigating)|leave\b.{0,60}\b(?:to|for) future)"),
)  # fmt: skip

HOME = {
    "methodology": r"method|approach|model|architecture|training|set-?up|data|experiment",
    "technical_parameters": (
        r"method|training|set-?up|detail|hyper-?parameter"
        r"|implementation|experiment"
    ),
    "validation_methods": r"evaluat|experiment|validation|set-?up|metric|ablation",
    "compute_requirements": r"compute|hardware|resource|training|implementation|detail|cost",
    "metrics": r"result|evaluat|experiment|comparison|benchmark",
    "findings": r"result|finding|analysis|discussion|conclusion|front matter",
    "limitations": r"limit|discussion|caveat|threat",
    "failure_modes": r"limit|fail|result|discussion|analysis|error",
    "future_work": r"future|conclusion|discussion|outlook",
    "code_links": r"code|availab|reproduc|front matter",
}
"""Field -> pattern for titles of the sections that usually contain it."""

OTHERS = re.compile(r"related|background|prior work|previous work|literature|preliminar", re.I)
"""Titles of sections about other people's work."""

OWN_WORDS = re.compile(r"\b(?:we|our|ours|us|this (?:paper|work|study|project))\b", re.I)
THEIR_WORDS = re.compile(
    r"\b(?:their|they|prior|previous(?:ly)?|earlier|existing|et al)\b|\[\d[\d, –-]*\]"
    r"|\((?:[^()]*, )?(?:19|20)\d\d[a-z]?\)",
    re.I,
)

NUMBER = (
    r"(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))"
    r"(?:e[-−+]?\d{1,2}|\s?[×x·]\s?10(?:\^?\{?[-−]?\d{1,2}\}?|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|\^\{?[-−]?\d{1,2}\}?|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
    r"(?:\s?(?:%|[kKMB](?![^\W_])|thousand\b|million\b|billion\b))?"
)
COUNT_WORDS = r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"

PARAMETERS = (
    Parameter("learning rate", r"learning rates?|lr\b"),
    Parameter("batch size", r"(?:mini-?)?batch sizes?"),
    Parameter("dictionary size", r"dictionary (?:size|width)|dictionary has|SAE width"),
    Parameter("expansion factor", r"expansion (?:factor|ratio)"),
    Parameter("k", r"(?-i:k)", 0.5),
    Parameter("L0", r"(?:target |average |mean |an )?(?:L_?0|ℓ_?0)", 0.5),
    Parameter(
        "L1 coefficient", r"(?:L_?1|ℓ_?1|sparsity) (?:coefficient|penalty|weight|loss weight)"
    ),
    Parameter("λ", r"(?:λ|lambda)"),
    Parameter("β1", r"(?:β_?1|β₁|beta_?1)"),
    Parameter("β2", r"(?:β_?2|β₂|beta_?2)"),
    Parameter("α", r"(?:α|alpha)", 0.5),
    Parameter("ε", r"(?:ε|ϵ|epsilon)", 0.5),
    Parameter("weight decay", r"weight decay"),
    Parameter("dropout", r"dropout(?: rate)?"),
    Parameter("warm-up steps", r"warm-?up(?: steps| over| of)?"),
    Parameter("context length", r"(?:context|sequence) (?:length|window|size)"),
    Parameter("temperature", r"temperature"),
    Parameter("hidden size", r"hidden (?:size|dimension)|d_?model|residual (?:width|dimension)"),
    Parameter("layer", r"(?:after |at |of )?layers?", 0.5),
    Parameter("epochs", r"epochs", 0.5),
    Parameter("seeds", r"seeds", 0.5),
    Parameter("training steps", r"(?:training )?steps", 0.4),
)

COUNTED = (
    "tokens|latents|features|layers|attention heads|heads|training steps|warm-?up steps|steps"
    "|epochs|random seeds|seeds|parameters|samples|examples|dimensions|prompts"
)
"""Units that follow a count, as in '200 million tokens'."""

METRIC_NAMES = (
    r"explained variance|variance explained|(?:CE |cross-entropy )?loss (?:recovered|increase)"
    r"|cross-entropy(?: loss)?|(?:[\w-]+ ){0,2}accuracy|F1(?: score)?|precision|recall|perplexity"
    r"|BLEU|ROUGE(?:-\w)?|AUROC|AUC|MSE|mean squared error|RMSE|R\^?²?2?|FVU|KL divergence"
    r"|cosine similarity|dead (?:latents|features)|mAP|success rate|win rate|error rate|pass@\d+"
)

CODE_HOSTS = re.compile(
    r"(?:https?://)?(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org"
    r"|huggingface\.co|zenodo\.org|osf\.io|anonymous\.4open\.science)/[^\s<>\"”’)\]}]+",
    re.I,
)
CODE_WORDS = re.compile(
    r"\b(?:code|implementation|repository|released?|available|open-?source)", re.I
)

SETTINGS_TABLE = re.compile(r"hyper-?parameters?|settings?|configurations?", re.I)
METRIC_HEADER = re.compile(rf"\b(?:{METRIC_NAMES}|EV|L0|score|loss|rate)\b|%|↑|↓", re.I)

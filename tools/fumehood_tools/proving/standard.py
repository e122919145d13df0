"""The sandbox standard as data: every requirement with its number, its proof and the remedy.

docs/sandbox-standard.md is made from this list by scripts/standard_page.py, and a test compares
them.
"""

from typing import Literal, NamedTuple

VERSION = 3
"""Raise it when a requirement changes its meaning, so that kept reports are not shown any more."""

Stage = Literal["read", "run"]
PARTS = {
    1: "Manifest",
    2: "Interface",
    3: "Sealed core",
    4: "Baselines",
    5: "Controls",
    6: "Budget",
    7: "Evaluation",
    8: "Rules for agents",
}
"""The parts of the standard, by the first digit of their requirements."""


class Requirement(NamedTuple):
    """One requirement. stage: whether reading the folder is enough to prove it."""

    number: str
    stage: Stage
    says: str
    proof: str
    remedy: str


REQUIREMENTS = (
    Requirement(
        "1.1",
        "read",
        "`sandbox.toml` can be read: valid TOML, no unknown key, every value possible",
        "The file is parsed and checked as `run_variants` does it.",
        "Correct the key that is named.",
    ),
    Requirement(
        "1.2",
        "read",
        "`template` names a kind of sandbox that exists",
        "The name is looked up among the kinds that this version has.",
        "Write the name of a kind, as create_sandbox's `source` lists them.",
    ),
    Requirement(
        "1.3",
        "read",
        "`sandbox.toml` says every setting itself: none is left to a default that may change",
        "Every key of the settings is looked for in the file.",
        "Add the line that is named.",
    ),
    Requirement(
        "2.1",
        "run",
        "The interface can be imported and has the base classes of its kind",
        "The sandbox's own `core/` is imported in a new process behind the glass, which can read "
        "nothing else of the sandbox.",
        "Mend the module that is named, or copy core/ from a new sandbox.",
    ),
    Requirement(
        "2.2",
        "read",
        "A variant is one file that defines the class of its kind and needs nothing outside "
        "`variants/`: it imports `core` and the allowed libraries only",
        "The rules that `check_variant` applies without running a file, on every file.",
        "Change the line that is named; put code that several variants need into each of them.",
    ),
    Requirement(
        "3.1",
        "read",
        "`core/` is the packaged one, byte for byte",
        "Every file is compared with the packaged copy, which is what runs use.",
        "Copy core/ from a new sandbox. A change of core is a new kind of sandbox.",
    ),
    Requirement(
        "3.2",
        "read",
        "The folder has plain files only, and none of them is a link",
        "The folder is walked without following links.",
        "Replace the link by the file, or remove it.",
    ),
    Requirement(
        "3.3",
        "read",
        "`results/` has only what this workspace's evaluator wrote; a template has none",
        "Every record's signature is verified with the workspace's key and ledger, and every other "
        "file in results/ is named.",
        "Remove the files that are named. Scores made elsewhere are not scores here.",
    ),
    Requirement(
        "4.1",
        "read",
        "At least one packaged baseline that is trained is there, unchanged",
        "Hashes of the files in `variants/` are compared with the packaged ones.",
        "Copy a baseline from a new sandbox of the same kind.",
    ),
    Requirement(
        "4.2",
        "run",
        "Every baseline trains",
        "Each is trained behind the glass with this sandbox's settings and a short budget, and its "
        "weights have to leave those it started with.",
        "Call check_variant with its name: it shows the line.",
    ),
    Requirement(
        "4.3",
        "run",
        "Every baseline gets a score",
        "Each is scored by the evaluator, in a copy of the sandbox.",
        "Read the refusal that is quoted; check_variant shows the line.",
    ),
    Requirement(
        "4.4",
        "run",
        "The same seed gives the same weights, byte for byte",
        "Each baseline is trained twice with one seed, and the weights' hashes are compared.",
        "Draw every random number with torch after the sandbox has seeded it; use no clock, no "
        "address of an object and no order of a set.",
    ),
    Requirement(
        "4.5",
        "run",
        "Another seed gives other weights",
        "Each baseline is trained with a second seed, and the hashes of its matrices are compared, "
        "at the start and at the end.",
        "Remove the seed that the file sets itself.",
    ),
    Requirement(
        "5.1",
        "run",
        "There is an untrained control, and it is not trained",
        "A file with `TRAIN = False` is looked for; its training must take no step.",
        "Copy untrained.py from a new sandbox of the same kind.",
    ),
    Requirement(
        "5.2",
        "run",
        "A blank ties: a baseline under another name gets the same weights",
        "A renamed copy of each baseline is trained with the same seed, and the hashes are "
        "compared.",
        "Find what depends on the name of the file, and remove it.",
    ),
    Requirement(
        "5.3",
        "run",
        "Spikes are caught: a planted cheat gets no score that an honest variant could not have, "
        "reads nothing and leaves nothing",
        "Cheats of the red team are trained and scored beside the baselines, without the static "
        "rules, at this machine's level of the glass.",
        "Raise the level of the glass (FUMEHOOD_GLASS=auto, limits.glass); docs/glass.md says what "
        "each level lets through.",
    ),
    Requirement(
        "6.1",
        "read",
        "The budget is not empty: tokens, steps, seeds and limits are above 0",
        "The values of `sandbox.toml` are checked; a training has at least 10 steps.",
        "Raise the value that is named.",
    ),
    Requirement(
        "6.2",
        "run",
        "The whole budget of a baseline fits into its limits",
        "The time of the short trainings is scaled up to the steps of sandbox.toml.",
        "Raise limits.train_minutes, or lower corpus.train_tokens.",
    ),
    Requirement(
        "7.1",
        "run",
        "Nothing that is trained on is evaluated on",
        "Documents of both splits are compared by their hashes, and rows by their tokens.",
        "Remove copies from the corpus; split text that repeats itself into more documents.",
    ),
    Requirement(
        "7.2",
        "run",
        "Every score is a receipt that verifies",
        "The records of the short run are read back and verified with key and ledger.",
        "Report it: this cannot come from the sandbox's files.",
    ),
    Requirement(
        "7.3",
        "run",
        "The evaluation tells trained from untrained",
        "The best baseline has to be better than the untrained control in the headline metric.",
        "Raise training.lr or corpus.train_tokens; check that the site carries information.",
    ),
    Requirement(
        "7.4",
        "run",
        "The evaluation repeats itself: the same weights get the same metrics again",
        "The weights of a baseline are scored a second time, in new processes, and each metric is "
        "compared.",
        "Seed every draw of the evaluation from `context.seed`; use no clock, no order of a set "
        "and nothing that an earlier call left.",
    ),
    Requirement(
        "8.1",
        "read",
        "`README.md` and `AGENTS.md` are there",
        "Both files are read.",
        "Write the file: README.md for people, AGENTS.md with the rules.",
    ),
    Requirement(
        "8.2",
        "read",
        "The two documents name every file and folder",
        "Each entry of the folder, and each file in `variants/` that comes with it, is looked for.",
        "Add a line about it to README.md, or remove the file.",
    ),
    Requirement(
        "8.3",
        "read",
        "Every file that the two documents name is there",
        "Names in backquotes that look like files of the sandbox are looked up.",
        "Correct the name, or add the file.",
    ),
    Requirement(
        "8.4",
        "read",
        "`AGENTS.md` says what may be changed, what must not, the interface, the loop, what is "
        "measured, what is refused, and the limits",
        "Each of these topics has words that must be in the text.",
        "Add the rule that is named.",
    ),
)
"""All requirements, in order."""

BY_NUMBER = {one.number: one for one in REQUIREMENTS}

"""The requirements as they are for a sandbox with an interface and an evaluation of its own.

Only those that differ: there is no `core/`, nothing is trained, and the sealed files are its own.
"""

from fumehood_tools.proving.standard import BY_NUMBER, Requirement


def _own(number: str, *, says: str = "", proof: str = "", remedy: str = "") -> Requirement:
    """Return a requirement with other words, where there are some."""
    usual = BY_NUMBER[number]
    return usual._replace(
        says=says or usual.says, proof=proof or usual.proof, remedy=remedy or usual.remedy
    )


_CHANGED = (
    _own(
        "2.1",
        says="The interface can be imported and has the base class that `[custom]` names",
        proof="Every variant is run behind the glass, with a copy of the interface and the inputs.",
        remedy="Mend the module that is named: the package in custom.interface.",
    ),
    _own(
        "2.2",
        says="A variant is one file that defines the class that `[custom]` names and needs nothing "
        "outside `variants/`: it imports the interface and the allowed libraries only",
        proof="Imports and classes of every file are read.",
    ),
    _own(
        "3.1",
        says="The sealed files (interface, inputs, evaluation, `[custom]`, `[subject]`) are those "
        "that were pinned",
        proof="Their hash is compared with the pin, if there is one.",
        remedy="Put the files back; or a person reads the change and accepts it with `fumehood "
        "sandbox accept NAME` in a terminal.",
    ),
    _own(
        "4.1",
        says="At least one baseline is there: a variant without `TRAIN = False`",
        proof="The files in `variants/` are read.",
        remedy="Write a baseline: the usual method, as one file in variants/.",
    ),
    _own(
        "4.2",
        says="Every variant produces its arrays",
        proof="Each is run behind the glass, and the shapes and types of its arrays are checked.",
    ),
    _own(
        "4.3",
        says="Every variant gets a score",
        proof="Its arrays are measured by the sandbox's own evaluation, in a copy of the sandbox.",
    ),
    _own(
        "4.4",
        says="The same seed gives the same arrays, byte for byte",
        proof="Each variant is run twice with one seed, and the hashes of its arrays are compared.",
        remedy="Draw every random number from the seed that `produce` gets; use no clock, no "
        "address of an object and no order of a set.",
    ),
    _own(
        "4.5",
        says="Another seed gives other arrays",
        proof="Each baseline is run with a second seed, and the hashes of its arrays are compared.",
        remedy="Use the seed that `produce` gets, for instance to choose among the inputs.",
    ),
    _own(
        "5.1",
        says="There is a control: a variant with `TRAIN = False`",
        proof="A file with `TRAIN = False` is looked for.",
        remedy="Write one that ignores the inputs, such as zeros or a random direction.",
    ),
    _own(
        "5.2",
        says="A blank ties: a variant under another name produces the same arrays",
        proof="A renamed copy of each variant is run with the same seed, and the hashes are "
        "compared.",
    ),
    _own(
        "5.3",
        proof="Four cheats made for this interface are run and evaluated beside the variants, at "
        "this machine's level of the glass.",
    ),
    _own(
        "6.2",
        says="Each variant takes less than half of its limits",
        proof="Producing and evaluating are timed.",
        remedy="Raise limits.train_minutes or limits.score_minutes, or use less text.",
    ),
    _own(
        "7.1",
        says="No text that variants get is evaluated on",
        proof="The input texts are looked for in the files of the evaluation.",
        remedy="Hold other texts out.",
    ),
    _own(
        "7.3",
        says="The evaluation tells baselines from controls",
        proof="The best baseline has to be better than the best control in the headline metric.",
        remedy="Look at what the evaluation measures, and whether the site carries information.",
    ),
    _own(
        "7.4",
        says="The evaluation repeats itself: the same arrays get the same metrics again",
        proof="The arrays of a baseline are evaluated a second time, in new processes, and each "
        "metric is compared.",
    ),
)
OWN_BY_NUMBER = BY_NUMBER | {one.number: one for one in _CHANGED}
"""All requirements for a sandbox with an evaluation of its own, in order."""

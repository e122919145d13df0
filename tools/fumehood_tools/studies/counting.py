"""Count the plans about files beyond those that are tries already: each is one more try.

Whoever registers plan after plan, each with fresh seeds, and concludes only from the best, has
tried as often as there were plans. So every plan about a file counts, in all studies of the
workspace, whether it was run and concluded or not: what its seeds give may have been learned with a
copy of the file. Of the plans about a file that was scored, one is left out, as that file is a try
already. A plan whose entry is gone or was edited counts once. Light: reads entries and records.
"""

from collections import Counter

from fumehood_tools.compare.tries import count_tries
from fumehood_tools.studies.entries import PLAN
from fumehood_tools.studies.lab import FILE_CHARACTERS, Lab


def all_tries(lab: Lab) -> int:
    """Return what p values of a conclusion are corrected for: tries of everybody, and plans again.

    Raises StorageFailed.
    """
    return count_tries(lab.settings.sandboxes, lab.records, lab.chosen_packaged) + plans_again(lab)


def plans_again(lab: Lab) -> int:
    """Return the number of verdicts that plans could give beyond one per scored file."""
    about: Counter[tuple[str, str]] = Counter()
    readable = set[str]()
    for entry, plan in lab.all_plans():
        readable.add(entry.place)
        own = (file for file in plan.variants if not file.packaged)
        about.update((plan.sandbox, file.file_sha256) for file in own)
    scored = sum(file[:FILE_CHARACTERS] in lab.scored_seeds(sandbox) for sandbox, file in about)
    gone = [
        place
        for place, line in lab.book.standing.items()
        if line.kind == PLAN and place not in readable
    ]
    return about.total() - scored + len(gone)

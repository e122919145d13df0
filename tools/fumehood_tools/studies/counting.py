"""Count the plans that were made again about the same file: each is one more try.

Whoever registers plan after plan about one file, each with fresh seeds, and concludes only from the
best, has tried as often as there were plans. So every plan beyond the first about a file counts,
in all studies of the workspace, whether it was concluded or not, once one of its planned seeds was
scored. A plan whose entry is gone or was edited counts once. Light: reads entries and records.
"""

from collections import Counter

from fumehood_tools.compare.tries import count_tries
from fumehood_tools.studies.entries import PLAN
from fumehood_tools.studies.lab import FILE_CHARACTERS, Lab


def all_tries(lab: Lab) -> int:
    """Return what p values of a conclusion are corrected for: tries of everybody, and plans again.

    Raises StorageFailed.
    """
    return count_tries(lab.settings.sandboxes, lab.records, lab.packaged) + plans_again(lab)


def plans_again(lab: Lab) -> int:
    """Return the number of verdicts that plans could give beyond one per file."""
    about: Counter[str] = Counter()
    readable = set[str]()
    for entry, plan in lab.all_plans():
        readable.add(entry.place)
        scored = lab.scored_seeds(plan.sandbox)
        begun = {key.partition("/")[0] for key, seed in scored if seed in plan.seeds}
        for file in plan.variants:
            is_begun = file.file_sha256[:FILE_CHARACTERS] in begun
            about[f"{plan.sandbox}/{file.file_sha256}"] += is_begun and not file.packaged
    gone = [
        place
        for place, line in lab.book.standing.items()
        if line.kind == PLAN and place not in readable
    ]
    return sum(count - 1 for count in about.values() if count > 1) + len(gone)

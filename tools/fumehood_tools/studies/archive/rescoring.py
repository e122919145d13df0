"""Score SAEs of an archive again, on a machine that has the subject.

Weights and sources are copied to a scratch folder and scored by `runs.rescore` like stored ones.
Only archives written with --weights have weights.
"""

import random
from pathlib import Path

from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import make_private
from fumehood_tools.glass import scratch_folder
from fumehood_tools.receipts.audit import Discrepancy, Sound
from fumehood_tools.receipts.export import Statement
from fumehood_tools.runs.rescore import Rescoring, Say, rescore
from fumehood_tools.settings import Settings
from fumehood_tools.studies.archive.checking import CheckedArchive
from fumehood_tools.studies.archive.writing import source_name, weights_name
from fumehood_tools.studies.archive.zips import ArchiveReader
from fumehood_tools.studies.references.stating import SCORE


def rescore_archive(
    file: Path, checked: CheckedArchive, settings: Settings, count: int, say: Say
) -> Rescoring:
    """Return the results for a random sample of the scores in a verified archive.

    A note among the findings says if there are no weights. Raises Damaged, StorageFailed.
    """
    reader = ArchiveReader(file)
    scores = [one for one in checked.statements if one.content["predicate"]["kind"] == SCORE]
    with_weights = [one for one in scores if weights_name(one.place, one.record) in reader.members]
    if not with_weights:
        text = "the archive has no weights, so nothing was scored again"
        note = Discrepancy(place="weights", level="note", code="no_weights", message=text)
        return Rescoring([], [note])
    try:
        make_private(settings.state)
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Creating a scratch folder") from error
    drawn = random.SystemRandom().sample(with_weights, min(count, len(with_weights)))
    with scratch_folder(settings.state, "archive-") as scratch:
        sound = [_unpacked(reader, one, scratch / str(at)) for at, one in enumerate(drawn)]
        return rescore(sound, settings, count, say)


def _unpacked(reader: ArchiveReader, one: Statement, folder: Path) -> Sound:
    """Copy the source and the weights of a score to a folder."""
    record = one.record
    reader.copy(source_name(SCORE, record), folder / f"{record['variant']}.py")
    name = weights_name(one.place, record)
    reader.copy(name, folder / name.rpartition("/")[2])
    return Sound(kind=SCORE, place=one.place, folder=folder, record=record, written=None)

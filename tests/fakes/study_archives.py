"""Archives of a study that a test changes, with or without the key of their owner."""

import base64
import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fumehood_tools.receipts import dsse
from fumehood_tools.studies.archive.checking import check_archive
from fumehood_tools.studies.archive.writing import INDEX
from fumehood_tools.studies.archive.zips import write_zip
from fumehood_tools.studies.notebook import append
from fumehood_tools.studies.report.writing import Prose, render

PROSE = Prose(
    plan="See entry 2.",
    code="One file.",
    walk_through="Train and score.",
    results="It gains {{conclusion:5/sharper#effect}}, to {{mean:box/sharper#explained_variance}}.",
    limitations="One layer.",
)


def store_report(lab: Any) -> Any:
    """Append a report without figures to the study; return what was stored."""
    done = render(lab.resolver(), "Sharper", PROSE, lambda _: ([], []), lab.library().find)
    append(lab.workspace, "threshold", done.content, done.files)
    return done.content


class Archive:
    """A copy of an archive, which a test changes."""

    def __init__(self, exported: Path, folder: Path) -> None:
        self.file, self.key = folder / "study.zip", folder / "study.zip.pub"
        shutil.copy(exported, self.file)
        shutil.copy(f"{exported}.pub", self.key)
        self.private = dsse.signing_key(_with_key(exported.parent / "private", folder))

    def files(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.file) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def rewrite(self, files: Mapping[str, bytes]) -> None:
        write_zip(self.file, files)

    def change(self, name: str, change: Callable[[bytes], bytes | None]) -> None:
        """Change one file; None removes it. Nothing is signed again."""
        files = self.files()
        changed = change(files.pop(name))
        self.rewrite(files if changed is None else {**files, name: changed})

    def wrong(self, **options: Any) -> list[str]:
        return check_archive(self.file, self.key, **options).wrong


def _with_key(private: Path, folder: Path) -> Path:
    state = folder / "state"
    state.mkdir(exist_ok=True)
    shutil.copy(private, state / dsse.EXPORT_KEY_FILE)
    return state


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return change


def payload_of(line: bytes) -> Any:
    return json.loads(base64.b64decode(json.loads(line)["payload"]))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def resigned(archive: Archive, name: str, content: bytes) -> None:
    """Replace a file of the archive, and sign the list of its files again."""
    files = {**archive.files(), name: content}
    outer = payload_of(files.pop(INDEX))
    subject = [{"name": one, "digest": {"sha256": digest(files[one])}} for one in sorted(files)]
    body = dsse.statement(subject, outer["predicateType"], outer["predicate"])
    archive.rewrite({**files, INDEX: dsse.sealed(body, archive.private)})

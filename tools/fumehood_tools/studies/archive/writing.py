"""Collect a study with all of its receipts and write it as one archive.

In it: every entry, every score and failure of the sandboxes that its plans, reports and reflections
name, registered plans, reports, the source of every variant, and the ledger's head. Nothing is
exported while anything of it is not as it was signed.

Costs a hash of every file of these sandboxes, about 1 s per GB of weights.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fumehood_tools.custom.scored import KIND as OWN_SCORE
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.files import sha256_of, write_bytes
from fumehood_tools.kinds import SAE, kind_named
from fumehood_tools.receipts import dsse
from fumehood_tools.receipts.audit import Sound, audit_under
from fumehood_tools.receipts.export import PUBLIC_SUFFIX, signed_lines
from fumehood_tools.receipts.files import named_files
from fumehood_tools.receipts.key import load_key
from fumehood_tools.receipts.ledger import read_ledger
from fumehood_tools.receipts.places import SANDBOXES, STATE
from fumehood_tools.receipts.signing import mac_of
from fumehood_tools.studies.archive import crate
from fumehood_tools.studies.archive.zips import Content, write_zip
from fumehood_tools.studies.entries import PLAN, REPORT, Plan
from fumehood_tools.studies.notebook import STUDIES, Study, StudyShelf, study_names
from fumehood_tools.studies.references.stating import FAILURE, SCORE
from fumehood_tools.studies.report.checking import audit_reports
from fumehood_tools.studies.view import notebook_text
from fumehood_tools.timestamps import now

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ARCHIVE_TYPE = "urn:fumehood:study-archive:v1"
INDEX, RECEIPTS, LEDGER = "archive.intoto.json", "receipts.intoto.jsonl", "ledger.json"
PUBLIC_KEY, NOTEBOOK, README = "public-key.pem", "notebook.md", "README.md"


RUNS = (SCORE, FAILURE, OWN_SCORE)
"""The kinds of records whose variants' sources are in an archive."""


class Archived(NamedTuple):
    """An archive that was written. key: file of the public key. head: MAC of the ledger's end."""

    file: Path
    key: Path
    key_id: str
    receipts: int
    files: int
    head: str
    lines: int


def export_study(
    workspace: Path,
    name: str,
    to: Path,
    *,
    weights: bool = False,
    license: str | None = None,
    exported: str | None = None,
) -> Archived:
    """Write the archive of a study, and the public key next to it (`<file>.pub`).

    weights: include those of all scores. license: SPDX id under which it is published. exported:
    ISO 8601, UTC; default: now. The same study and time give the same bytes. Raises UnknownName,
    BadRequest when anything is not as it was signed or the archive would be too large,
    StorageFailed.
    """
    study = StudyShelf(workspace).read(name)
    sandboxes = _sandboxes(workspace, study)
    under = [f"{STUDIES}/{name}", *(f"{SANDBOXES}/{box}" for box in sandboxes)]
    report, sound = audit_under(workspace, under)
    findings = [*report.findings, *audit_reports(report, sound)]
    if wrong := [finding.line() for finding in findings if finding.level == "wrong"]:
        head = "Nothing was exported. Fix or withdraw these first, see fumehood verify:"
        raise BadRequest("\n".join([head, *wrong[:10]]))
    withdrawn = sorted({one.place for one in report.findings if one.code == "withdrawn"})
    key, when = dsse.signing_key(workspace / STATE), exported or now()
    ledger = _ledger(workspace, sound)
    about = crate.About(
        study=name,
        question=study.opened.question,
        exported=when,
        version=version("fumehood"),
        workspace=str(ledger["workspace"]),
        license=license,
    )
    lines = signed_lines(sound, withdrawn, key, {"study": name, "sandboxes": sandboxes}, when)
    pem = dsse.pem_of(key.public_key())
    files: dict[str, Content] = {
        RECEIPTS: lines,
        LEDGER: json.dumps(ledger, indent=0, sort_keys=True).encode() + b"\n",
        NOTEBOOK: notebook_text(study).encode(),
        PUBLIC_KEY: pem,
        crate.CITATION: crate.citation(about, f"Study {name}"),
        README: _readme(about, ledger).encode(),
        **_entry_files(sound),
        **_run_files(sound, weights=weights),
    }
    files = _with_index(files, about, ledger, withdrawn, _actions(sound), key)
    write_zip(to, files)
    public = to.with_name(to.name + PUBLIC_SUFFIX)
    write_bytes(public, pem)
    key_id = dsse.key_id_of(key.public_key())
    last, count = str(ledger["head"]), int(ledger["lines"])
    return Archived(to, public, key_id, len(sound), len(files), last, count)


def _with_index(
    files: Mapping[str, Content],
    about: crate.About,
    ledger: Mapping[str, Any],
    withdrawn: Sequence[str],
    actions: Sequence[crate.RunAction],
    key: "Ed25519PrivateKey",
) -> dict[str, Content]:
    """Return the files with the crate's metadata and the signed list of all of them."""
    sizes = {n: len(c) if isinstance(c, bytes) else c.stat().st_size for n, c in files.items()}
    # The index signs the metadata, which has the index's size: that depends on names only.
    draft = dsse.sealed(_index(about, {**files, crate.METADATA: b""}, ledger, withdrawn), key)
    described = crate.metadata(about, {**sizes, INDEX: len(draft)}, actions)
    whole: dict[str, Content] = {**files, crate.METADATA: described}
    return {**whole, INDEX: dsse.sealed(_index(about, whole, ledger, withdrawn), key)}


def _sandboxes(workspace: Path, study: Study) -> list[str]:
    """Return the sandboxes that plans, reports, reflections and claims of a study name."""
    found = {plan.sandbox for _, plan in study.only(Plan)}
    texts = [json.dumps(e.content.model_dump(mode="json")) for e in study.entries if e.content]
    known = sorted(one.name for one in (workspace / SANDBOXES).glob("[!.]*") if one.is_dir())
    for box in known:
        marks = (f"{SANDBOXES}/{box}/", f"score:{box}/", f"mean:{box}/", f"sd:{box}/")
        if any(mark in text for text in texts for mark in marks):
            found.add(box)
    if missing := sorted(found.difference(known)):
        hint = f"A plan of the study {study.name} names it. Restore its folder from a backup."
        raise UnknownName("sandbox", missing[0], known, hint)
    return sorted(found)


def _ledger(workspace: Path, sound: Sequence[Sound]) -> dict[str, Any]:
    """Return the MAC of every line of the ledger, and the line of every receipt, from 1."""
    key = load_key(workspace / STATE)
    if key is None:
        hint = "Open a study first."
        raise UnknownName("study", workspace.name, study_names(workspace), hint)
    held = read_ledger(workspace / STATE, key)
    macs = [line.mac for line in held.lines]
    there = {mac_of(one.record) for one in sound}
    order = {
        line.receipt: number
        for number, line in enumerate(held.lines, 1)
        if line.action == "written" and line.receipt in there
    }
    last = macs[-1] if macs else ""
    return {
        "workspace": key.workspace,
        "lines": len(macs),
        "head": last,
        "macs": macs,
        "order": order,
    }


def _entry_files(sound: Sequence[Sound]) -> dict[str, Content]:
    """Return the registered plans and the reports, by their name in the archive."""
    found: dict[str, Content] = {}
    for one in sound:
        if one.kind in (PLAN, REPORT) and one.place.startswith(f"{STUDIES}/"):
            number = one.place.rpartition("/")[2][:4]
            for file in named_files(one.kind, one.record):
                found[f"{one.kind}s/{number}/{file.name}"] = one.folder / file.name
    return found


def _run_files(sound: Sequence[Sound], *, weights: bool) -> dict[str, Content]:
    """Return the sources of variants, and weights, by their name in the archive."""
    found: dict[str, Content] = {}
    for one in sound:
        if one.kind not in RUNS:
            continue
        found[source_name(one.kind, one.record)] = one.folder / f"{one.record['variant']}.py"
        if weights and one.kind == SCORE:
            name = weights_name(one.place, one.record)
            found[name] = one.folder / name.rpartition("/")[2]
    return found


def source_name(kind: str, record: Mapping[str, Any]) -> str:
    """Return the name of the variant's source of a run in an archive."""
    own = f"{record['variant']}.py"
    sha256 = next(file.sha256 for file in named_files(kind, record) if file.name == own)
    return f"variants/{record['variant']}-{sha256[:12]}.py"


def weights_name(place: str, record: Mapping[str, Any]) -> str:
    """Return the name of the weights of a score in an archive. It ends with that of the file."""
    file = kind_named(record.get("kind", SAE.name)).weights_file
    return f"weights/{place.removeprefix(SANDBOXES + '/')}/{file}"


def _actions(sound: Sequence[Sound]) -> list[crate.RunAction]:
    return [
        crate.RunAction(
            place=one.place,
            name=f"Training and scoring of {one.record['variant']}, seed {one.record['seed']}",
            started=one.record["started"],
            finished=one.record["finished"],
            failed=one.record["message"] if one.kind == FAILURE else None,
            source=source_name(one.kind, one.record),
            receipt=mac_of(one.record),
        )
        for one in sound
        if one.kind in (SCORE, FAILURE)
    ]


def _index(
    about: crate.About,
    files: Mapping[str, Content],
    ledger: Mapping[str, Any],
    withdrawn: Sequence[str],
) -> bytes:
    """Return the statement that lists every other file by digest."""
    subject = [{"name": n, "digest": {"sha256": _sha256(files[n])}} for n in sorted(files)]
    predicate = {
        **about._asdict(),
        "ledger": {"lines": ledger["lines"], "head": ledger["head"]},
        "withdrawn": list(withdrawn),
    }
    return dsse.statement(subject, ARCHIVE_TYPE, predicate)


def _sha256(content: Content) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return sha256_of(content)


def _readme(about: crate.About, ledger: Mapping[str, Any]) -> str:
    return (
        f"# Study {about.study}\n\n{about.question}\n\n"
        "Everything in this archive is signed. To check it, without access to the workspace it is "
        "from:\n\n"
        f"```sh\npip install 'fumehood=={about.version}'\n"
        "fumehood verify FILE.zip --key FILE.zip.pub\n"
        "```\n\nTake the public key from where its owner published it; the one in the archive only "
        "shows that nothing was changed after somebody signed it.\n\n"
        f"The ledger had {ledger['lines']} lines, and its head was `{ledger['head']}`. With "
        "`--head` and the head of a newer report, an older copy of the archive is noticed.\n"
    )

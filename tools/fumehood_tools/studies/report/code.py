"""The source of every variant that was run, by digest, and its difference from its parent.

The sources come from the records' folders, where their digests are signed. Packaged files are
listed with their digest only.
"""

import difflib
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.files import sha256_of
from fumehood_tools.kinds import CUSTOM, Kind, template_folder
from fumehood_tools.plain_files import read_plain
from fumehood_tools.receipts.places import SANDBOXES
from fumehood_tools.records.scores import Score
from fumehood_tools.sandbox.declarations import parent_of
from fumehood_tools.sandbox.variants import kind_in, packaged_variants
from fumehood_tools.studies.report.facts import Facts
from fumehood_tools.studies.report.markdown import bullets, code, digest, plain


class Source(NamedTuple):
    """One version of a variant's file. sha256: of the file in variants/, before constants were set.

    is_exact: the bytes are that file; else the copy of a run with other constants.
    """

    name: str
    sha256: str
    content: bytes
    is_packaged: bool
    is_exact: bool
    kind: Kind


def sources_of(facts: Facts, workspace: Path) -> list[Source]:
    """Return every version of every variant that was run, by name. Controls are left out."""
    found: dict[tuple[str, str], Source] = {}
    kinds = {run.sandbox: kind_in(workspace / SANDBOXES / run.sandbox) for run in facts.runs}
    for run in facts.runs:
        content = run.content
        if content.control is not None:
            continue
        key = content.variant, content.file_version
        if key in found and found[key].is_exact:
            continue
        path = workspace / run.basis.place / f"{content.variant}.py"
        found[key] = Source(
            name=content.variant,
            sha256=content.file_version,
            content=read_plain(path),
            is_packaged=packaged_variants(kinds[run.sandbox]).get(content.variant)
            == content.file_version,
            is_exact=sha256_of(path) == content.file_version,
            kind=kinds[run.sandbox],
        )
    for own in facts.own:
        path = workspace / own.basis.place / f"{own.variant}.py"
        found.setdefault(
            (own.variant, own.file),
            Source(
                name=own.variant,
                sha256=own.file,
                content=read_plain(path),
                is_packaged=False,
                is_exact=sha256_of(path) == own.file,
                kind=CUSTOM,
            ),
        )
    return [found[key] for key in sorted(found)]


def code_part(sources: list[Source], parents: dict[str, str]) -> str:
    """Return the sources as Markdown. parents: digest of a file -> name of its parent as measured.

    The parent of a file is the one that it was measured against, or else declares.
    """
    packaged = [f"{plain(one.name)} {digest(one.sha256)}" for one in sources if one.is_packaged]
    said = [f"Packaged, unchanged:\n\n{bullets(packaged)}"] if packaged else []
    said += [_source(one, sources, parents) for one in sources if not one.is_packaged]
    return "\n\n".join(said) or "Nothing was run."


def measured_parents(facts: Facts) -> dict[str, str]:
    """Return digest of a variant's file -> the parent that the evaluator compared it with."""
    return {
        content.file_version: content.inertness.declared or content.inertness.parent
        for content in (run.content for run in facts.runs)
        if isinstance(content, Score) and content.inertness is not None
    }


def _source(one: Source, sources: list[Source], parents: dict[str, str]) -> str:
    text = one.content.decode("utf-8", "replace")
    copy = "" if one.is_exact else " (a copy in which a run set other constants)"
    said = [f"### {plain(one.name)}", f"sha256 `{one.sha256}`{copy}", code(text, "python")]
    name = parents.get(one.sha256)
    name = name or parent_of(one.content, one.name, is_packaged=one.is_packaged)
    parent = _parent(name, sources, one.kind) if name else None
    if name is None:
        said.append("It declares no parent.")
    elif parent is None:
        said.append(f"Its parent {plain(name)} was not run, and is not packaged.")
    else:
        lines = difflib.unified_diff(
            parent.decode("utf-8", "replace").splitlines(),
            text.splitlines(),
            f"{name}.py",
            f"{one.name}.py",
            lineterm="",
        )
        said += [f"Difference from its parent {plain(name)}:", code("\n".join(lines), "diff")]
    return "\n\n".join(said)


def _parent(name: str, sources: list[Source], kind: Kind) -> bytes | None:
    """Return the source of a parent: as it was run, or else the packaged file."""
    ran = [one for one in sources if one.name == name and one.kind is kind]
    if ran:
        return ran[-1].content
    path = template_folder(kind) / "variants" / f"{name}.py"
    return read_plain(path) if name in packaged_variants(kind) else None

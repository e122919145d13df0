"""The metadata of an archive for other programs and for citing: RO-Crate 1.3 and CITATION.cff.

Every file is a data entity; every run is a CreateAction of the Process Run Crate profile, with the
variant's file as its object and the receipt as its result. Written here as JSON-LD, so that the
same study gives the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

METADATA, CITATION = "ro-crate-metadata.json", "CITATION.cff"
_CRATE = "https://w3id.org/ro/crate/1.3"
_PROCESS = "https://w3id.org/ro/wfrun/process/0.5"
_SPDX = "https://spdx.org/licenses/"
_UNSTATED, _AUTHORS, _IDENTITY = "#no-license-stated", "#authors", "#identity"
_TYPES = {
    "md": "text/markdown",
    "html": "text/html",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "csv": "text/csv",
    "svg": "image/svg+xml",
    "py": "text/x-python",
    "pem": "application/x-pem-file",
    "cff": "application/yaml",
    "safetensors": "application/octet-stream",
}


class RunAction(NamedTuple):
    """One run, as a crate describes it. source: name of the variant's file in the archive."""

    place: str
    name: str
    started: str
    finished: str
    failed: str | None
    source: str
    receipt: str


class About(NamedTuple):
    """What a crate says about its study. license: an SPDX id; None: the authors stated none."""

    study: str
    question: str
    exported: str
    version: str
    workspace: str
    license: str | None = None


def metadata(about: About, files: Mapping[str, int], runs: Sequence[RunAction]) -> bytes:
    """Return ro-crate-metadata.json. files: name of every other file -> its size in bytes."""
    actions = [entity for run in runs for entity in _action(run, _software(about))]
    names = sorted(files)
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Study {about.study}",
        "description": about.question,
        "datePublished": about.exported,
        "license": {"@id": f"{_SPDX}{about.license}" if about.license else _UNSTATED},
        "conformsTo": {"@id": _PROCESS},
        "identifier": {"@id": _IDENTITY},
        "author": {"@id": _AUTHORS},
        "publisher": {"@id": _AUTHORS},
        "hasPart": [{"@id": name} for name in names],
        "mentions": [{"@id": one["@id"]} for one in actions if one["@type"] == "CreateAction"],
    }
    graph = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": _CRATE},
        },
        {key: value for key, value in root.items() if value != []},
        *_context(about),
        *(_file(name, files[name]) for name in names),
        *actions,
    ]
    content = {"@context": f"{_CRATE}/context", "@graph": graph}
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"


def _context(about: About) -> list[dict[str, Any]]:
    return [
        {
            "@id": f"{_SPDX}{about.license}" if about.license else _UNSTATED,
            "@type": "CreativeWork",
            "name": about.license or "No license",
            "description": "License of the text and data of this study."
            if about.license
            else "The authors of this study have not stated a license.",
        },
        {
            "@id": _PROCESS,
            "@type": ["CreativeWork", "Profile"],
            "name": "Process Run Crate",
            "version": "0.5",
        },
        {
            "@id": _software(about),
            "@type": "SoftwareApplication",
            "name": "fumehood",
            "description": "Trained and scored the SAEs behind glass, and signed the receipts.",
            "url": _software(about),
            "version": about.version,
        },
        {
            "@id": _AUTHORS,
            "@type": "Organization",
            "name": f"The authors of the study {about.study}",
        },
        {
            "@id": _IDENTITY,
            "@type": "PropertyValue",
            "name": "workspace and study",
            "propertyID": "fumehood",
            "value": f"urn:fumehood:{about.workspace}:{about.study}",
        },
    ]


def _file(name: str, size: int) -> dict[str, Any]:
    suffix = name.rpartition(".")[2]
    return {
        "@id": name,
        "@type": "File",
        "name": name,
        "description": _description(name),
        "contentSize": str(size),
        "encodingFormat": _TYPES.get(suffix, "application/octet-stream"),
    }


def _description(name: str) -> str:
    folder = name.partition("/")[0]
    return _SAID.get(folder) or _SAID.get(name) or "A file of the study."


_SAID = {
    "receipts.intoto.jsonl": "Every receipt as an in-toto Statement in a signed DSSE envelope.",
    "archive.intoto.json": "Signed list of all files, with the ledger's head.",
    "ledger.json": "MAC of every line of the ledger, and the line of every receipt.",
    "public-key.pem": "Public key; trust it only if it was published elsewhere too.",
    "notebook.md": "The notebook of the study.",
    "plans": "A plan as it was registered before its runs.",
    "reports": "A report, rendered from the receipts.",
    "variants": "Source of a variant as it was run.",
    "weights": "Weights of a trained SAE.",
}


def _software(about: About) -> str:
    """Return fumehood's package URL, as RO-Crate wants a `url`; it names no place on the web."""
    return f"pkg:generic/fumehood@{about.version}"


def _action(run: RunAction, software: str) -> list[dict[str, Any]]:
    receipt = {
        "@id": f"#receipt-{run.receipt[:16]}",
        "@type": "PropertyValue",
        "name": "receipt",
        "value": run.receipt,
    }
    status = "FailedActionStatus" if run.failed else "CompletedActionStatus"
    action = {
        "@id": f"#{run.place}",
        "@type": "CreateAction",
        "name": run.name,
        "description": f"{run.name}, see the receipt of {run.place}.",
        "instrument": {"@id": software},
        "object": {"@id": run.source},
        "result": {"@id": receipt["@id"]},
        "startTime": run.started,
        "endTime": run.finished,
        "agent": {"@id": _AUTHORS},
        "actionStatus": f"http://schema.org/{status}",
        **({"error": run.failed} if run.failed else {}),
    }
    return [action, receipt]


def citation(about: About, title: str) -> bytes:
    """Return CITATION.cff (version 1.2.0) of an archive."""
    content = {
        "cff-version": "1.2.0",
        "message": "If you use this study, please cite it.",
        "title": title,
        "type": "dataset",
        "abstract": about.question,
        "authors": [{"name": f"The authors of the study {about.study}"}],
        "date-released": about.exported[:10],
        **({"license": about.license} if about.license else {}),
        "identifiers": [
            {
                "type": "other",
                "value": f"urn:fumehood:{about.workspace}:{about.study}",
                "description": "Workspace and study whose receipts are in the archive",
            }
        ],
        "references": [
            {
                "type": "software",
                "title": "fumehood",
                "version": about.version,
                "authors": [{"name": "The fumehood contributors"}],
            }
        ],
    }
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return text.encode()

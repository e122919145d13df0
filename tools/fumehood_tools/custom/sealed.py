"""The sealed files of a custom sandbox: their hash, and the pin of a reviewer.

Sealed are the interface, the inputs, the evaluation and the manifest's sections that decide a
score. A pin says that somebody has read them: it is signed with the workspace's key, and while it
stands, a run refuses other files.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from fumehood_tools.errors import BadRequest, IntegrityFailed, StorageFailed
from fumehood_tools.files import read_json, sha256_of, write_json
from fumehood_tools.proving.folder import tree_digest
from fumehood_tools.receipts import make_key
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.spec import CustomSpec
from fumehood_tools.timestamps import now

_PURPOSE = "fumehood pin of sealed files 1"


class SealedFile(BaseModel, frozen=True):
    """One sealed file as it was pinned."""

    sha256: str
    size: int = Field(description="bytes")


class Pin(BaseModel, frozen=True):
    """What a reviewer has pinned. files and settings: empty in pins of earlier versions."""

    sandbox: str
    sealed_sha256: str
    pinned: str = Field(description="ISO 8601, UTC")
    files: dict[str, SealedFile] = {}
    settings: dict[str, Any] = Field({}, description="[custom] and [subject], by key")
    before: list[str] = Field([], description="hashes that were pinned earlier, oldest first")


def custom_of(box: Sandbox) -> CustomSpec:
    """Return the section [custom]. Raises BadRequest for a sandbox of another kind."""
    if box.spec.custom is None:
        raise BadRequest(f"{box.name} has no evaluation of its own. Use run_variants.")
    return box.spec.custom


def sealed_files(box: Sandbox) -> list[str]:
    """Return the sealed files, sorted. Raises StorageFailed if one of the named is missing."""
    custom, found = custom_of(box), list[str]()
    for named in (custom.interface, custom.inputs, custom.evaluation):
        path = box.folder / named
        if not path.exists() or not path.resolve().is_relative_to(box.folder.resolve()):
            raise StorageFailed(f"{named} is not in the sandbox {box.name}. Add it.")
        inside = [path] if path.is_file() else sorted(path.rglob("*"))
        found += [
            one.relative_to(box.folder).as_posix()
            for one in inside
            if one.is_file() and not one.is_symlink() and "__pycache__" not in one.parts
        ]
    return sorted(found)


def sealed_sha256(box: Sandbox) -> str:
    """Return the hash of the sealed files and of the settings that decide a score."""
    spec = box.spec
    deciding = [custom_of(box).model_dump(mode="json"), spec.subject.model_dump(mode="json")]
    return tree_digest(box.folder, sealed_files(box), [json.dumps(deciding, sort_keys=True)])


def stated(box: Sandbox) -> Pin:
    """Return what a pin of the sealed files of now says. Raises StorageFailed."""
    custom, subject = custom_of(box), box.spec.subject
    files = {
        path: SealedFile(sha256=sha256_of(file), size=file.stat().st_size)
        for path in sealed_files(box)
        for file in [box.folder / path]
    }
    settings = {f"custom.{key}": value for key, value in custom.model_dump(mode="json").items()}
    settings |= {f"subject.{key}": value for key, value in subject.model_dump(mode="json").items()}
    return Pin(
        sandbox=box.name,
        sealed_sha256=sealed_sha256(box),
        pinned=now(),
        files=files,
        settings=settings,
    )


def pin(state: Path, box: Sandbox, before: Pin | None = None) -> str:
    """Pin the sealed files as they are now; return their hash. before: the pin that it replaces."""
    made = stated(box)
    if before is not None:
        made = made.model_copy(update={"before": [*before.before, before.sealed_sha256]})
    content = made.model_dump(mode="json")
    mac = make_key(state).mac(_PURPOSE, _canonical(content))
    write_json(_place(state, box), {**content, "mac": mac})
    return made.sealed_sha256


def pin_of(state: Path, box: Sandbox) -> Pin | None:
    """Return the pin of a sandbox, or None if nothing was pinned.

    Raises IntegrityFailed for a pin that this workspace did not sign.
    """
    try:
        held = read_json(_place(state, box))
    except StorageFailed:
        return None
    mac = held.pop("mac", "")
    if held.get("sandbox") != box.name or make_key(state).mac(_PURPOSE, _canonical(held)) != mac:
        raise IntegrityFailed(
            "pin",
            "the pin of the sealed files was edited",
            f"Let a reviewer run fumehood sandbox accept {box.name}.",
        )
    return Pin.model_validate(held)


def pinned(state: Path, box: Sandbox) -> str | None:
    """Return the hash that was pinned, or None if nothing was. Raises as `pin_of` does."""
    held = pin_of(state, box)
    return None if held is None else held.sealed_sha256


def is_pinned(state: Path, box: Sandbox, sealed: str) -> bool:
    """Return whether a reviewer has pinned files with this hash, now or earlier."""
    try:
        held = pin_of(state, box)
    except IntegrityFailed:
        return False
    return held is not None and sealed in (held.sealed_sha256, *held.before)


def check_sealed(state: Path, box: Sandbox) -> tuple[str, bool]:
    """Return the hash of the sealed files, and whether it is pinned.

    Raises IntegrityFailed if they are not those that were pinned.
    """
    now_there, held = sealed_sha256(box), pinned(state, box)
    if held is not None and held != now_there:
        raise IntegrityFailed(
            "sealed",
            f"the sealed files of {box.name} are not those that were pinned "
            f"({now_there[:12]}, pinned {held[:12]})",
            "Restore them, or let a reviewer read the change and run "
            f"fumehood sandbox accept {box.name}.",
        )
    return now_there, held is not None


def _place(state: Path, box: Sandbox) -> Path:
    return state / "pins" / f"{box.name}.json"


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()

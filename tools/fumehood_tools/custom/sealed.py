"""The sealed files of a custom sandbox: their hash, and the pin of a reviewer.

Sealed are the interface, the inputs, the evaluation and the manifest's sections that decide a
score. A pin says that somebody has read them: it is signed with the workspace's key, and while it
stands, a run refuses other files.
"""

import json
from pathlib import Path

from fumehood_tools.errors import BadRequest, IntegrityFailed, StorageFailed
from fumehood_tools.files import read_json, write_json
from fumehood_tools.proving.folder import tree_digest
from fumehood_tools.receipts import make_key
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.spec import CustomSpec
from fumehood_tools.timestamps import now

_PURPOSE = "fumehood pin of sealed files 1"


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


def pin(state: Path, box: Sandbox) -> str:
    """Pin the sealed files as they are now; return their hash. Replaces an earlier pin."""
    sealed, key = sealed_sha256(box), make_key(state)
    content = {"sandbox": box.name, "sealed_sha256": sealed, "pinned": now()}
    write_json(_place(state, box), {**content, "mac": key.mac(_PURPOSE, _canonical(content))})
    return sealed


def pinned(state: Path, box: Sandbox) -> str | None:
    """Return the hash that was pinned, or None if nothing was.

    Raises IntegrityFailed for a pin that this workspace did not sign.
    """
    try:
        held = read_json(_place(state, box))
    except StorageFailed:
        return None
    mac = held.pop("mac", "")
    if held.get("sandbox") != box.name or make_key(state).mac(_PURPOSE, _canonical(held)) != mac:
        raise IntegrityFailed(
            "pin", "the pin of the sealed files was edited", "Let a reviewer pin them again."
        )
    return str(held["sealed_sha256"])


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
            "Restore them, or let a reviewer read the change and pin it with validate_sandbox.",
        )
    return now_there, held is not None


def _place(state: Path, box: Sandbox) -> Path:
    return state / "pins" / f"{box.name}.json"


def _canonical(content: dict[str, str]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()

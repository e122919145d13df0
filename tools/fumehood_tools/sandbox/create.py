"""Create, open and list sandboxes.

A sandbox is a copy of a source (a template, another sandbox, a draft: see sources.py) with its own
sandbox.toml. It is built in a hidden folder next to its final place and then renamed, so a crash or
a full disk leaves no incomplete sandbox. A lock per name keeps two creators of one name apart.
Nothing here imports torch or reads activations.
"""

import contextlib
import filecmp
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel

from fumehood_tools.corpora.sources import HUB_PREFIX, known_corpora, local_path
from fumehood_tools.errors import (
    AlreadyExists,
    BadRequest,
    PartMissing,
    StorageFailed,
    UnknownName,
)
from fumehood_tools.files import make_private
from fumehood_tools.kinds import KindName, SiteName, core_folder
from fumehood_tools.locking import exclusive
from fumehood_tools.sandbox.sources import SPEC_FILE as SPEC_FILE
from fumehood_tools.sandbox.sources import Source, copy_source, find_source
from fumehood_tools.settings import Settings
from fumehood_tools.spec import (
    SandboxSpec,
    SubjectSpec,
    check_spec,
    read_spec,
)
from fumehood_tools.subjects import SubjectInfo, describe_subject
from fumehood_tools.subjects.catalogue import SYNTHETIC, SYNTHETIC_TASKS

SANDBOX_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
VARIANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Sandbox(BaseModel, frozen=True):
    """An existing sandbox, with its validated settings."""

    name: str
    folder: Path
    cache: Path
    spec: SandboxSpec

    @property
    def variants(self) -> Path:
        """The folder that the agent writes to."""
        return self.folder / "variants"

    @property
    def results(self) -> Path:
        """The folder that only the evaluator writes to."""
        return self.folder / "results"

    def variant_path(self, variant: str) -> Path:
        """Return the path of a variant's file; read it with `read_plain`. Raises UnknownName.

        variant: its name, with or without .py.
        """
        name = variant.removesuffix(".py")
        path = self.variants / f"{name}.py"
        if not VARIANT_NAME.fullmatch(name) or not os.path.lexists(path):
            known = [found.stem for found in self.variants.glob("*.py")]
            step = f"Write variants/<name>.py in {self.folder}, or call list_variants."
            raise UnknownName("variant", variant, known, step)
        return path

    def trained_with(self, values: Mapping[str, Any]) -> "Sandbox":
        """Return the sandbox with other values in [training]; its sandbox.toml stays as it is.

        Raises BadRequest for a value that is not possible.
        """
        content = self.spec.model_dump()
        content["training"] |= values
        return self.model_copy(update={"spec": check_spec(content)})

    def describe_subject(self) -> SubjectInfo:
        """Return facts about the subject model. Raises UnknownName, BadRequest, PartMissing."""
        return describe_subject(self.spec.subject, self.cache)


def create_sandbox(
    settings: Settings,
    name: str,
    *,
    template: KindName = "sae",
    source: str | None = None,
    own_variants: bool = False,
    subject: str | None = None,
    layer: int | None = None,
    site: SiteName | None = None,
    corpus: str | None = None,
    dict_size: int | None = None,
    train_tokens: int | None = None,
    eval_tokens: int | None = None,
    seeds: Sequence[int] | None = None,
) -> Sandbox:
    """Create a sandbox under settings.sandboxes and return it. None means the default value.

    source: a kind, a sandbox of the workspace, or a folder of the workspace with a draft; default:
    `template`. The defaults of all other arguments are the source's settings. own_variants: whether
    a sandbox's own variants are taken along; its results never are.
    The default layer of a template is at a third of the subject's depth (layer 10 of SmolLM2's
    30). Raises BadRequest (name, layer or value out of range), AlreadyExists, UnknownName (source,
    subject, corpus), PartMissing (subject not installed), StorageFailed (disk not writable).
    """
    _check_name(name)
    folder = settings.sandboxes / name
    _refuse_to_overwrite(folder)
    origin = find_source(settings, source or template, own_variants=own_variants)
    chosen: dict[str, dict[str, Any]] = {
        "": {"dict_size": dict_size},
        "subject": {"name": subject, "layer": layer, "site": site},
        "corpus": {"name": corpus, "train_tokens": train_tokens, "eval_tokens": eval_tokens},
        "training": {"seeds": list(seeds) if seeds is not None else None},
        "scoring": {},
    }
    custom = origin.spec is not None and origin.spec.custom is not None
    if custom and any(map(_is_given, (dict_size, corpus, train_tokens, eval_tokens))):
        raise BadRequest(
            "A sandbox with an evaluation of its own has no dictionary and no corpus. Omit "
            "dict_size, corpus, train_tokens and eval_tokens."
        )
    _settle_subject(chosen, origin.spec, settings.cache)
    if custom:
        chosen = {part: chosen[part] for part in ("subject", "training")}
    text = _fill_in(origin.folder / SPEC_FILE, chosen)
    with _sole_creator(settings.state, name):
        # Another process may have created it since the first look.
        _refuse_to_overwrite(folder)
        _build(folder, origin, text)
    return open_sandbox(settings, name)


def open_sandbox(settings: Settings, name: str) -> Sandbox:
    """Return an existing sandbox. Raises UnknownName, BadRequest (sandbox.toml), StorageFailed."""
    folder = settings.sandboxes / name
    if not SANDBOX_NAME.fullmatch(name) or not (folder / SPEC_FILE).is_file():
        known = list_sandboxes(settings)
        raise UnknownName("sandbox", name, known, "Make it with create_sandbox.")
    spec = read_spec(folder / SPEC_FILE)
    return Sandbox(name=name, folder=folder, cache=settings.cache, spec=spec)


def list_sandboxes(settings: Settings) -> list[str]:
    """Return the names of all sandboxes in the workspace, sorted."""
    found = settings.sandboxes.glob(f"*/{SPEC_FILE}")
    return sorted(path.parent.name for path in found if SANDBOX_NAME.fullmatch(path.parent.name))


def tampered_core(sandbox: Sandbox) -> list[str]:
    """Return the changed, missing and additional files in core/, as "core/<path>", sorted."""
    # A sandbox with an interface of its own has sealed files instead, see custom/sealed.py.
    return [] if sandbox.spec.custom is not None else changed_core(sandbox.folder)


def changed_core(sandbox: Path) -> list[str]:
    """Return what `tampered_core` does, for a folder whose settings cannot be read."""
    packaged, copy = core_folder(), sandbox / "core"
    names = {
        path.relative_to(folder).as_posix()
        for folder in (packaged, copy)
        for path in folder.rglob("*.py")
    }
    same, _, _ = filecmp.cmpfiles(packaged, copy, names, shallow=False)
    return [f"core/{name}" for name in sorted(names - set(same))]


def _is_given(value: object) -> bool:
    return value is not None


def _check_name(name: str) -> None:
    if not SANDBOX_NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} is not a valid name for a sandbox. Use 1 to 64 lower case letters, digits, "
            "- and _, and begin with a letter or digit."
        )


@contextlib.contextmanager
def _sole_creator(state: Path, name: str) -> Iterator[None]:
    """Hold the lock for creating a sandbox of this name in the workspace. Raises StorageFailed."""
    try:
        make_private(state)
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Making the sandbox {name}") from error
    with exclusive(state / f"creating-{name}.lock"):
        yield


def _refuse_to_overwrite(folder: Path) -> None:
    if os.path.lexists(folder):
        raise AlreadyExists(
            f"There is a sandbox {folder.name!r} already, at {folder}, and sandboxes are never "
            "overwritten. Work in it (list_variants shows its variants), or choose another name."
        )


def _settle_subject(
    chosen: dict[str, dict[str, Any]], held: SandboxSpec | None, cache: Path
) -> None:
    """Check subject, layer and corpus, and fill in the defaults that depend on the subject.

    held: the settings of the source, which apply if the subject is the same; None: a template.
    """
    wanted = chosen["subject"]
    if held is not None and wanted["name"] in (None, held.subject.name):
        kept = held.subject.model_dump()
        wanted |= {key: kept[key] for key, value in wanted.items() if value is None}
        chosen["corpus"]["name"] = chosen["corpus"]["name"] or held.corpus.name
    else:
        held = None
    asked = {key: value for key, value in wanted.items() if value is not None}
    # The default layer depends on the subject, which is not looked up yet; layer 0 always exists.
    subject = check_spec({"subject": {"layer": 0, **asked}}).subject
    info = describe_subject(SubjectSpec(**subject.model_dump()), cache)
    if not info.available:
        raise PartMissing(f"The subject {info.name}", info.get_command)
    if wanted["layer"] is None:
        wanted["layer"] = info.n_layers // 3
    corpus = chosen["corpus"]
    if corpus["name"] is None:
        corpus["name"] = SYNTHETIC if info.kind == "synthetic" else None
    elif corpus["name"] not in known_corpora() and not corpus["name"].startswith(HUB_PREFIX):
        # Jobs run in a different working folder, so a relative path would not be found.
        corpus["name"] = str(local_path(corpus["name"]).absolute())
    _check_pair(corpus["name"], info)
    if info.kind == "synthetic" and held is None:
        chosen["scoring"]["probing_tasks"] = list(SYNTHETIC_TASKS)


def _check_pair(corpus: str | None, info: SubjectInfo) -> None:
    if corpus is not None and (corpus == SYNTHETIC) != (info.kind == "synthetic"):
        raise BadRequest(
            f"Corpus {corpus} does not fit subject {info.name}: the synthetic subject, and no "
            "other, samples its own text. Omit corpus to get one that fits."
        )


def _fill_in(template: Path, chosen: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of sandbox.toml with the chosen values and the template's comments.

    Raises BadRequest for invalid values, StorageFailed if the template cannot be read.
    """
    try:
        document = tomlkit.parse(template.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageFailed.from_os_error(error, "Reading the template's sandbox.toml") from error
    for section, values in chosen.items():
        given = {key: value for key, value in values.items() if value is not None}
        if given and section and section not in document:
            # A draft may leave a section to its defaults.
            document[section] = tomlkit.table()
        table: Any = document[section] if given and section else document
        for key, value in given.items():
            table[key] = value
    check_spec(document.unwrap())
    return tomlkit.dumps(document)


def _build(folder: Path, source: Source, spec_text: str) -> None:
    """Build the sandbox in a hidden folder next to `folder`, then rename it. Raises StorageFailed.

    Also removes what an earlier, killed attempt left. The caller holds the lock of the name, so no
    other process can be at work on what is removed.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for leftover in folder.parent.glob(f".creating-{folder.name}.*"):
            shutil.rmtree(leftover, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".creating-{folder.name}."))
        try:
            copy_source(source, draft)
            (draft / SPEC_FILE).write_text(spec_text, encoding="utf-8")
            draft.chmod(0o755)
            draft.rename(folder)
        except BaseException:
            with contextlib.suppress(OSError):
                shutil.rmtree(draft)
            raise
    except shutil.Error as error:
        reason = error.args[0][0][2] if error.args and error.args[0] else error
        raise StorageFailed(
            f"Copying the template failed: {reason}. Free some disk space, then repeat the call; "
            "the incomplete copy was removed."
        ) from error
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Making the sandbox {folder.name}") from error

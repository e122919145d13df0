"""Where a winner is tested again: a layer or subject that no sandbox of its study has used.

Without a choice it is another layer of the same subject, the unused one nearest to two thirds of
its depth; of a subject with one layer, it is the other subject that needs no download (synthetic,
or smollm2-135m).

What was used is read from the ledger, so deleting a sandbox, or editing it, hides nothing. Its
lines name a layer by a digest (`receipts.trials.spot_word`); those of versions before that do not,
and of these the records that are there count. Light: reads settings, records and the ledger.
"""

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.receipts.trials import spot_word
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, ScoringSpec, SubjectSpec
from fumehood_tools.studies.entries import HoldoutAnswer, Plan
from fumehood_tools.studies.lab import FILE_CHARACTERS, Lab
from fumehood_tools.studies.notebook import Study
from fumehood_tools.subjects import SubjectInfo, describe_subject
from fumehood_tools.subjects.catalogue import (
    ALIASES,
    SYNTHETIC,
    SYNTHETIC_TASKS,
    known_subjects,
)
from fumehood_tools.subjects.embedded import NAME as EMBEDDED

OTHER = {SYNTHETIC: EMBEDDED, EMBEDDED: SYNTHETIC}
_STEP = 8


class Spot(NamedTuple):
    """A subject and a layer."""

    subject: str
    layer: int

    @property
    def word(self) -> str:
        """How the ledger names it."""
        return spot_word(self.subject, self.layer)

    def __str__(self) -> str:
        return f"layer {self.layer} of {Path(self.subject).name}"


class Elsewhere(NamedTuple):
    """The place of a re-test, and the settings of the sandbox for it."""

    test: Literal["layer", "subject"]
    spot: Spot
    spec: SandboxSpec


def used_spots(lab: Lab, study: Study) -> set[str]:
    """Return the words of all places that the sandboxes of a study's plans are or were at."""
    names, found = {plan.sandbox for _, plan in study.only(Plan)}, set[str]()
    for name in names:
        with contextlib.suppress(UnknownName):  # the folder is gone
            subject = open_sandbox(lab.settings, name).spec.subject
            found.add(Spot(subject.name, subject.layer).word)
    return found | {spot for name, spots in lab.spots.items() if name in names for spot in spots}


def tested_spots(lab: Lab, study: Study) -> list[tuple[HoldoutAnswer, Spot]]:
    """Return the re-tests of a study with where they were, in order.

    Those that were entered, but have not begun, are left out. Whether their sandboxes are still
    there, or were edited, plays no part: the entry says where a re-test was. Entries of earlier
    versions say it in words, and the ledger confirms them.
    """
    found = []
    for _, said in study.only(HoldoutAnswer):
        if said.test == "holdout" or not said.sandbox:
            continue
        trained = set(lab.spots.get(said.sandbox, ()))
        if said.asked and not trained and not (lab.settings.sandboxes / said.sandbox).is_dir():
            continue
        found.append((said, _spot_of(lab.settings, said, trained)))
    return found


def _spot_of(settings: Settings, said: HoldoutAnswer, trained: Collection[str]) -> Spot:
    """Return where a re-test was. trained: words of the places that the ledger has for it."""
    if said.layer is not None:
        return Spot(said.subject, said.layer)
    layer, _, name = said.where.partition(",")[0].removeprefix("layer ").partition(" of ")
    at = int(layer) if layer.isdecimal() else 0
    full = [*known_subjects(), *ALIASES.values()]
    with contextlib.suppress(UnknownName):  # the folder is gone
        full.insert(0, open_sandbox(settings, said.sandbox).spec.subject.name)
    candidates = [Spot(one, at) for one in full if Path(one).name == name]
    confirmed = [spot for spot in candidates if spot.word in trained]
    return (confirmed or [*candidates, Spot(name, at)])[0]


def choose_place(
    lab: Lab,
    study: Study,
    spec: SandboxSpec,
    layer: int | None = None,
    subject: str | None = None,
    avoid: Collection[str] = (),
) -> Elsewhere:
    """Return where to test again, and the settings there. spec: of the sandbox of the plan.

    avoid: words of places that are not chosen without being asked for. Raises BadRequest for a
    place that the study has used, or if no place is left to choose; UnknownName or PartMissing for
    a subject that does not exist or is not installed.
    """
    settings, own = lab.settings, spec.subject.name
    used = used_spots(lab, study) | {Spot(own, spec.subject.layer).word}
    if layer is None and subject is None:
        spot = _default(settings, own, used | set(avoid))
    else:
        name = subject or own
        spot = Spot(name, _third(_info(settings, name)) if layer is None else layer)
    if spot.word in used:
        raise BadRequest(
            f"A sandbox of the study {study.name} is or was at {spot}, so it shows nothing new "
            "there. Pass another layer or subject, or neither to have one chosen."
        )
    info = _info(settings, spot.subject, spot.layer)
    # Another layer of a subject where an earlier test was is no new subject.
    seen = used | {there.word for _, there in tested_spots(lab, study)} - {spot.word}
    is_seen = any(Spot(spot.subject, at).word in seen for at in range(info.n_layers))
    test: Literal["layer", "subject"] = "layer" if is_seen else "subject"
    return Elsewhere(test, spot, spec_elsewhere(spec, spot, info, _info(settings, own).d_model))


def spec_elsewhere(spec: SandboxSpec, spot: Spot, info: SubjectInfo, width: int) -> SandboxSpec:
    """Return the settings of a sandbox, carried over to another place.

    The dictionary keeps its ratio to the width of the activations, rounded to a multiple of 8.
    Corpus and probing tasks change only between the synthetic subject and a language model. width:
    of the activations at the old place.
    """
    sizes = max(_STEP, _STEP * round(spec.dict_size * info.d_model / width / _STEP))
    corpus, scoring = spec.corpus, spec.scoring
    if (info.kind == "synthetic") != (corpus.name == SYNTHETIC):
        is_synthetic = info.kind == "synthetic"
        corpus = corpus.model_copy(update={"name": SYNTHETIC if is_synthetic else "mixed"})
        tasks = SYNTHETIC_TASKS if is_synthetic else ScoringSpec().probing_tasks
        if scoring.probing_tasks:
            scoring = scoring.model_copy(update={"probing_tasks": tasks})
    subject = SubjectSpec(name=spot.subject, layer=spot.layer, site=spec.subject.site)
    return spec.model_copy(
        update={"subject": subject, "corpus": corpus, "scoring": scoring, "dict_size": sizes}
    )


def seen_spots(lab: Lab, own: str = "") -> dict[str, str]:
    """Return the words of the places where own files were trained -> one of them, in words.

    A copy of a file tells what the file will do, so every own file counts, in every sandbox that
    the workspace has or had, whether it was scored, failed or was stopped. Left out: the sandbox
    `own`, and planned files in the sandboxes of re-tests.
    """
    studies = lab.all_studies()
    tests = {said.sandbox for one in studies for _, said in one.only(HoldoutAnswer)}
    planned = {
        file.file_sha256
        for one in studies
        for _, plan in one.only(Plan)
        for file in (plan.baseline, *plan.variants)
    }
    files = {file[:FILE_CHARACTERS] for file in planned}
    found = dict[str, str]()
    for name in lab.sandboxes():
        packaged = lab.packaged(name)
        for variant, file, spot in _trained(lab, name):
            is_own = file != packaged.get(variant, "")[:FILE_CHARACTERS]
            if is_own and name != own and not (name in tests and file in files):
                found.setdefault(spot, f"{variant} in the sandbox {name}")
    return found


def _trained(lab: Lab, sandbox: str) -> Iterator[tuple[str, str, str]]:
    """Yield (variant, beginning of the file's sha256, word of the place) of what was trained."""
    for spot, files in lab.spots.get(sandbox, {}).items():
        yield from ((variant, file, spot) for variant, file in sorted(files))
    for score in lab.found(sandbox).scores.values():
        if score.control is None:
            spot = Spot(score.subject, score.layer).word
            yield score.variant, score.file_version[:FILE_CHARACTERS], spot


def refuse_seen(lab: Lab, there: Elsewhere, own: str) -> None:
    """Raise BadRequest if an own file has a score at this place in any sandbox but `own`."""
    if (known := seen_spots(lab, own).get(there.spot.word)) is not None:
        raise BadRequest(
            f"Something of your own was trained at {there.spot} before ({known}), so what comes "
            "out there may be known. Choose another layer or subject."
        )


def _default(settings: Settings, own: str, used: set[str]) -> Spot:
    layers = _info(settings, own).n_layers
    free = [layer for layer in range(layers) if Spot(own, layer).word not in used]
    if free:
        return Spot(own, min(free, key=lambda layer: (abs(layer - 2 * layers // 3), layer)))
    other = OTHER.get(own)
    if other is not None:
        info = _info(settings, other)
        third = _third(info)
        layers_there = sorted(range(info.n_layers), key=lambda layer: (abs(layer - third), layer))
        unseen = [layer for layer in layers_there if Spot(other, layer).word not in used]
        if info.available and unseen:
            return Spot(other, unseen[0])
    raise BadRequest(
        f"The study has used every layer of {own}, and no other subject is here without a "
        "download. Pass a subject (a hub id or a folder with config.json)."
    )


def _third(info: SubjectInfo) -> int:
    """Return the default layer of a subject, as create_sandbox chooses it."""
    return info.n_layers // 3


def _info(settings: Settings, name: str, layer: int = 0) -> SubjectInfo:
    return describe_subject(SubjectSpec(name=name, layer=layer), settings.cache)

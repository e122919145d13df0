"""Where a winner is tested again: a layer or subject that no sandbox of its study has used.

Without a choice it is another layer of the same subject, the unused one nearest to two thirds of
its depth; of a subject with one layer, it is the other subject that needs no download (synthetic,
or smollm2-135m). Light: reads settings and records.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Literal, NamedTuple

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.sandbox.create import open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, ScoringSpec, SubjectSpec
from fumehood_tools.studies.entries import HoldoutAnswer, Plan
from fumehood_tools.studies.lab import Lab
from fumehood_tools.studies.notebook import Study
from fumehood_tools.subjects import SubjectInfo, describe_subject
from fumehood_tools.subjects.catalogue import SYNTHETIC, SYNTHETIC_TASKS
from fumehood_tools.subjects.embedded import NAME as EMBEDDED

OTHER = {SYNTHETIC: EMBEDDED, EMBEDDED: SYNTHETIC}
_STEP = 8


class Spot(NamedTuple):
    """A subject and a layer."""

    subject: str
    layer: int

    def __str__(self) -> str:
        return f"layer {self.layer} of {Path(self.subject).name}"


class Elsewhere(NamedTuple):
    """The place of a re-test, and the settings of the sandbox for it."""

    test: Literal["layer", "subject"]
    spot: Spot
    spec: SandboxSpec


def used_spots(settings: Settings, study: Study) -> set[Spot]:
    """Return the subjects and layers of the sandboxes that the study's plans name."""
    found = set()
    for name in {plan.sandbox for _, plan in study.only(Plan)}:
        try:
            subject = open_sandbox(settings, name).spec.subject
        except UnknownName:
            continue  # the folder is gone, and with it all that could have been tuned in it
        found.add(Spot(subject.name, subject.layer))
    return found


def choose_place(
    settings: Settings,
    study: Study,
    spec: SandboxSpec,
    layer: int | None = None,
    subject: str | None = None,
    avoid: Collection[Spot] = (),
) -> Elsewhere:
    """Return where to test again, and the settings there. spec: of the sandbox of the plan.

    avoid: places that are not chosen without being asked for. Raises BadRequest for a place that
    the study has used, or if no place is left to choose; UnknownName or PartMissing for a subject
    that does not exist or is not installed.
    """
    used = used_spots(settings, study) | {Spot(spec.subject.name, spec.subject.layer)}
    own = spec.subject.name
    if layer is None and subject is None:
        spot = _default(settings, own, used | set(avoid))
    else:
        name = subject or own
        spot = Spot(name, _third(_info(settings, name)) if layer is None else layer)
    if spot in used:
        raise BadRequest(
            f"A sandbox of the study {study.name} is at {spot}, so it shows nothing new there. "
            "Pass another layer or subject, or neither to have one chosen."
        )
    info = _info(settings, spot.subject, spot.layer)
    seen = {one.subject for one in used}
    test: Literal["layer", "subject"] = "layer" if spot.subject in seen else "subject"
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


def seen_spots(lab: Lab, own: str = "") -> dict[Spot, str]:
    """Return where own files were scored -> one of them, with its sandbox, in words.

    A copy of a file tells what the file will do, so every own file counts, in every sandbox of the
    workspace. Left out: the sandbox `own`, and planned files in the sandboxes of re-tests.
    """
    studies = lab.all_studies()
    tests = {said.sandbox for one in studies for _, said in one.only(HoldoutAnswer)}
    planned = {
        file.file_sha256
        for one in studies
        for _, plan in one.only(Plan)
        for file in (plan.baseline, *plan.variants)
    }
    found = dict[Spot, str]()
    for name in lab.sandboxes():
        packaged = lab.packaged(name)
        for score in lab.found(name).scores.values():
            is_own = packaged.get(score.variant) != score.file_version
            is_retest = name == own or (name in tests and score.file_version in planned)
            if score.control is None and is_own and not is_retest:
                spot = Spot(score.subject, score.layer)
                found.setdefault(spot, f"{score.variant} in the sandbox {name}")
    return found


def refuse_seen(lab: Lab, there: Elsewhere, own: str) -> None:
    """Raise BadRequest if an own file has a score at this place in any sandbox but `own`."""
    if (known := seen_spots(lab, own).get(there.spot)) is not None:
        raise BadRequest(
            f"Something of your own was scored at {there.spot} before ({known}), so what comes out "
            "there may be known. Choose another layer or subject."
        )


def _default(settings: Settings, own: str, used: set[Spot]) -> Spot:
    layers = _info(settings, own).n_layers
    free = [layer for layer in range(layers) if Spot(own, layer) not in used]
    if free:
        return Spot(own, min(free, key=lambda layer: (abs(layer - 2 * layers // 3), layer)))
    other = OTHER.get(own)
    if other is not None:
        info = _info(settings, other)
        third = _third(info)
        layers_there = sorted(range(info.n_layers), key=lambda layer: (abs(layer - third), layer))
        unseen = [layer for layer in layers_there if Spot(other, layer) not in used]
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

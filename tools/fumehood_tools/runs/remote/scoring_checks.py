"""Whether SAEs are scored on a pod, what that pod needs, and whether its answer is right."""

from fumehood_tools.errors import BadRequest, GlassTooWeak, RunFailed
from fumehood_tools.glass import STRENGTH
from fumehood_tools.runs.remote.harvest_checks import (
    LARGE_PARAMETERS,
    harvest_packages,
    is_wanted_there,
    parameters_of,
    pinned,
)
from fumehood_tools.runs.remote.scoring_messages import Evaluator
from fumehood_tools.scoring.requests import ScoringAnswer, ScoringRequest, ScoringSetup
from fumehood_tools.settings import GlassLevel, Settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.subjects import describe_subject
from fumehood_tools.subjects.catalogue import local_folder
from fumehood_tools.wings.table import POD_HARVEST, POD_SCORING

SEPARATING: GlassLevel = "landlock"
"""The weakest glass that keeps the children of a scorer apart from each other."""
PACKAGES = {
    "sklearn": "scikit-learn",
    "beartype": "beartype",
    "pandas": "pandas",
    "accelerate": "accelerate",
    "better_abc": "better-abc",
    "rich": "rich",
    "sentencepiece": "sentencepiece",
}
"""What the scorer imports beside what a harvest does, in the versions that are here."""
PACKAGES_ALONE = {"transformer_lens": "transformer-lens"}


def is_scored_there(spec: SandboxSpec, settings: Settings) -> bool:
    """Whether a run on pods or hosts scores there. Raises BadRequest where that cannot be."""
    asked, is_here = settings.of(POD_SCORING), local_folder(spec.subject.name) is not None
    if asked == "here" or (asked == "auto" and is_here):
        return False
    if is_here:
        raise BadRequest(
            "The subject is a folder of this machine, so nothing can be scored with it elsewhere. "
            "Set FUMEHOOD_POD_SCORING=here, or name a subject of the hub."
        )
    if asked == "there":
        return True
    info = describe_subject(spec.subject, settings.cache)
    return parameters_of(info) >= LARGE_PARAMETERS and is_wanted_there(spec, settings)


def check_trains_only(settings: Settings) -> None:
    """Raise BadRequest if harvests or scores are asked for on machines of SkyPilot."""
    for one in (POD_HARVEST, POD_SCORING):
        if settings.of(one) == "there":
            raise BadRequest(
                f"Machines of SkyPilot only train, and {one.variable}=there asks for more. Set it "
                "to here for this run, which then harvests and scores on this machine, or pass "
                'target="runpod" or "ssh".'
            )


def check_may_leave(setup: ScoringSetup) -> None:
    """Raise BadRequest for a sealed holdout, which no rented machine may see."""
    if setup.sealed:
        raise BadRequest(
            "A sealed holdout is never sent to a rented machine: whoever owns that machine could "
            "read it. Score it on this machine: set FUMEHOOD_POD_SCORING=here."
        )


def check_separates(
    place: str, level: GlassLevel, least: GlassLevel, host: str | None = None
) -> None:
    """Raise GlassTooWeak if the children that score could reach each other at a place.

    least: what the sandbox asks for. host: the name of a host of the user's; None: it is rented.
    """
    if STRENGTH[level] < STRENGTH[SEPARATING]:
        remedy = (
            "FUMEHOOD_POD_IMAGE to an image with bubblewrap, or rent another kind of GPU, whose "
            "machines may have Landlock."
            if host is None
            else f"install bubblewrap on {host} and set it up anew: variants that trained there "
            f"may have changed it. Then delete .fumehood/pods/glass/host-{host}.json."
        )
        raise GlassTooWeak(
            f"{place} offers variants no more than {level}, which does not keep the children of a "
            "scorer apart: a variant could read there what its other half was asked. Set "
            f"FUMEHOOD_POD_SCORING=here to score on this machine, or {remedy}"
        )
    if STRENGTH[level] < STRENGTH[least]:
        raise GlassTooWeak(
            f"sandbox.toml requires limits.glass = {least!r}, and {place} scores with no more than "
            f"{level}. Set FUMEHOOD_POD_SCORING=here, or lower limits.glass."
        )


def check_code(place: str, code: Evaluator) -> None:
    """Raise RunFailed if a machine scored with another evaluator than this machine's."""
    if code != Evaluator.here():
        raise RunFailed(
            f"The evaluator on {place} has another digest than the one here, so its scores are not "
            "used. Did fumehood's files change while the run went on? Start the same run again."
        )


def check_answer(
    place: str, request: ScoringRequest, weights_sha256: str, answer: ScoringAnswer
) -> None:
    """Raise RunFailed if an answer is not about what was sent."""
    if answer.name != request.name or answer.weights_sha256 != weights_sha256:
        raise RunFailed(
            f"{place} answered for other weights than those of {request.name} that were sent to "
            "it, so its score is not used. Start the same run again: another pod is rented."
        )


def scoring_packages(spec: SandboxSpec) -> list[str]:
    """Return what a machine that scores needs, as `wanted_packages` does; it may harvest too."""
    wanted = [*harvest_packages(spec), *pinned(PACKAGES, PACKAGES_ALONE)]
    return list(dict.fromkeys(wanted))

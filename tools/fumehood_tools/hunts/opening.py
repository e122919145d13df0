"""Open a hunt: fix the SAE, the concepts, the controls and the number of questions. Light."""

import random
from collections.abc import Sequence

from fumehood_tools.errors import AlreadyExists, BadRequest, UnknownName
from fumehood_tools.hunts.drawing import candidates, control_seeds, count_tries, family_of, tag_of
from fumehood_tools.hunts.host import Answering
from fumehood_tools.hunts.journal import (
    HUNT_NAME,
    Hunt,
    alone,
    earlier_hunts,
    enter,
    read_hunt,
)
from fumehood_tools.hunts.messages import ChooseConcepts, Chosen
from fumehood_tools.hunts.records import Family, HuntOpened
from fumehood_tools.hunts.sae import find_sae
from fumehood_tools.kinds import kind_named
from fumehood_tools.settings import Settings
from fumehood_tools.timestamps import now

QUESTIONS, MOST_QUESTIONS = 16, 200


def open_hunt(
    settings: Settings,
    host: Answering,
    name: str,
    sae: str,
    words: Sequence[str] | None = None,
    questions: int = QUESTIONS,
    draw: random.Random | None = None,
    family: Family | None = None,
) -> Hunt:
    """Enter the task of a new hunt and return it. sae: see `find_sae`. words: three concepts.

    family: None for that of the words, else the usual one of the subject. Without words, concepts
    are drawn that were not hunted in this SAE yet. Raises BadRequest, UnknownName, AlreadyExists if
    a hunt of this name exists or once existed, and the host's errors.
    """
    if not HUNT_NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} cannot be the name of a hunt. Use up to 64 lower-case letters, digits, - "
            "and _, starting with a letter or digit."
        )
    _refuse_known(settings, name)
    source, found = draw or random.SystemRandom(), find_sae(settings, sae)
    if kind_named(found.score.kind).has_targets:
        raise BadRequest(
            f"{sae} is a {found.score.kind}, and a hunt reads and steers at one site. Pass an SAE."
        )
    score, family = found.score, family_of(found.score.subject, family, words)
    tag = tag_of(score.provenance.weights_sha256, family)
    earlier = earlier_hunts(settings.workspace, tag)
    asked = ChooseConcepts(family=family, words=candidates(family, words, earlier, source))
    concepts = host.ask(found, asked, Chosen).concepts
    counted = count_tries([one.word for one in concepts], earlier)
    content = HuntOpened(
        sae=found.place,
        sae_receipt=found.receipt,
        weights_sha256=score.provenance.weights_sha256,
        subject=score.subject,
        layer=score.layer,
        site=score.site,
        dict_size=score.dict_size,
        family=family,
        concepts=concepts,
        questions=questions,
        control_seeds=control_seeds(source),
        tries=list(counted.tries),
        asked_before=counted.asked_before,
        written=now(),
    )
    with alone(settings.workspace, name):
        _refuse_known(settings, name)
        enter(settings.workspace, name, tag, content)
    return read_hunt(settings.workspace, name)


def _refuse_known(settings: Settings, name: str) -> None:
    try:
        read_hunt(settings.workspace, name)
    except UnknownName:
        return
    raise AlreadyExists(
        f"There is, or was, a hunt {name}. Call open_hunt(hunt={name!r}) without other arguments "
        "to see it, or choose another name: it counts as a further try."
    )

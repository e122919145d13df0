"""A hunt in words, for tools and jobs. Light."""

from fumehood_tools.hunts.journal import Hunt
from fumehood_tools.hunts.records import REPEATS, HuntScore, Measure, RepeatScore


def score_in_words(found: HuntScore) -> list[str]:
    """Return the score of a hunt as lines."""
    between = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
    lines = [
        f"score {found.score:.2f}{between} (0: a random direction, 1: the best latent; mean and "
        f"95 % interval of {sum(one.score is not None for one in found.repeats)} repeats)"
    ]
    return lines + [_repeat(one) for one in found.repeats]


def tries_in_words(hunt: Hunt) -> list[str]:
    """Return what must be said about earlier hunts for the same concepts in the same SAE."""
    opened = hunt.opened
    if max(opened.tries) == 1:
        return []
    said = ", ".join(
        f"{concept.word}: try {count}"
        for concept, count in zip(opened.concepts, opened.tries, strict=True)
        if count > 1
    )
    return [
        f"Hunted before in this SAE ({said}); {opened.asked_before} questions were asked in these "
        "earlier hunts, and the score says so."
    ]


def repeats_in_words(hunt: Hunt) -> list[str]:
    """Return one line per repeat: its concept, and what is left or was answered."""
    lines = []
    for repeat in range(1, REPEATS + 1):
        concept, given = hunt.opened.concepts[repeat - 1], hunt.answer(repeat)
        if given is not None:
            latent = "none" if given.latent is None else str(given.latent)
            state = f"answered: latent {latent} after {given.questions} questions"
        elif hunt.is_answered(repeat):
            state = "answered, but that entry is gone or was edited"
        else:
            state = f"{hunt.left(repeat)} of {hunt.opened.questions} questions left"
        lines.append(f"repeat {repeat} ({state}): {concept.told}")
    return lines


def _repeat(one: RepeatScore) -> str:
    latent = "no latent" if one.latent is None else f"latent {one.latent}"
    score = "nothing to find in this SAE" if one.score is None else f"{one.score:.2f}"
    best = "" if one.damage_best is None else f", best {one.damage_best:.2f}"
    return (
        f"repeat {one.repeat} ({one.word}), {latent}: {score}. Detection: AUROC "
        f"{_measure(one.detection)}; F1 {one.f1:.2f} (best {one.f1_best:.2f}). Steering: log-odds "
        f"{_measure(one.steering)}; KL {one.damage:.2f} (random {one.damage_random:.2f}{best}). "
        f"Best at both: latent {one.best_latent}"
    )


def _measure(one: Measure) -> str:
    best = "none within the guard" if one.best is None else f"{one.best:.3f}"
    return f"{one.value:.3f} (random {one.random:.3f}, best {best}, latent {one.best_latent})"

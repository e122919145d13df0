"""Ask a question of a hunt: count it in the ledger, then have it answered. Light."""

from collections.abc import Sequence
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.hunts.host import Answering
from fumehood_tools.hunts.journal import Hunt, alone, enter, read_hunt
from fumehood_tools.hunts.messages import (
    ActiveLatents,
    AskLatent,
    AskText,
    LatentFacts,
)
from fumehood_tools.hunts.records import REPEATS, HuntProbe
from fumehood_tools.hunts.sae import read_sae
from fumehood_tools.settings import Settings
from fumehood_tools.timestamps import now

MOST_CHARACTERS, MOST_TOKENS = 1_000, 128
VOCABULARY = 512
"""Tokens of the synthetic subject."""


class Answered(NamedTuple):
    """The answer to a question. left: questions that the repeat has left. repeated: it was asked
    before, so it cost nothing."""

    found: ActiveLatents | LatentFacts
    left: int
    repeated: bool


def ask(
    settings: Settings,
    host: Answering,
    name: str,
    repeat: int,
    *,
    text: str | None = None,
    tokens: Sequence[int] | None = None,
    latent: int | None = None,
) -> Answered:
    """Return the answer to one question. The same question costs nothing a second time.

    Raises BadRequest if no question is left, if the repeat was answered, or unless exactly one of
    text, tokens and latent is given; UnknownName, StorageFailed, and the host's errors.
    """
    asked, probe = _question(repeat, text, tokens, latent)
    with alone(settings.workspace, name):
        hunt = read_hunt(settings.workspace, name)
        check_repeat(hunt, repeat)
        _check_range(hunt, asked)
        same = (probe.asked, probe.content)
        repeated = any((one.asked, one.content) == same for one in hunt.probes(repeat))
        if not repeated:
            _check_left(hunt, repeat)
            enter(settings.workspace, name, str(repeat), probe)
    left = hunt.left(repeat) - (not repeated)
    sae = read_sae(settings, hunt.opened.sae, hunt.opened.sae_receipt)
    if isinstance(asked, AskLatent):
        return Answered(host.ask(sae, asked, LatentFacts), left, repeated)
    return Answered(host.ask(sae, asked, ActiveLatents), left, repeated)


def check_repeat(hunt: Hunt, repeat: int) -> None:
    """Raise BadRequest unless a repeat is open."""
    if not 1 <= repeat <= REPEATS:
        raise BadRequest(f"A hunt has the repeats 1 to {REPEATS}. Pass one of these.")
    if hunt.is_answered(repeat):
        raise BadRequest(
            f"Repeat {repeat} of the hunt {hunt.name} was answered, so it is closed. Go on with "
            "another repeat; open_hunt with the hunt's name alone shows them."
        )


def _question(
    repeat: int, text: str | None, tokens: Sequence[int] | None, latent: int | None
) -> tuple[AskText | AskLatent, HuntProbe]:
    given = [one for one in (text, tokens, latent) if one is not None]
    if len(given) != 1:
        raise BadRequest(
            "Pass exactly one of text, tokens and latent. To ask about several, call this tool "
            "once for each."
        )
    if latent is not None:
        probe = HuntProbe(repeat=repeat, asked="latent", content=str(latent), written=now())
        return AskLatent(latent=latent), probe
    if text is not None:
        if not text.strip() or len(text) > MOST_CHARACTERS:
            raise BadRequest(f"A text has 1 to {MOST_CHARACTERS:,} characters.")
        probe = HuntProbe(repeat=repeat, asked="text", content=text, written=now())
        return AskText(text=text), probe
    row = tuple(tokens or ())
    if not row:
        raise BadRequest("tokens is empty. Pass at least one token.")
    content = " ".join(map(str, row))
    return AskText(tokens=row), HuntProbe(
        repeat=repeat, asked="tokens", content=content, written=now()
    )


def _check_range(hunt: Hunt, asked: AskText | AskLatent) -> None:
    """Raise BadRequest for what can be seen to be wrong before it is counted."""
    opened = hunt.opened
    if isinstance(asked, AskLatent) and not 0 <= asked.latent < opened.dict_size:
        raise BadRequest(f"Latents go from 0 to {opened.dict_size - 1}.")
    if isinstance(asked, AskText) and asked.text is not None and opened.family == "planted":
        raise BadRequest("The synthetic subject has no text. Pass tokens, e.g. [7, 300].")
    if isinstance(asked, AskText) and len(asked.tokens or ()) > MOST_TOKENS:
        raise BadRequest(f"A row has at most {MOST_TOKENS} tokens.")
    row = asked.tokens or () if isinstance(asked, AskText) else ()
    if opened.family == "planted" and not all(0 <= one < VOCABULARY for one in row):
        raise BadRequest(f"Tokens go from 0 to {VOCABULARY - 1}.")


def _check_left(hunt: Hunt, repeat: int) -> None:
    if hunt.left(repeat) == 0:
        raise BadRequest(
            f"No question is left in repeat {repeat} ({hunt.opened.questions} were asked). You can "
            f"still answer: answer_hunt(hunt={hunt.name!r}, repeat={repeat}, latent=…). Questions "
            "that were asked before are answered again at no cost."
        )

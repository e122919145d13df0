"""The tools of a hunt: open it, ask about latents, answer."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from fumehood.tooling import Toolbox, answer
from fumehood_tools.errors import BadRequest
from fumehood_tools.hunts import opening
from fumehood_tools.hunts.answering import LEAST_STRENGTH, MOST_STRENGTH, Given, give_answer
from fumehood_tools.hunts.asking import MOST_CHARACTERS, Answered, ask
from fumehood_tools.hunts.host import HuntHost
from fumehood_tools.hunts.journal import Hunt, read_hunt
from fumehood_tools.hunts.messages import ActiveLatent, Context, LatentFacts
from fumehood_tools.hunts.opening import MOST_QUESTIONS, QUESTIONS
from fumehood_tools.hunts.records import REPEATS, Direction, Family
from fumehood_tools.hunts.told import repeats_in_words, score_in_words, tries_in_words
from fumehood_tools.jobs import Job

HuntName = Annotated[str, Field(min_length=1, max_length=64, description="Name of the hunt")]
Repeat = Annotated[int, Field(ge=1, le=REPEATS, description="Which of the three concepts")]


class HuntPage(BaseModel):
    """A hunt."""

    hunt: str
    sae: str = Field(description="place of the SAE's score")
    subject: str
    layer: int
    dict_size: int
    concepts: list[str] = Field(description="one line per repeat, with the questions left")
    notes: list[str] = Field(description="earlier hunts for the same concepts")
    score: float | None = Field(None, description="0: random, 1: the best latents")
    scored: list[str] = Field(default_factory=list, description="the score in words")
    job_id: str = Field("", description="scores the hunt")
    next: str


class ProbeAnswer(BaseModel):
    """The answer to one question: about a text, or about a latent."""

    left: int = Field(description="questions left in this repeat")
    repeated: bool = Field(description="asked before, at no cost")
    latents: list[ActiveLatent] = Field(default_factory=list, description="on the text")
    share: float | None = Field(None, description="of training tokens on which it is active")
    contexts: list[Context] = Field(default_factory=list, description="of the latent, quoted")
    raises: list[str] = Field(default_factory=list, description="tokens it makes likelier")
    lowers: list[str] = Field(default_factory=list)
    next: str


def register(toolbox: Toolbox) -> None:
    """Declare the three tools."""
    _register_open(toolbox)
    _register_probe(toolbox)
    _register_answer(toolbox)


def _host(toolbox: Toolbox) -> HuntHost:
    return toolbox.service("hunts", lambda: HuntHost(toolbox.settings))


def _register_open(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Open a hunt",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def open_hunt(
        hunt: HuntName,
        sae: Annotated[
            str | None,
            Field(
                max_length=300, description="sandbox/variant of a scored SAE; omit to see a hunt"
            ),
        ] = None,
        words: Annotated[
            list[str] | None,
            Field(
                min_length=REPEATS,
                max_length=REPEATS,
                description="Three of one family, or numbers; default: drawn",
            ),
        ] = None,
        concept: Annotated[Family | None, Field(description="Default: that of words")] = None,
        questions: Annotated[
            int, Field(ge=1, le=MOST_QUESTIONS, description="In each repeat")
        ] = QUESTIONS,
    ) -> Annotated[CallToolResult, HuntPage]:
        """Open a hunt for the latents of three concepts in a scored SAE, or see one.

        It fixes SAE, concepts, controls and questions before you ask. Each concept is a repeat:
        ask with probe_latents, end with answer_hunt. You are scored on texts that no tool shows.
        """
        if sae is None:
            if words is not None or concept is not None:
                raise BadRequest("words and concept belong to a new hunt. Pass sae too.")
            return _page(toolbox, read_hunt(toolbox.settings.workspace, hunt))
        host = _host(toolbox)
        found = opening.open_hunt(
            toolbox.settings, host, hunt, sae, words, questions, family=concept
        )
        return _page(toolbox, found)


def _register_probe(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Ask about latents",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def probe_latents(
        hunt: HuntName,
        repeat: Repeat,
        text: Annotated[
            str | None,
            Field(max_length=MOST_CHARACTERS, description="Which latents are active on it?"),
        ] = None,
        tokens: Annotated[
            list[int] | None,
            Field(max_length=128, description="Instead of a text (always: synthetic subject)"),
        ] = None,
        latent: Annotated[
            int | None, Field(ge=0, description="Where is it active, and what does it write?")
        ] = None,
    ) -> Annotated[CallToolResult, ProbeAnswer]:
        """Ask one question of a hunt: about a text, a row of tokens, or a latent.

        A text gives its most active latents; a latent gives contexts from the training texts and
        the tokens that its direction raises and lowers. Each question counts; the same one again
        is free. Next: answer_hunt, also when no question is left.
        """
        found = ask(
            toolbox.settings,
            _host(toolbox),
            hunt,
            repeat,
            text=text,
            tokens=tokens,
            latent=latent,
        )
        return _answered(hunt, repeat, found)


def _register_answer(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Answer a hunt",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def answer_hunt(
        hunt: HuntName,
        repeat: Repeat,
        latent: Annotated[int | None, Field(ge=0, description="null: not found, which scores 0")],
        direction: Annotated[
            Direction, Field(description="Whether adding its decoder direction helps")
        ] = "raise",
        strength: Annotated[
            float,
            Field(
                ge=LEAST_STRENGTH,
                le=MOST_STRENGTH,
                description="Norm of the added vector, in typical norms of the activations",
            ),
        ] = 0.2,
    ) -> Annotated[CallToolResult, HuntPage]:
        """Answer one repeat of a hunt, once: the latent, and how to steer with it.

        After the third answer a job scores all on held-back texts: detection (AUROC) and steering
        (log-odds of the concept; over 1 nat of KL damage scores 0), each from 0 (random direction)
        to 1 (best latent). Next: wait_for_job.
        """
        found = give_answer(
            toolbox.settings, toolbox.jobs, hunt, repeat, latent, direction, strength
        )
        return _given(toolbox, found)


def _given(toolbox: Toolbox, found: Given) -> CallToolResult:
    return _page(toolbox, found.hunt, found.job)


def _page(toolbox: Toolbox, hunt: Hunt, job: Job | None = None) -> CallToolResult:
    opened, score = hunt.opened, hunt.score
    open_repeats = [n for n in range(1, REPEATS + 1) if not hunt.is_answered(n)]
    following = f"probe_latents(hunt={hunt.name!r}, repeat={(open_repeats or [1])[0]}, …)"
    if score is not None:
        following = "The hunt is over."
    elif job is not None:
        following = f"wait_for_job(job_id={job.job_id!r})"
    elif not open_repeats:
        following = "answer_hunt with the last answer again starts the scoring."
    page = HuntPage(
        hunt=hunt.name,
        sae=opened.sae,
        subject=opened.subject,
        layer=opened.layer,
        dict_size=opened.dict_size,
        concepts=repeats_in_words(hunt),
        notes=tries_in_words(hunt),
        score=None if score is None else round(score.score, 4),
        scored=[] if score is None else score_in_words(score),
        job_id=job.job_id if job else "",
        next=following,
    )
    return answer(_page_text(page), page)


def _page_text(page: HuntPage) -> str:
    lines = [
        f"Hunt {page.hunt} in {page.sae}: layer {page.layer} of {page.subject}, "
        f"{page.dict_size:,} latents.",
        *page.concepts,
        *page.notes,
        *page.scored,
    ]
    return "\n".join([*lines, f"Next: {page.next}"])


def _answered(hunt: str, repeat: int, found: Answered) -> CallToolResult:
    facts = found.found if isinstance(found.found, LatentFacts) else None
    page = ProbeAnswer(
        left=found.left,
        repeated=found.repeated,
        latents=[] if isinstance(found.found, LatentFacts) else found.found.latents,
        share=facts.share if facts else None,
        contexts=facts.contexts if facts else [],
        raises=facts.raises if facts else [],
        lowers=facts.lowers if facts else [],
        next=f"answer_hunt(hunt={hunt!r}, repeat={repeat}, latent=…)"
        if found.left == 0
        else "probe_latents or answer_hunt",
    )
    return answer(_answered_text(page, facts), page)


def _answered_text(page: ProbeAnswer, facts: LatentFacts | None) -> str:
    cost = "asked before, at no cost; " if page.repeated else ""
    lines = [f"{cost}{page.left} questions left in this repeat."]
    if facts is None:
        lines += [
            f"latent {one.latent}: {one.value:.3f} at {one.position} {one.token!r}, active on "
            f"{one.share:.0%}"
            for one in page.latents
        ] or ["No latent is active on it."]
    else:
        lines.append(
            f"latent {facts.latent}: active on {facts.share:.2%} of {facts.tokens:,} tokens"
        )
        lines += [f"| {one.value:.3f} {one.text}" for one in page.contexts]
        lines += [f"raises: {page.raises}", f"lowers: {page.lowers}"]
    return "\n".join([*lines, f"Next: {page.next}"])

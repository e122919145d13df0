"""Validate one repository against one paper. Costs seconds: every counted file is read once."""

from collections.abc import Callable
from typing import NamedTuple

from fumehood_tools.reading.document import Document
from fumehood_tools.repositories import Checkout, RepositoryFacts, facts_of
from fumehood_tools.validation.history import History, read_history
from fumehood_tools.validation.hyperparameters import Assigned, assigned_numbers
from fumehood_tools.validation.identity import cites_another, identity_evidence
from fumehood_tools.validation.metadata import Metadata, read_metadata
from fumehood_tools.validation.method import MethodFound, compare_method
from fumehood_tools.validation.models import MOST_EVIDENCE, Evidence, Validation
from fumehood_tools.validation.nature import nature_of, used_by
from fumehood_tools.validation.paper_facts import PaperFacts, paper_facts
from fumehood_tools.validation.quality import quality_evidence
from fumehood_tools.validation.readme import read_claims
from fumehood_tools.validation.score import Case, Verdict, judge, strengths
from fumehood_tools.validation.sources import Sources, read_sources
from fumehood_tools.validation.twins import Print, print_of


class Repository(NamedTuple):
    """A checkout with all that was read of it. It serves for any number of papers."""

    checkout: Checkout
    facts: RepositoryFacts
    sources: Sources
    metadata: Metadata
    history: History
    numbers: list[Assigned]


class Validated(NamedTuple):
    """A validation, and the print of the files by which copies of them are recognized."""

    validation: Validation
    print: Print


def read_repository(checkout: Checkout) -> Repository:
    """Read the files of a checkout that count, and its history. Nothing of it is run."""
    sources = read_sources(checkout)
    numbers = assigned_numbers(sources.having("source", "configuration"))
    return Repository(
        checkout,
        facts_of(checkout),
        sources,
        read_metadata(sources),
        read_history(checkout),
        numbers,
    )


def validate(
    paper: str,
    document: Document,
    checkout: Checkout,
    on_step: Callable[[str], None] = lambda _: None,
) -> Validated:
    """Return whether a checkout is the code of a paper, with the evidence."""
    facts = paper_facts(paper, document)
    on_step(f"reading {len(checkout.files):,} files")
    repository = read_repository(checkout)
    on_step("comparing them with the paper")
    return validate_read(facts, repository)


def validate_read(facts: PaperFacts, repository: Repository) -> Validated:
    """Return whether a repository that was read is the code of a paper."""
    checkout, told, sources, metadata, history, numbers = repository
    readme = read_claims(sources.readmes[0], facts) if sources.readmes else None
    committers = tuple(dict.fromkeys(history.authors))
    identity = identity_evidence(facts, checkout, sources, metadata, readme, committers)
    kinds = strengths(identity)
    nature = nature_of(facts, checkout, sources, metadata, readme, kinds)
    method = compare_method(facts, sources, numbers)
    verdict = judge(
        Case(
            kinds=kinds,
            method=method.strength,
            nature=tuple(it.kind for it in nature),
            code_lines=sources.code_lines,
            has_method_text=facts.describes_method,
            cited_elsewhere="" if "renamed" in kinds else cites_another(facts, checkout),
            used_by_paper=bool(used_by(facts, checkout, metadata)),
        )
    )
    quality = quality_evidence(checkout, told, sources, metadata)
    shown = [*identity, *nature, *method.evidence, *quality]
    validation = _validation(facts, repository, verdict, method, shown)
    return Validated(validation, print_of(checkout, history, facts))


def _validation(
    facts: PaperFacts,
    repository: Repository,
    verdict: Verdict,
    method: MethodFound,
    shown: list[Evidence],
) -> Validation:
    told = repository.facts
    return Validation(
        paper=facts.id,
        repository=told.address,
        standing=verdict.standing,
        why=verdict.why,
        score=verdict.score,
        identity=verdict.identity,
        method=round(method.strength, 3),
        parts={**verdict.parts, **{kind: round(it, 3) for kind, it in method.parts.items()}},
        nature=[it.kind for it in shown if it.part == "nature"],
        missing=list(verdict.missing),
        commit=told.commit,
        committed=told.committed,
        licence=told.licence,
        swhid=told.swhid,
        swhid_folder=told.swhid_folder,
        evidence=shown[:MOST_EVIDENCE],
        not_counted=repository.sources.skipped,
    )

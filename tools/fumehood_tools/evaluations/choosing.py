"""Which SAEs are evaluated: those of one setting that count, with the untrained control.

Light: reads records. Only scores by this version of the evaluator and template are taken, since
the latents have to be those that were scored.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.bench.collect import CONTROL, choose, settings_of
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.bench.which_setting import pick_setting
from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.receipts.folders import Book, open_book, read_folder
from fumehood_tools.receipts.places import results_of
from fumehood_tools.records.labelling import label_of
from fumehood_tools.records.scores import Score
from fumehood_tools.runs.code import evaluator_sha256, template_sha256
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import packaged_in
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, check_spec


class ScoredSae(NamedTuple):
    """One SAE to evaluate. place: of its score in the workspace. receipt: the score's MAC."""

    place: str
    receipt: str
    label: str
    score: Score

    @property
    def l0(self) -> float | None:
        """L0 as scored; None if the score is that of latents with noise."""
        checks = self.score.integrity
        is_exact = checks is None or not checks.scored_at_noise
        return self.score.metrics.get("l0") if is_exact else None


class Chosen(NamedTuple):
    """The SAEs of one setting. others: of scores by another version, which are left out."""

    saes: tuple[ScoredSae, ...]
    spec: SandboxSpec
    digest: str
    others: int

    def siblings(self, sae: ScoredSae) -> list[ScoredSae]:
        """Return the SAEs with the same label and another seed."""
        return [one for one in self.saes if one.label == sae.label and one.place != sae.place]


def chosen_saes(
    settings: Settings, box: Sandbox, shelf: Shelf, variants: Sequence[str] | None
) -> Chosen:
    """Return the SAEs of some variants (None: all), and of the untrained control if it was run.

    Raises BadRequest if there is no score, UnknownName for a variant without one, StorageFailed if
    a record was edited.
    """
    packaged = packaged_in(box.folder)
    found = shelf.collect(box.results)
    shown = pick_setting(list(settings_of(found)), None, box.folder)
    run = f"run_variants(sandbox={box.name!r}, variants=[…])"
    if shown is None:
        raise BadRequest(f"There is no score in {box.name} to evaluate. Call {run} first.")
    current = shelf.variant_files(box.variants)
    wanted = None if variants is None else frozenset(variants)
    by_label = choose(found, shown, current, wanted and wanted | {CONTROL}, packaged).by_label
    _check_names(wanted, by_label, run)
    places = {id(score): place for place, score in found.scores.items()}
    book, own, others = open_book(settings.state), [], 0
    for scores in by_label.values():
        for score in scores:
            made_by = score.provenance.evaluator_sha256, score.provenance.template_sha256
            place = f"{results_of(box.name)}/{places[id(score)]}"
            line = book.standing.get(place)
            # A score that a crash kept out of the ledger is entered by the next run.
            if made_by != (evaluator_sha256(), template_sha256()) or line is None:
                others += 1
                continue
            own.append(ScoredSae(place, line.receipt, label_of(score, packaged), score))
    if not own:
        raise BadRequest(
            f"All {others} scores are by another version of fumehood, which encoded otherwise. "
            f"Call {run} again, then evaluate."
        )
    digest = own[0].score.data.digest
    same = tuple(one for one in own if one.score.data.digest == digest)
    return Chosen(same, _spec_of(settings, same[0], book), digest, others + len(own) - len(same))


def _check_names(
    wanted: frozenset[str] | None, by_label: Mapping[str, Sequence[Score]], run: str
) -> None:
    known = {one.variant for scores in by_label.values() for one in scores} | by_label.keys()
    for name in sorted((wanted or frozenset()) - known):
        raise UnknownName("variant with a score", name, known, f"Call {run} first.")


def _spec_of(settings: Settings, sae: ScoredSae, book: Book) -> SandboxSpec:
    held = read_folder(settings.workspace, sae.place, book)
    if held is None or held.problem is not None:
        why = held.problem.text if held and held.problem else "it is gone"
        raise StorageFailed(f"{sae.place} cannot be read: {why}. Restore it, then repeat.")
    return check_spec(held.record["spec"])

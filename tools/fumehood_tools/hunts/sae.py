"""The SAE of a hunt, by the receipt of its score. Light."""

from pathlib import Path
from typing import NamedTuple

from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import BadRequest, StorageFailed, UnknownName
from fumehood_tools.glass import choose_level
from fumehood_tools.harvest import Activations, read_activations
from fumehood_tools.hunts.messages import HuntSetup
from fumehood_tools.receipts import mac_of, open_book, read_folder
from fumehood_tools.receipts.files import changed
from fumehood_tools.receipts.places import SANDBOXES, results_of
from fumehood_tools.records.scores import Score
from fumehood_tools.registry.kinds import SCORE
from fumehood_tools.runs.harvesting import harvest
from fumehood_tools.settings import Settings
from fumehood_tools.spec import check_spec


class HuntedSae(NamedTuple):
    """A scored SAE. place: of its record. receipt: MAC of that."""

    place: str
    receipt: str
    score: Score


def find_sae(settings: Settings, name: str) -> HuntedSae:
    """Return the SAE that a name means: sandbox/variant, or sandbox/variant/run.

    Raises UnknownName if there is none, BadRequest if there are several, StorageFailed.
    """
    place = name.strip("/").removeprefix(f"{SANDBOXES}/").replace("/results/", "/", 1)
    sandbox, _, rest = place.partition("/")
    results = settings.sandboxes / sandbox / "results"
    scores = Shelf(settings.state).collect(results).scores
    found = [one for one in scores if one == rest or one.startswith(f"{rest}/")]
    found = found or [one for one in scores if rest and one.startswith(rest)]
    if not found:
        known = [f"{sandbox}/{one}" for one in scores]
        hint = "Pass sandbox/variant of an SAE that has a score."
        raise UnknownName("scored SAE", name, known, hint)
    if len(found) > 1:
        listed = ", ".join(f"{sandbox}/{one}" for one in sorted(found)[:8])
        raise BadRequest(f"{name} means {len(found)} SAEs. Pass one of them: {listed}.")
    return read_sae(settings, f"{results_of(sandbox)}/{found[0]}")


def read_sae(settings: Settings, place: str, receipt: str | None = None) -> HuntedSae:
    """Return the SAE at a place, its record and all of its files checked.

    receipt: MAC that the record must have. Raises StorageFailed if something was changed.
    """
    held = read_folder(settings.workspace, place, open_book(settings.state))
    if held is None or held.problem is not None or held.kind != SCORE.name:
        why = held.problem.text if held and held.problem else "its score is gone"
        raise StorageFailed(f"{place} cannot be hunted in: {why}. Restore it from a backup.")
    if wrong := changed(held.kind, held.record, f"{settings.workspace}/{place}"):
        raise StorageFailed(f"{place} cannot be hunted in: {wrong[0].text}. Restore it.")
    mac = mac_of(held.record)
    if receipt is not None and mac != receipt:
        raise StorageFailed(
            f"{place} has another score than when the hunt was opened. Restore the old record."
        )
    return HuntedSae(place, mac, Score.model_validate(held.record))


def setup_of(settings: Settings, sae: HuntedSae, scratch: Path) -> HuntSetup:
    """Return the first message to the trusted process. It works under `scratch`.

    Activations that are no longer in the cache are harvested again, which may take minutes.
    """
    spec = check_spec(sae.score.spec)
    return HuntSetup(
        spec=spec,
        activations=_activations(settings, sae, scratch),
        variant=sae.score.variant,
        record=settings.workspace / sae.place,
        weights_sha256=sae.score.provenance.weights_sha256,
        cache=settings.cache,
        scratch=scratch,
        glass=choose_level(settings.glass, spec.limits.glass),
    )


def _activations(settings: Settings, sae: HuntedSae, scratch: Path) -> Activations:
    digest = sae.score.data.digest.partition("+")[0]
    folder = settings.cache / "activations" / digest
    if (folder / "manifest.json").is_file():
        return read_activations(folder)
    spec = check_spec(sae.score.spec)
    bare = spec.scoring.model_copy(update={"probing_tasks": ()})
    found = harvest(spec.model_copy(update={"scoring": bare}), settings, scratch).activations
    if found.digest != digest:
        raise StorageFailed(
            "The data of this SAE are no longer in the cache, and cannot be made again: the "
            "corpus, the subject or FUMEHOOD_DTYPE has changed. Restore it, or train it again."
        )
    return found

"""Collect score and failure records of a sandbox, and sort out which may stand in one table.

Reads every `results/<variant>/seed*/{score,failure}.json`; writes nothing. A record that cannot be
read is reported, never raised and never guessed at. Scores are comparable when they share a
`Setting`; of several scores of one variant and seed the newest of the current file counts.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.bench.records import FAILURE_FILE, SCORE_FILE, Failure, Score, read_score
from fumehood_tools.errors import StorageFailed
from fumehood_tools.files import digest_of, read_json, sha256_of

_EXAMPLES = 3


class LeftOut(BaseModel, frozen=True):
    """Records that are not in the table, by reason."""

    reason: str
    count: int
    examples: list[str] = Field(description="folders under results/, at most 3")


class Setting(BaseModel, frozen=True):
    """What scores must share to be compared: the same question, asked by the same code."""

    subject: str
    layer: int
    site: str
    dict_size: int
    train_tokens: int
    eval_tokens: int
    data: str = Field(description="digest of the activations")
    settings: str = Field(description="digest of sandbox.toml's [training] and [scoring]")
    template: str = Field(description="digest of the packaged core/")
    evaluator: str = Field(description="digest of the code that makes data and scores")

    @property
    def name(self) -> str:
        """A short name to ask for this setting by."""
        return digest_of(self.model_dump())[:8]

    def differences(self, other: "Setting") -> list[str]:
        """Return the fields in which other is not the same, in words."""
        return [
            field
            if field in ("data", "settings", "template", "evaluator")
            else f"{field} {getattr(other, field)}"
            for field in type(self).model_fields
            if getattr(self, field) != getattr(other, field)
        ]


class Found(NamedTuple):
    """All records of a sandbox, each with its folder under results/."""

    scores: dict[str, Score]
    failures: dict[str, Failure]
    damaged: list[LeftOut]


class Chosen(NamedTuple):
    """The scores of one setting that count, by variant; seeds ascending."""

    by_variant: dict[str, list[Score]]
    left_out: list[LeftOut]


def setting_of(score: Score) -> Setting:
    """Return the setting of one score."""
    return Setting(
        subject=score.subject,
        layer=score.layer,
        site=score.site,
        dict_size=score.dict_size,
        train_tokens=score.train_tokens,
        eval_tokens=score.eval_tokens,
        data=score.provenance.data_digest,
        settings=score.provenance.settings_digest,
        template=score.provenance.template_sha256,
        evaluator=score.provenance.evaluator_sha256,
    )


def collect(results: Path) -> Found:
    """Return every record under results/; a folder that does not exist holds none."""
    found = Found({}, {}, [])
    for folder in sorted(results.glob("*/seed*")):
        place = folder.relative_to(results).as_posix()
        try:
            if (folder / SCORE_FILE).is_file():
                found.scores[place] = _checked(read_score(folder / SCORE_FILE), folder)
            elif (folder / FAILURE_FILE).is_file():
                found.failures[place] = _read_failure(folder / FAILURE_FILE)
        except (StorageFailed, UnicodeDecodeError, RecursionError) as error:
            reason = str(error).replace(f"{results}/", "results/")
            found.damaged.append(LeftOut(reason=reason, count=1, examples=[place]))
    return found


def _checked(score: Score, folder: Path) -> Score:
    """Return score. Raises StorageFailed when it cannot be the score of that folder."""
    cure = "Delete the folder and call run_variants again."
    seed = folder.name.removeprefix("seed").split("-")[0]
    if (score.variant, str(score.seed)) != (folder.parent.name, seed):
        raise StorageFailed(
            f"{folder}/{SCORE_FILE} is a record of {score.variant} seed {score.seed}. {cure}"
        )
    wrong = [
        name
        for name, value in score.metrics.model_dump().items()
        if value is not None and not math.isfinite(value)
    ]
    if wrong:
        raise StorageFailed(f"{folder}/{SCORE_FILE}: {', '.join(wrong)} not finite. {cure}")
    return score


def _read_failure(path: Path) -> Failure:
    try:
        return Failure.model_validate(read_json(path))
    except ValidationError as error:
        raise StorageFailed(f"{path} is not a failure record. Delete its folder.") from error


def choose(
    found: Found, setting: Setting, current: Mapping[str, str], wanted: frozenset[str] | None
) -> Chosen:
    """Return the scores of `setting` that count: those of the file as it is, else newest.

    current: variant -> sha256 of its file. wanted: names to keep, None for all.
    """
    others: dict[str, list[str]] = defaultdict(list)
    kept: dict[str, dict[str, Score]] = defaultdict(dict)
    for place, score in found.scores.items():
        if wanted is not None and score.variant not in wanted:
            continue
        if (found_in := setting_of(score)) != setting:
            others[f"other setting ({', '.join(setting.differences(found_in))})"].append(place)
        else:
            kept[score.variant][place] = score
    by_variant: dict[str, list[Score]] = {}
    for variant, scores in kept.items():
        sha256 = _version_that_counts(scores.values(), current.get(variant))
        seeds: dict[int, tuple[str, Score]] = {}
        for place, score in sorted(scores.items(), key=lambda item: item[1].finished):
            if score.provenance.variant_sha256 != sha256:
                others["an earlier version of the variant's file"].append(place)
                continue
            if score.seed in seeds:
                others["a newer score of the same file and seed is there"].append(
                    seeds[score.seed][0]
                )
            seeds[score.seed] = (place, score)
        by_variant[variant] = [seeds[seed][1] for seed in sorted(seeds)]
    return Chosen(by_variant, [_left_out(reason, places) for reason, places in others.items()])


def _version_that_counts(scores: Iterable[Score], current: str | None) -> str:
    versions = {score.finished: score.provenance.variant_sha256 for score in scores}
    if current is not None and current in versions.values():
        return current
    return versions[max(versions)]


def _left_out(reason: str, places: list[str]) -> LeftOut:
    return LeftOut(reason=reason, count=len(places), examples=places[:_EXAMPLES])


def newest_first(found: Found) -> list[Setting]:
    """Return the settings that occur, the one with the newest score first."""
    newest: dict[Setting, str] = {}
    for score in found.scores.values():
        setting = setting_of(score)
        newest[setting] = max(newest.get(setting, ""), score.finished)
    return sorted(newest, key=lambda setting: newest[setting], reverse=True)


def scores_per_setting(found: Found) -> Counter[Setting]:
    """Return how many scores each setting has."""
    return Counter(setting_of(score) for score in found.scores.values())


def unresolved(found: Found, wanted: frozenset[str] | None) -> list[Failure]:
    """Return the newest failure per variant and seed, without those that a later run mended."""
    newest: dict[tuple[str, int], Failure] = {}
    for failure in sorted(found.failures.values(), key=lambda failure: failure.finished):
        newest[failure.variant, failure.seed] = failure
    for score in found.scores.values():
        failed = newest.get((score.variant, score.seed))
        if failed is not None and failed.finished <= score.finished:
            del newest[score.variant, score.seed]
    return [
        failure for (name, _), failure in sorted(newest.items()) if wanted is None or name in wanted
    ]


def variant_files(folder: Path) -> dict[str, str]:
    """Return variant -> sha256 of the files in a folder of variants. Raises StorageFailed."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        if path.stem.startswith("_") or not path.is_file():
            continue
        try:
            found[path.stem] = sha256_of(path)
        except FileNotFoundError:
            continue  # Deleted while we looked.
        except OSError as error:
            raise StorageFailed.from_os_error(error, f"Reading {path.name}") from error
    return found

"""Choose the records of a sandbox that belong in one table; `shelf` reads them.

Scores are comparable when they share a `Setting`. If there are several scores of one label and
seed, the newest one of the current file counts. A label is a variant, or a copy of it with other
parameters. Whether a score belongs to a packaged variant is decided by the digest of the file and
not by its name: scores of the packaged file and of an edited file with the same name are listed
separately, whatever is in variants/ now.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from fumehood_tools.files import digest_of
from fumehood_tools.kinds import KindName, kind_named
from fumehood_tools.records.labelling import Packaged, is_packaged, label_of, name_of
from fumehood_tools.records.scores import Failure, Score
from fumehood_tools.spec import deciding_values

_EXAMPLES = 3
CONTROL = "untrained"
"""The packaged variant that is never trained."""
_UNSEEN = {f"training.{name}" for name in ("lr", "l1_penalty", "warmup_fraction", "decay_fraction")}


class LeftOut(BaseModel, frozen=True):
    """Records that are not in the table for one reason."""

    reason: str
    count: int
    examples: list[str] = Field(description="folders under results/, at most 3")


class Setting(BaseModel, frozen=True):
    """What scores must share to be compared."""

    subject: str
    layer: int
    site: str
    dict_size: int
    train_tokens: int
    eval_tokens: int
    data: str = Field(description="digest of activations")
    settings: str = Field(description="digest of [training], [scoring], budgets")
    template: str = Field(description="digest of core/")
    evaluator: str = Field(description="digest of the evaluator")
    # The values behind the digest `settings`. Used by `differences`; too long for every table.
    values: SkipJsonSchema[tuple[tuple[str, str], ...]] = Field((), exclude=True, repr=False)
    # Not in the data: `site` says it, with both sites of a transcoder.
    kind: SkipJsonSchema[KindName] = Field("sae", exclude=True)

    @property
    def name(self) -> str:
        """A short name by which a caller can request this setting."""
        return digest_of([self.model_dump(), self.values])[:8]

    def differences(self, other: "Setting") -> list[str]:
        """Return a phrase for each field in which `other` differs."""
        return [
            said
            for field in type(self).model_fields
            if getattr(self, field) != getattr(other, field)
            for said in self._said(field, other)
        ]

    def _said(self, field: str, other: "Setting") -> list[str]:
        """Return phrases for one differing field; for a digest only the field's name."""
        if field in ("data", "template", "evaluator"):
            return [field]
        values = self._differing_values(other)
        if field == "settings":
            # Older records do not contain the values behind the digest.
            return [] if values else [field]
        return values if field == "values" else [f"{field} {getattr(other, field)}"]

    def _differing_values(self, other: "Setting") -> list[str]:
        ours, theirs = dict(self.values), dict(other.values)
        return [
            f"{key} {theirs.get(key, 'not set')} instead of {ours.get(key, 'not set')}"
            for key in {**ours, **theirs}
            if ours.get(key) != theirs.get(key)
        ]


class SandboxRecords(NamedTuple):
    """All records of a sandbox, keyed by their folder under results/."""

    scores: dict[str, Score]
    settings: dict[str, Setting]
    """The setting of each score. Equal settings are one shared object."""
    failures: dict[str, Failure]
    damaged: list[LeftOut]
    deleted: list[str]
    """Places (see receipts/places.py) that are in the ledger, but whose receipts are gone."""
    broken: str | None
    """The problem with the ledger itself; None if it is sound."""
    withdrawn: list[str]
    """Places withdrawn with `fumehood verify --withdraw`, whether or not their files remain."""
    tried: dict[str, list[str]]
    """Place -> the trials that the ledger lists there, whatever their outcome.

    Ledger lines from older versions do not describe the trial; it is then "".
    """
    evaluations_gone: tuple[str, ...] = ()
    """Evaluations (records of other kinds with metrics) that were deleted or withdrawn."""
    order: dict[str, int] = {}
    """The position of each score's receipt among those of the sandbox, in the ledger's order."""
    asked: dict[str, int] = {}
    """The position of the newest receipt when the run of a score was asked for; -1: there was none.

    Absent if the record does not say it.
    """


class Chosen(NamedTuple):
    """The scores of one setting that count, by label, in order of seed. Controls are separate."""

    by_label: dict[str, list[Score]]
    controls: list[Score]
    left_out: list[LeftOut]
    borrowed: str | None = None
    """The name of the other setting from which the scores of the untrained control were taken."""


def setting_of(score: Score, spec: Mapping[str, Any]) -> Setting:
    """Return the setting of one score. spec: the score's sandbox.toml, as stored on disk."""
    return Setting(
        subject=score.subject,
        layer=score.layer,
        site=sites_said(score.kind, score.site),
        dict_size=score.dict_size,
        train_tokens=score.data.train_tokens,
        eval_tokens=score.data.eval_tokens,
        data=score.data.digest,
        settings=score.provenance.settings_digest,
        template=score.provenance.template_sha256,
        evaluator=score.provenance.evaluator_sha256,
        values=values_of(spec),
        kind=score.kind,
    )


def sites_said(kind: str, reads: str) -> str:
    """Return the sites of a setting in words: "mlp_in to mlp_out" for a transcoder."""
    writes = kind_named(kind).writes
    return reads if writes is None else f"{reads} to {writes}"


def values_of(spec: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the values of a sandbox.toml that decide about scores, as a Setting holds them."""
    return tuple((key, str(value)) for key, value in deciding_values(spec).items())


def choose(
    found: SandboxRecords,
    setting: Setting,
    current: Mapping[str, str],
    wanted: frozenset[str] | None,
    packaged: Packaged,
) -> Chosen:
    """Return the scores of `setting` that count.

    For each variant, the scores of its current file count; if there are none, those of the file
    with the newest score.
    current, packaged: variant -> sha256 of its file. wanted: variants or labels to include, None
    for all; controls are always included. For the name of a packaged variant, both the packaged
    file and an edited one may count. Where the untrained control was not run in the setting, its
    scores in another one count, if nothing differs that could change it.
    """
    others: dict[str, list[str]] = defaultdict(list)
    kept: dict[tuple[str, str | None], dict[str, Score]] = defaultdict(dict)
    there = _control_elsewhere(found, setting, packaged)
    for place, score in found.scores.items():
        names = {score.variant, name_of(score, packaged), label_of(score, packaged)}
        if score.control is None and wanted is not None and not wanted & names:
            continue
        found_in = found.settings[place]
        is_here = found_in is setting or found_in == setting
        is_control = score.control is None and name_of(score, packaged) == CONTROL
        if not is_here and not (is_control and found_in == there):
            others[_elsewhere(setting, found_in)].append(place)
        else:
            kept[name_of(score, packaged), score.control][place] = score
    by_label: dict[str, list[Score]] = {}
    controls: list[Score] = []
    for (_, control), scores in kept.items():
        first = next(iter(scores.values()))
        # The job generates controls: a file with the same name in variants/ is unrelated.
        file = current.get(first.variant) if control is None else None
        restored = file is not None and file == packaged.get(first.variant)
        if restored and not is_packaged(first, packaged):
            others["an edited file that has been replaced by the packaged one"] += scores
            continue
        newest = _newest(scores, _version_that_counts(scores.values(), file), others, packaged)
        if control is None:
            by_label |= newest
        else:
            controls += [score for seeds in newest.values() for score in seeds]
    left_out = [_left_out(reason, places) for reason, places in others.items()]
    return Chosen(by_label, controls, left_out, None if there is None else there.name)


def _elsewhere(setting: Setting, found_in: Setting) -> str:
    """Return why a score of another setting is left out, with the name by which it is read."""
    return f"other setting {found_in.name!r} ({', '.join(setting.differences(found_in))})"


def _control_elsewhere(
    found: SandboxRecords, setting: Setting, packaged: Packaged
) -> Setting | None:
    """Return the newest setting whose untrained control has the weights that it would have here.

    None if it was run in the setting itself, or in no such setting. The control takes no step, so
    learning rate and penalty do not change it; the batch size does, as it is centered on the
    first batch.
    """
    newest: tuple[str, Setting] | None = None
    for place, score in found.scores.items():
        is_packaged_control = score.variant == CONTROL and is_packaged(score, packaged)
        if score.control is not None or not is_packaged_control:
            continue
        there = found.settings[place]
        if there == setting:
            return None
        if _is_untouched(setting, there) and (newest is None or score.finished > newest[0]):
            newest = score.finished, there
    return newest and newest[1]


def _is_untouched(setting: Setting, other: Setting) -> bool:
    """Whether two settings differ only in training values that an untrained SAE does not see."""
    ours, theirs = (
        one.model_copy(
            update={
                "settings": "",
                "values": tuple(pair for pair in one.values if pair[0] not in _UNSEEN),
            }
        )
        for one in (setting, other)
    )
    return bool(setting.values) and ours == theirs


def _newest(
    scores: Mapping[str, Score], sha256: str, others: dict[str, list[str]], packaged: Packaged
) -> dict[str, list[Score]]:
    """Return label -> the newest score of each seed, for one version of a file.

    The places of all other scores are added to `others`, by reason.
    """
    kept: dict[str, dict[int, tuple[str, Score]]] = defaultdict(dict)
    for place, score in sorted(scores.items(), key=lambda item: item[1].finished):
        if score.file_version != sha256:
            others["an earlier version of the variant's file"].append(place)
            continue
        seeds = kept[label_of(score, packaged)]
        if score.seed in seeds:
            others["replaced by a newer score of the same file and seed"].append(
                seeds[score.seed][0]
            )
        seeds[score.seed] = (place, score)
    return {name: [seeds[seed][1] for seed in sorted(seeds)] for name, seeds in kept.items()}


def _version_that_counts(scores: Iterable[Score], current: str | None) -> str:
    versions = {score.finished: score.file_version for score in scores}
    if current is not None and current in versions.values():
        return current
    return versions[max(versions)]


def _left_out(reason: str, places: list[str]) -> LeftOut:
    return LeftOut(reason=reason, count=len(places), examples=places[:_EXAMPLES])


def settings_of(found: SandboxRecords) -> dict[Setting, int]:
    """Return setting -> number of scores, ordered by each setting's newest score, latest first."""
    newest: dict[Setting, str] = {}
    counts: Counter[Setting] = Counter()
    for place, score in found.scores.items():
        setting = found.settings[place]
        newest[setting] = max(newest.get(setting, ""), score.finished)
        counts[setting] += 1
    by_age = sorted(newest, key=lambda setting: newest[setting], reverse=True)
    return {setting: counts[setting] for setting in by_age}


def unresolved(found: SandboxRecords, packaged: Packaged) -> list[Failure]:
    """Return the newest failure per label and seed, except where a later run succeeded."""
    newest: dict[tuple[str, int, str | None], Failure] = {}
    for failure in sorted(found.failures.values(), key=lambda failure: failure.finished):
        newest[label_of(failure, packaged), failure.seed, failure.control] = failure
    for score in found.scores.values():
        key = label_of(score, packaged), score.seed, score.control
        failed = newest.get(key)
        if failed is not None and failed.finished <= score.finished:
            del newest[key]
    return [newest[key] for key in sorted(newest, key=lambda key: (*key[:2], key[2] or ""))]

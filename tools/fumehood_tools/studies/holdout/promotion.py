"""What a winner is tested with elsewhere: its sandbox, its run, and what that costs. Light.

The sandbox of a re-test is made for it, under a name that follows from study, plan, variant and
place. It has the settings of the plan's sandbox, and the files of the variant and the baseline as
they were registered, from the records of their scores.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tomlkit

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.files import digest_of, write_bytes, write_text
from fumehood_tools.plain_files import read_plain
from fumehood_tools.runs.baselines import levels_around
from fumehood_tools.runs.request import RunRequest
from fumehood_tools.runs.sweep import check_request, search_runs
from fumehood_tools.sandbox.create import SPEC_FILE, Sandbox, create_sandbox, open_sandbox
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec
from fumehood_tools.studies.entries import Conclusion, HoldoutAnswer, Plan, PlannedVariant
from fumehood_tools.studies.holdout.places import Elsewhere
from fumehood_tools.studies.holdout.standing import Standing
from fumehood_tools.studies.notebook import Study

_LONGEST = 24


class Retest(NamedTuple):
    """One re-test.

    sources: file name -> content, of the variant and the baseline. seeds: drawn for it, as many as
    the plan has.
    """

    study: str
    plan: int
    content: Plan
    variant: PlannedVariant
    there: Elsewhere
    sources: Mapping[str, bytes]
    seeds: tuple[int, ...] = ()

    @property
    def digest(self) -> str:
        """The content address of what is tested where, which one draw of seeds belongs to."""
        spec = self.there.spec.model_dump(mode="json")
        return digest_of([self.study, self.plan, self.variant.file_sha256, spec])

    @property
    def sandbox(self) -> str:
        """The name of its sandbox."""
        spot = f"{Path(self.there.spot.subject).name}-layer{self.there.spot.layer}".lower()
        place = "".join(one if one.isalnum() or one in "-_" else "-" for one in spot)
        own = f"{self.content.sandbox[:_LONGEST]}-{place[:_LONGEST]}-{self.digest[:8]}"
        return own.lstrip("-_")

    @property
    def request(self) -> RunRequest:
        """Its run: its own seeds at the planned levels, with the baseline."""
        plan, names = self.content, (self.content.baseline.name, self.variant.name)
        targets = tuple(plan.l0_targets)
        return RunRequest(
            sandbox=self.sandbox,
            variants=names[1:] if targets else names,
            seeds=self.seeds,
            grid={name: tuple(values) for name, values in plan.grid.items()},
            l0_targets=targets,
            baseline=names[0] if targets else None,
            around=levels_around(targets, self.there.spec.dict_size),
        )

    @property
    def saes(self) -> int:
        """How many SAEs it will probably train."""
        return check_request(self.sources, self.request) + search_runs(self.sources, self.request)

    def plan_there(self, settings_digest: str) -> Plan:
        """Return the plan as it is judged there: the same, about this variant and its seeds."""
        update = {
            "sandbox": self.sandbox,
            "settings_digest": settings_digest,
            "variants": [self.variant],
            "seeds": list(self.seeds),
        }
        return self.content.model_copy(update=update)


def winner_of(study: Study, plan: int, variant: str) -> PlannedVariant:
    """Return the planned variant. Raises BadRequest unless a registered claim supports it."""
    _, content = study.entry(plan, Plan)
    names = {one.name: one for one in content.variants}
    if variant not in names:
        raise BadRequest(
            f"Plan {plan} is not about {variant}, but about {', '.join(names)}. Pass one of these."
        )
    judged = [found for _, found in study.only(Conclusion) if found.plan == plan]
    if not judged:
        raise BadRequest(
            f"Plan {plan} has not been judged yet. Call judge_experiment(study={study.name!r}, "
            f"plan={plan}) first: only a supported claim is tested elsewhere."
        )
    last = judged[-1]
    if not last.registered:
        why = "; ".join(last.exploratory_because) or "it departs from its plan"
        raise BadRequest(
            f"The conclusion about plan {plan} is exploratory ({why}), so {variant} is no winner "
            "yet. Register a new plan with new seeds, run and judge it, then promote."
        )
    claim = next((one for one in last.claims if one.variant == variant), None)
    verdict = "not judged" if claim is None else claim.verdict
    if claim is None or verdict != "supported":
        why = "" if claim is None else f": {claim.reason}"
        raise BadRequest(
            f"The claim about {variant} in plan {plan} is {verdict}{why}. Only a supported claim "
            "is tested elsewhere."
        )
    return names[variant]


def registered_sources(
    settings: Settings, plan: Plan, variant: PlannedVariant, standing: Standing
) -> dict[str, bytes]:
    """Return name -> source of a variant and the baseline, as registered, from their scores.

    Raises BadRequest if a file is nowhere to be found as it was registered.
    """
    found = {}
    for planned in (variant, plan.baseline):
        current = settings.sandboxes / plan.sandbox / "variants" / f"{planned.name}.py"
        scored = (
            settings.workspace / one.place / f"{planned.name}.py"
            for one in standing.scores.get(planned.name, ())
        )
        found[planned.name] = _matching((current, *scored), planned)
    return found


def _matching(paths: tuple[Path, ...], planned: PlannedVariant) -> bytes:
    for path in paths:
        try:
            source = read_plain(path)
        except (StorageFailed, OSError):
            continue
        if hashlib.sha256(source).hexdigest() == planned.file_sha256:
            return source
    raise BadRequest(
        f"variants/{planned.name}.py was changed since the plan was registered, and no score has "
        "the registered file. Put that file back, then call promote_variant again."
    )


def tests_elsewhere(study: Study) -> list[tuple[int, HoldoutAnswer]]:
    """Return (number of the entry, content) of the re-tests of a study, in order."""
    return [
        (entry.number, found)
        for entry, found in study.only(HoldoutAnswer)
        if found.test != "holdout"
    ]


def seeds_entered(study: Study, digest: str) -> tuple[int, ...]:
    """Return the seeds that a re-test was entered with; empty if it was not entered."""
    found = (tuple(one.seeds) for _, one in tests_elsewhere(study) if one.digest == digest)
    return next(found, ())


def make_sandbox(settings: Settings, retest: Retest) -> Sandbox:
    """Create the sandbox of a re-test, or complete it after a crash. Raises StorageFailed."""
    spec, name = retest.there.spec, retest.sandbox
    if not (settings.sandboxes / name).exists():
        create_sandbox(
            settings,
            name,
            subject=spec.subject.name,
            layer=spec.subject.layer,
            site=spec.subject.site,
            corpus=spec.corpus.name,
            dict_size=spec.dict_size,
        )
    folder = settings.sandboxes / name
    document: Any = tomlkit.parse((folder / SPEC_FILE).read_text(encoding="utf-8"))
    _fill(document, spec)
    write_text(folder / SPEC_FILE, tomlkit.dumps(document))
    for variant, source in retest.sources.items():
        write_bytes(folder / "variants" / f"{variant}.py", source)
    return open_sandbox(settings, name)


def _fill(document: Any, spec: SandboxSpec) -> None:
    """Put every value of the settings into a sandbox.toml."""
    for key, value in spec.model_dump(mode="json").items():
        if not isinstance(value, dict):
            document[key] = value
            continue
        for name, inner in value.items():
            document[key][name] = inner

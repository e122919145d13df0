"""The commands that repeat a study, the versions it was run with, its papers, the ledger's head."""

import json
import re
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from fumehood_tools.errors import StorageFailed, UnknownName
from fumehood_tools.papers.bibtex import write_bibtex
from fumehood_tools.papers.paper import Paper
from fumehood_tools.receipts import load_key
from fumehood_tools.receipts.ledger import LedgerHead, read_head
from fumehood_tools.receipts.places import STATE
from fumehood_tools.studies.entries import Experiment, Note, Plan, Reflection
from fumehood_tools.studies.report.facts import Facts
from fumehood_tools.studies.report.markdown import bullets, code, plain, table

_PAPER = re.compile(r"\b(?:arxiv:)?\d{4}\.\d{4,5}(?:v\d{1,2})?\b|\bdoi:10\.\d{4,9}/\S+", re.I)
_QUOTED = re.compile(r"quote:(\S+)")
_OF_SPEC = {
    "subject": ("subject", "name"),
    "layer": ("subject", "layer"),
    "site": ("subject", "site"),
    "corpus": ("corpus", "name"),
    "train_tokens": ("corpus", "train_tokens"),
    "eval_tokens": ("corpus", "eval_tokens"),
}
FindPaper = Callable[[str], Paper]
"""Returns a paper of the library by any of its ids. Raises UnknownName."""


class Head(NamedTuple):
    """The ledger's end when the report was rendered. workspace: public name of its key."""

    workspace: str
    lines: int
    last: str


def ledger_head(workspace: Path) -> Head:
    """Return the head of the workspace's ledger. Raises StorageFailed if it is not sound."""
    key = load_key(workspace / STATE)
    head = "this workspace has no key" if key is None else read_head(workspace / STATE, key)
    if key is None or not isinstance(head, LedgerHead):
        raise StorageFailed(f"{head}. Run fumehood verify, and restore a backup.")
    return Head(key.workspace, head.lines, head.last)


def commands(facts: Facts) -> str:
    """Return the commands with which the study is repeated, and the versions it was run with."""
    said = ["Install the same version, create the sandboxes, and copy the variants from the part"]
    said = [" ".join([*said, "Code into their folders `variants/`:"])]
    said.append(code("\n".join([_install(), *_sandboxes(facts)]), "sh"))
    if facts.plans:
        said += ["Run the plans:", code("\n".join(_run(plan) for _, plan in facts.plans), "sh")]
    if others := _unplanned(facts):
        said += ["Run what no plan has:", code("\n".join(others), "sh")]
    said += ["Check every receipt, and score three SAEs again:"]
    said.append(code("fumehood verify --rescore 3", "sh"))
    if versions := _versions(facts):
        said += ["Versions:", table(("package", "version"), versions)]
    targets = sorted({one.target for _, one in facts.study.only(Experiment)})
    if targets:
        said.append(f"Trained on: {', '.join(map(plain, targets))}.")
    return "\n\n".join(said)


def _install() -> str:
    return f"pip install 'fumehood[sae]=={version('fumehood')}'"


def _sandboxes(facts: Facts) -> list[str]:
    """Return the calls that create the sandboxes, from what their scores say."""
    specs = {run.sandbox: run.basis.record["spec"] for run, _ in facts.scored()}
    made = [
        _call("create_sandbox", {"name": name, **_arguments(specs[name])}) for name in sorted(specs)
    ]
    own = {run.sandbox: str(run.basis.record["sealed_sha256"]) for run in facts.own}
    return made + [
        f"# {name} has an evaluation of its own: copy its folder without results/, sealed files "
        f"sha256 {own[name]}"
        for name in sorted(own)
    ]


def _arguments(spec: dict[str, Any]) -> dict[str, Any]:
    found = {name: spec.get(section, {}).get(field) for name, (section, field) in _OF_SPEC.items()}
    found["dict_size"] = spec.get("dict_size") or spec.get("sae", {}).get("dict_size")
    return {name: value for name, value in found.items() if value is not None}


def _run(plan: Plan) -> str:
    grid = [{"name": name, "values": values} for name, values in plan.grid.items()]
    arguments = {
        "sandbox": plan.sandbox,
        "variants": [one.name for one in (*plan.variants, plan.baseline)],
        "seeds": plan.seeds,
        **(
            {"l0_targets": plan.l0_targets, "baseline": plan.baseline.name}
            if plan.l0_targets
            else {}
        ),
        **({"grid": grid} if grid else {}),
        **({"controls": True} if plan.controls else {}),
    }
    return _call("run_variants", arguments)


def _unplanned(facts: Facts) -> list[str]:
    """Return one call per sandbox and set of seeds for the variants that no plan names."""
    planned = {
        (plan.sandbox, one.name)
        for _, plan in facts.plans
        for one in (*plan.variants, plan.baseline)
    }
    seeds: dict[tuple[str, str], set[int]] = {}
    for own in facts.own:
        if (own.sandbox, own.variant) not in planned:
            seeds.setdefault((own.sandbox, own.variant), set()).add(own.seed)
    for run in facts.runs:
        key = run.sandbox, run.content.variant
        if run.content.control is None and key not in planned:
            seeds.setdefault(key, set()).add(run.seed)
    return [
        _call("run_variants", {"sandbox": box, "variants": [name], "seeds": sorted(some)})
        for (box, name), some in sorted(seeds.items())
    ]


def _call(tool: str, arguments: dict[str, Any]) -> str:
    said = json.dumps(arguments).replace("'", "'\\''")
    return f"fumehood call {tool} '{said}'"


def _versions(facts: Facts) -> list[tuple[str, str]]:
    found: dict[str, set[str]] = {}
    for _, score in facts.scored():
        for where in (score.provenance.trained, score.provenance.scored):
            for package, number in (where.versions if where else {}).items():
                found.setdefault(package, set()).add(number)
    return [(plain(name), plain(", ".join(sorted(found[name])))) for name in sorted(found)]


def papers_used(
    facts: Facts, cited: Iterable[str], find: FindPaper
) -> tuple[list[Paper], list[str]]:
    """Return the papers that a study names, and the ids that the library does not have.

    cited: more ids, such as those of quotations in the report.
    """
    texts = [*facts.study.opened.background]
    for _, note in facts.study.only(Note):
        texts += [note.text, *note.about]
    for _, reflection in facts.study.only(Reflection):
        texts += [one.reference for one in reflection.evidence]
    ids = [found for text in texts for found in (*_PAPER.findall(text), *_QUOTED.findall(text))]
    papers: dict[str, Paper] = {}
    missing = []
    for name in dict.fromkeys([*cited, *ids]):
        try:
            paper = find(name)
            papers[paper.id] = paper
        except UnknownName:
            missing.append(name)
    return [papers[key] for key in sorted(papers)], missing


def papers_part(papers: list[Paper], missing: list[str]) -> str:
    """Return the papers as BibTeX."""
    said = [code(write_bibtex(papers), "bibtex")] if papers else ["The study names no paper."]
    if missing:
        named = bullets(map(plain, missing))
        said.append(f"Named, but not in the library of this workspace:\n\n{named}")
    return "\n\n".join(said)


def ledger_part(head: Head) -> str:
    """Return the head of the ledger, with what it is good for."""
    rows = [
        ("workspace", f"`{head.workspace}`"),
        ("lines", f"{head.lines}"),
        ("MAC of the last line", f"`{head.last}`"),
    ]
    said = (
        "Every receipt above is in the ledger of this workspace, which only grows. An export that "
        "does not continue the ledger with this head is older than this report, or another one: "
        f"`fumehood verify EXPORT --head {head.last[:12]}` says so."
    )
    return f"{table(('ledger', ''), rows)}\n\n{said}"

"""Requirement 8: README.md and AGENTS.md are there, name what is there, and say the rules."""

import re
from collections.abc import Iterator, Sequence

from fumehood_tools.kinds import Kind, template_folder
from fumehood_tools.proving.folder import CORE, RESULTS, VARIANTS, SandboxFolder
from fumehood_tools.proving.report import Fault, Result, judged, not_tried
from fumehood_tools.sandbox.sources import origin_of

README, AGENTS = "README.md", "AGENTS.md"
_QUOTED = re.compile(r"`([A-Za-z0-9_][A-Za-z0-9_./-]*)`")
_FILES = (".py", ".md", ".toml")
_HEADING = r"^#+ .*\b{word}"
# What AGENTS.md has to say: a name for messages, and patterns that all have to be found.
_RULES = (
    ("what may be changed", (r"variants/",)),
    ("that results/ is the evaluator's", (r"results/",)),
    ("whom sandbox.toml is for", (r"sandbox\.toml",)),
    ("the loop, under a heading with the word loop", (_HEADING.format(word="loop"),)),
    ("the tools of the loop", (r"check_variant", r"run_variants", r"compare_variants")),
    ("how a file begins, under a heading with the word file", (_HEADING.format(word="file"),)),
    (
        "what is measured, under a heading with the word measured",
        (_HEADING.format(word="measured"),),
    ),
    ("what is refused, under a heading with the word refused", (_HEADING.format(word="refused"),)),
    ("the limits", (r"limits",)),
    ("how many seeds", (r"\bseeds?\b",)),
    ("the control", (r"\buntrained\b|\bcontrol\b",)),
)


def judge_documents(
    folder: SandboxFolder, kind: Kind | None, sealed: Sequence[str] = (CORE,)
) -> list[Result]:
    """Return the results of requirements 8.1 to 8.4.

    kind: None if it is not known. sealed: folders that no variant may change.
    """
    there = [name for name in (README, AGENTS) if folder.text(name).strip()]
    lacking = [
        Fault(why="It is missing or empty.", file=name)
        for name in (README, AGENTS)
        if name not in there
    ]
    first = judged("8.1", lacking)
    if not there:
        return [first, *(not_tried(number, "no document") for number in ("8.2", "8.3", "8.4"))]
    text = "\n".join(folder.text(name) for name in there)
    unnamed = [
        Fault(why="No document names it.", file=path)
        for path in _to_be_named(folder, kind, sealed)
        if not _names(text, path)
    ]
    return [
        first,
        judged("8.2", unnamed),
        judged("8.3", _missing(folder, there)),
        judged("8.4", _unsaid(folder.text(AGENTS), kind, sealed)),
    ]


def _to_be_named(folder: SandboxFolder, kind: Kind | None, sealed: Sequence[str]) -> Iterator[str]:
    """Yield what the documents must name: all but the agent's own variants and the documents."""
    came = set(origin_of(folder.root).files)
    if kind is not None:
        came |= {f"{VARIANTS}/{path.name}" for path in template_folder(kind).glob("variants/*.py")}
    for part in (*sealed, VARIANTS, RESULTS):
        yield f"{part}/"
    for path in folder.files:
        if path.startswith(f"{CORE}/") or path in (README, AGENTS) or path.startswith("."):
            continue
        if not path.startswith(f"{VARIANTS}/") or path in came:
            yield path


def _names(text: str, path: str) -> bool:
    # A package is named by its folder.
    path = path.removesuffix("__init__.py") if "/" in path else path
    name = path if path.endswith("/") else path.rpartition("/")[2]
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None


def _missing(folder: SandboxFolder, documents: list[str]) -> Iterator[Fault]:
    """Yield the names in backquotes that look like files of the sandbox and are not there."""
    known = {*folder.files, *(f"{part}/" for part in (CORE, VARIANTS, RESULTS))}
    for path in folder.files:
        above, _, name = path.rpartition("/")
        known |= {name, f"{above}/", f"{above.rpartition('/')[2]}/"}
    for document in documents:
        for number, line in enumerate(folder.text(document).splitlines(), 1):
            for named in _QUOTED.findall(line):
                if not named.endswith(("/", *_FILES)):
                    continue
                if named not in known:
                    why = f"It names {named}, which is not there."
                    yield Fault(why=why, file=document, line=number)


def _unsaid(text: str, kind: Kind | None, sealed: Sequence[str]) -> Iterator[Fault]:
    """Yield the rules that AGENTS.md does not say."""
    unchanged = ((f"that {one}/ must not be changed", (re.escape(f"{one}/"),)) for one in sealed)
    rules: list[tuple[str, tuple[str, ...]]] = [_RULES[0], *unchanged, *_RULES[1:]]
    if kind is not None:
        classes = (kind.variant_class, kind.base_class)
        rules.append((f"that a file defines {classes[0]}, from {classes[1]}", classes))
    for rule, patterns in rules:
        if not all(re.search(pattern, text, re.I | re.M) for pattern in patterns):
            yield Fault(why=f"It does not say {rule}.", file=AGENTS)

"""Turn the facts about a block that was run into a class, a reason and a remedy.

The facts come from the process in which the block ran, so they explain and do not prove: a block
that is written to deceive its checker can look as if it had passed.
"""

import re
from typing import NamedTuple

from fumehood_tools.guides.facts import ErrorFacts, Facts
from fumehood_tools.guides.outcomes import MEANING, REMEDY, Outcome

_GPU = re.compile(
    r"compiled with CUDA|No CUDA GPUs|NVIDIA driver|CUDA (?:error|driver|is not available)"
    r"|torch\.cuda|requires? (?:a )?(?:GPU|CUDA)|(?:GPU|CUDA)[^.]{0,30} (?:not|un)\s?available"
    r"|Cannot access accelerator|no GPU",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"unexpected keyword argument|required (?:positional|keyword-only) argument"
    r"|takes .*positional arguments?|multiple values for|positional-only"
    r"|takes no (?:keyword )?arguments|object is not callable"
)
_UNPACK = re.compile(r"(?:not enough|too many) values to unpack|cannot unpack non-iterable")
_CALLEE = re.compile(r"^([\w.<>]+)\(\)")
# What a child is told about a file outside: not permitted, denied, read-only, or not there.
_DENIED = (1, 2, 13, 30)


class Verdict(NamedTuple):
    """The class of a block. why: what happened there. line: in the file, if it is known."""

    outcome: Outcome
    why: str
    do: str
    line: int | None = None


def verdict(outcome: Outcome, why: str = "", line: int | None = None, do: str = "") -> Verdict:
    """Return a verdict; why and do default to what the class means."""
    text = f"{MEANING[outcome]}: {why}." if why else f"{MEANING[outcome]}."
    return Verdict(outcome, text, do or REMEDY[outcome], line)


class Names(NamedTuple):
    """Which blocks bind which names. lost: name -> line of the failed block that should have."""

    lost: dict[str, int]
    elsewhere: dict[str, int]
    own: frozenset[str]


def classify(facts: Facts, names: Names) -> Verdict:
    """Return the verdict about a block that came to its end, with an error or without."""
    error = facts.error
    if error is not None and not (error.type == "SystemExit" and not error.code):
        return _of_error(error, facts.attempts, names)
    if "write" in facts.attempts:
        return verdict("writes_outside")
    if nothings := facts.nothings:
        name, value, line = nothings[0]
        return verdict("silently_none", f"{name} is {value}", line)
    if warnings := facts.warnings:
        category, message = warnings[0]
        return verdict("deprecated", f"{category}: {message[:300]}")
    return verdict("passed")


def _of_error(error: ErrorFacts, attempts: tuple[str, ...], names: Names) -> Verdict:
    line = error.line
    said = f"{error.type}: {error.message[:400]}"
    for judge in (_by_type, _of_import, _of_name, _of_attribute, _of_call):
        if (found := judge(error, names)) is not None:
            return found
    return _by_attempt(error, attempts) or verdict("failed", said, line)


def _by_type(error: ErrorFacts, names: Names) -> Verdict | None:
    kinds, said = error.types, f"{error.type}: {error.message[:400]}"
    line = error.line
    if "TooMuchOutput" in kinds:
        return verdict("too_much_output")
    if "MemoryError" in kinds:
        return verdict("out_of_memory")
    if "SystemExit" in kinds or "KeyboardInterrupt" in kinds:
        return verdict("killed", said, line)
    if "EOFError" in kinds and "reading a line" in error.message:
        return verdict("needs_input", "", line)
    if "SyntaxError" in kinds:
        return verdict("not_python", said, line)
    whole = " ".join([error.message, *error.chain])
    if _GPU.search(whole) and "ImportError" not in kinds:
        return verdict("needs_gpu", said, line)
    if "AssertionError" in kinds and not error.package:
        return verdict("wrong_output", error.message[:600] or "an assertion fails", line)
    return None


def _of_import(error: ErrorFacts, names: Names) -> Verdict | None:
    if "ImportError" not in error.types:
        return None
    line, message = error.line, error.message[:400]
    top = error.name.partition(".")[0]
    if "ModuleNotFoundError" in error.types:
        if error.has_top:
            return verdict("api_changed", f"{message}; {top} itself is installed", line)
        return verdict("missing_dependency", f"{top} is not installed", line)
    if error.wanted and not error.package:
        return verdict("api_changed", message.split(" (")[0] + _nearest(error), line)
    if error.package and not error.wanted:
        return verdict("api_changed", f"{error.package} says: {message}", line)
    return verdict("missing_dependency", f"packages that do not fit together: {message}", line)


def _of_name(error: ErrorFacts, names: Names) -> Verdict | None:
    if "KeyError" in error.types and error.package == "os" and error.name:
        return verdict("context_missing", f"environment variable {error.name}", error.line)
    if "NameError" not in error.types or error.package:
        return None
    name, line = error.name, error.line
    if name in names.lost:
        return verdict("after_failure", f"{name}, of line {names.lost[name]}", line)
    other = names.elsewhere.get(name)
    where = f"; another task binds it in line {other}" if other else ""
    return verdict("context_missing", f"{name} is not defined{where}", line)


def _of_attribute(error: ErrorFacts, names: Names) -> Verdict | None:
    line, message = error.line, error.message[:400]
    if "'ellipsis'" in message:
        return verdict("context_missing", f"a placeholder ... is left in it: {message}", line)
    if "AttributeError" in error.types:
        if error.is_none:
            return verdict("silently_none", message, line)
        if error.is_library:
            return verdict("api_changed", f"{message}{_nearest(error)}", line)
    if "TypeError" in error.types and "NoneType" in message and not error.package:
        return verdict("silently_none", message, line)
    return None


def _of_call(error: ErrorFacts, names: Names) -> Verdict | None:
    line, message = error.line, error.message[:400]
    callee = _CALLEE.match(message)
    is_own = bool(callee) and callee.group(1).partition(".")[0] in names.own  # type: ignore[union-attr]
    is_call = "TypeError" in error.types and _SIGNATURE.search(message)
    is_unpacked = {"TypeError", "ValueError"} & set(error.types) and _UNPACK.search(message)
    if (is_call or (is_unpacked and not error.package)) and not is_own:
        return verdict("api_changed", message, line)
    return None


def _by_attempt(error: ErrorFacts, attempts: tuple[str, ...]) -> Verdict | None:
    """Return the verdict for an error after refused calls; the last call comes first."""
    line, said = error.line, f"{error.type}: {error.message[:300]}"
    is_denied = error.errno in _DENIED
    for attempt in attempts:
        if attempt == "write" and is_denied:
            return verdict("writes_outside", said, line)
        if attempt == "process" and ("OSError" in error.types or "RuntimeError" in error.types):
            return verdict("needs_process", said, line)
        if attempt == "network":
            return verdict("needs_network", said, line)
    if "FileNotFoundError" in error.types and not error.package.startswith("importlib"):
        return verdict("context_missing", said, line)
    return None


def _nearest(error: ErrorFacts) -> str:
    return f"; it has {', '.join(error.near)}" if error.near else ""

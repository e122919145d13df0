"""Accept a change of a custom sandbox's sealed files, after a person has seen what changed.

For people only: no tool calls it. Scores that were made before keep the hash of their evaluator, so
they are not compared with new ones. Writes the pin, and nothing else.
"""

from collections.abc import Callable, Iterator

from fumehood_tools.custom.scored import scores_of
from fumehood_tools.custom.sealed import Pin, SealedFile, pin, pin_of, sealed_sha256, stated
from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.settings import Settings

_SHOWN, _TYPED = 16, 8


def accept(
    settings: Settings, box: Sandbox, ask: Callable[[str], str], say: Callable[[str], None]
) -> bool:
    """Show what changed since the pin, ask, and pin the files of now; return whether they are.

    ask: shows a question and returns what a person typed. Without a pin, every file is new. Raises
    BadRequest for a sandbox of another kind, IntegrityFailed if a file changes meanwhile.
    """
    seen = stated(box)
    try:
        held = pin_of(settings.state, box)
    except IntegrityFailed as error:
        say(f"{error} All files are shown as new.")
        held = None
    if held is not None and held.sealed_sha256 == seen.sealed_sha256:
        say(f"The sealed files of {box.name} are those that were pinned on {held.pinned}.")
        return True
    for line in changed(held, seen):
        say(line)
    say(_scores(settings, box))
    typed = ask(f"Read these files. Type {seen.sealed_sha256[:_TYPED]} to accept them: ")
    if typed.strip() != seen.sealed_sha256[:_TYPED]:
        say("Nothing was accepted.")
        return False
    if sealed_sha256(box) != seen.sealed_sha256:
        raise IntegrityFailed("sealed", "a sealed file changed meanwhile", "Run the command again.")
    say(f"Accepted: {pin(settings.state, box, held)}. Next: validate_sandbox, then run_variants.")
    return True


def changed(before: Pin | None, after: Pin) -> Iterator[str]:
    """Yield one line per sealed file or setting that differs from what was pinned."""
    old: dict[str, SealedFile] = before.files if before else {}
    was = before.sealed_sha256[:_SHOWN] if before else "nothing"
    yield f"{after.sandbox}: pinned is {was}, now it is {after.sealed_sha256[:_SHOWN]}."
    if before is not None and not old:
        yield "The pin is of an earlier version, which did not list its files: all are shown."
    for path in sorted({*old, *after.files}):
        one, other = old.get(path), after.files.get(path)
        if one != other:
            word = "new" if one is None else "removed" if other is None else "changed"
            yield f"  {word}: {path}: {_facts(one)} -> {_facts(other)}"
    for key in sorted({*before.settings, *after.settings} if before and before.settings else ()):
        first, last = before.settings.get(key) if before else None, after.settings.get(key)
        if first != last:
            yield f"  changed: sandbox.toml: {key}: {first!r} -> {last!r}"


def _facts(file: SealedFile | None) -> str:
    return "none" if file is None else f"{file.size:,} bytes, sha256 {file.sha256[:_SHOWN]}"


def _scores(settings: Settings, box: Sandbox) -> str:
    count = sum(scores_of(settings, box).others.values())
    return (
        f"{count} scores are by other sealed files. They stay recorded as another evaluator's, and "
        "are not compared with new ones."
    )

"""Say of a stale guide which parts of the API that it uses have changed, and into what.

The changes come from a comparison of two versions of the package; here they are matched with the
names in the blocks. A name matches by its last part, because a block imports it from anywhere.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence

from fumehood_tools.errors import FumehoodError
from fumehood_tools.guides.blocks import Block
from fumehood_tools.guides.outcomes import MEANING, REMEDY
from fumehood_tools.guides.report import CheckedBlock
from fumehood_tools.settings import Settings

Changes = Callable[[str, str, str], Mapping[str, str]]
"""(package, version of the guide, version here) -> public name -> what changed in it."""

MOST_NAMED = 3
_DEFAULT = re.compile(r"\bdefault\b", re.IGNORECASE)


def changes_from_index(settings: Settings) -> Changes:
    """Return a comparison of versions from the package index.

    It finds nothing where the index does not have both versions or cannot be reached.
    """

    def changes(package: str, old: str, new: str) -> Mapping[str, str]:
        from fumehood_tools.surveys.surveying import changed_names

        try:
            return changed_names(package, old, new, settings=settings)
        except FumehoodError:
            return {}

    return changes


def used_names(block: Block) -> set[str]:
    """Return all names, attributes and keyword arguments in a block."""
    try:
        tree = ast.parse(block.code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(re.findall(r"[A-Za-z_]\w*", block.code))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {part for name in names for part in name.split(".") if part}
    return found


def changed_in(block: Block, changes: Mapping[str, str]) -> dict[str, str]:
    """Return the changes of names that a block uses."""
    used = used_names(block)
    return {name: said for name, said in changes.items() if name.rpartition(".")[2] in used}


def with_changes(
    checked: Sequence[CheckedBlock], blocks: Sequence[Block], changes: Mapping[str, str]
) -> tuple[CheckedBlock, ...]:
    """Return the results of blocks that fail with what changed in the names that they use.

    A block that prints something else because a default is another one counts as api_changed.
    """
    return tuple(
        _explained(one, changed_in(block, changes))
        for one, block in zip(checked, blocks, strict=True)
    )


def _explained(one: CheckedBlock, changed: Mapping[str, str]) -> CheckedBlock:
    if one.outcome == "passed" or not changed:
        return one
    said = "; ".join(f"{name}: {words}" for name, words in list(changed.items())[:MOST_NAMED])
    update = {"why": f"{one.why} Since the guide's version: {said[:600]}."}
    if one.outcome == "wrong_output" and any(map(_DEFAULT.search, changed.values())):
        update |= {"outcome": "api_changed", "do": REMEDY["api_changed"]}
        update["why"] = f"{MEANING['api_changed']}. {update['why']}"
    return one.model_copy(update=update)

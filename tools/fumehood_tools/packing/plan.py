"""Choose how much of each file to show, so that a pack fits into a number of tokens.

The tree is always there. Then, in the order of the ranking: the full text of the files that were
asked for, as far as they fit, and of others until half of the budget is used; the signatures of all
others as long as they fit; and with what is left, the full text of more files. Costs are counted on
the text as it is written in the pack.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.packing.formats import Format, rendered
from fumehood_tools.packing.pack import Level
from fumehood_tools.packing.request import Ranked
from fumehood_tools.packing.signatures import signatures_of
from fumehood_tools.packing.staging import Staged
from fumehood_tools.packing.tokens import Tokenizer
from fumehood_tools.packing.tree import Tree, folders_of
from fumehood_tools.packing.writer import (
    Entry,
    Head,
    blocks_in,
    closing,
    head_parts,
    opening,
    written_as,
)

MOST_TEXT = 4 << 20
DEPTHS = (8, 4, 2, 1, 0)


class Plan(NamedTuple):
    """The head of a pack and how each file is shown, in the order of the paths."""

    head: Head
    entries: list[Entry]


def signature_entries(files: Sequence[Staged]) -> list[Entry]:
    """Return the signatures of all files."""
    return [_signatures(staged) for staged in files]


def plan_for(
    budget: int,
    files: Sequence[Staged],
    ranking: Sequence[Ranked],
    head: Head,
    format: Format,
    tokenizer: Tokenizer,
    counts: Mapping[str, int],
    asked: Collection[str] = (),
    on_file: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Return a plan that fits. Raises BadRequest if not even a short tree does.

    counts: digest -> tokens of the files that may be shown in full. asked: paths of the files that
    were asked for.
    """
    head, left = _head(budget, files, head, format, tokenizer)
    by_path = {staged.path: staged for staged in files}
    chosen = {staged.path: Entry(staged, "name only") for staged in files}
    costs = dict.fromkeys(chosen, 0)
    half, number = left // 2, 0

    def show(entry: Entry, most: int) -> bool:
        """Show a file this way if it costs at most `most` more than the way it is shown now."""
        nonlocal left
        path = entry.staged.path
        cost = _cost(entry, format, tokenizer) - costs[path]
        if cost > most:
            return False
        chosen[path] = entry
        costs[path] += cost
        left -= cost
        return True

    for phase in ("first", "signatures", "more"):
        for one in ranking:
            number += 1
            on_file(number)
            staged = by_path[one.path]
            if phase == "signatures":
                if chosen[one.path].level == "name only":
                    show(_signatures(staged), left)
            elif chosen[one.path].level != "full" and counts.get(staged.sha256, budget) <= left:
                spared = half if phase == "first" and one.path not in asked else 0
                show(Entry(staged, "full"), left - spared)
    return Plan(head, [chosen[staged.path] for staged in files])


def fewer(plan: Plan, ranking: Sequence[Ranked]) -> Plan:
    """Return the plan with one file less in full, or one name less; the last in the ranking."""
    lower: dict[Level, Level] = {"full": "name only", "signatures": "name only"}
    place = {one.path: number for number, one in enumerate(ranking)}
    shown = [it for it in plan.entries if it.level != "name only"]
    last = max(shown, key=lambda it: place[it.staged.path], default=None)
    if last is None:
        raise _too_small()
    reduced = Entry(last.staged, lower[last.level])
    return plan._replace(entries=[reduced if it is last else it for it in plan.entries])


def _head(
    budget: int, files: Sequence[Staged], head: Head, format: Format, tokenizer: Tokenizer
) -> tuple[Head, int]:
    """Return the head with the whole tree, or with folders only, and the tokens that are left."""
    paths = [staged.path for staged in files]
    for depth in (None, *DEPTHS):
        tree = Tree(paths) if depth is None else folders_of(paths, depth).split("\n")
        made = head._replace(tree=tree)
        cost = tokenizer.count(b"".join(head_parts(made, format)).decode()) + 20
        # The whole tree may take more of the budget than a list of folders, but not most of it.
        if cost <= (budget * 2 // 3 if depth != 0 else budget):
            return made, budget - cost
    raise _too_small()


def _cost(entry: Entry, format: Format, tokenizer: Tokenizer) -> int:
    if entry.level == "name only":
        return 0
    written = written_as(entry, format)
    around = opening(entry, written, format) + closing(written, format)
    count = tokenizer.count(around.decode()) + 1
    blocks = rendered(blocks_in(entry), written, format)
    return count + sum(tokenizer.count(block.decode()) for block in blocks)


def _signatures(staged: Staged) -> Entry:
    blocks, size = [], 0
    for block in staged.blocks():
        blocks.append(block)
        size += len(block)
        if size > MOST_TEXT:
            break
    text = b"".join(blocks).decode(staged.encoding, "replace")
    # Python reads any line end; a carriage return would only be in the way here.
    found = signatures_of(staged.path, text.replace("\r\n", "\n"))
    return Entry(staged, "signatures", found.encode("utf-8", "replace"))


def _too_small() -> BadRequest:
    return BadRequest(
        "budget_tokens is too small even for the list of folders. Pass a larger one, or pack a "
        "part of the repository with include=['src/**']."
    )

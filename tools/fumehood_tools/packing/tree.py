"""Draw the files of a repository as a tree."""

from collections.abc import Iterable, Iterator, Mapping, Sequence


class Tree:
    """The lines of a tree, made anew each time they are asked for, so that they take no memory."""

    def __init__(self, paths: Sequence[str]) -> None:
        """paths: sorted."""
        self._paths = paths

    def __iter__(self) -> Iterator[str]:
        return tree_lines(self._paths)


def tree_of(paths: Iterable[str], notes: Mapping[str, str] | None = None) -> str:
    """Return the lines of a tree as one text."""
    return "\n".join(tree_lines(paths, notes))


def tree_lines(paths: Iterable[str], notes: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield one line per folder and file, indented; notes: path -> text after its name.

    paths: sorted.
    """
    notes = notes or {}
    open_folders: list[str] = []
    for path in paths:
        *folders, name = path.split("/")
        shared = 0
        while shared < min(len(folders), len(open_folders)):
            if folders[shared] != open_folders[shared]:
                break
            shared += 1
        for at in range(shared, len(folders)):
            yield f"{'  ' * at}{folders[at]}/"
        open_folders = folders
        note = notes.get(path, "")
        yield f"{'  ' * len(folders)}{name}{f'  {note}' if note else ''}"


def folders_of(paths: Iterable[str], depth: int) -> str:
    """Return one line per folder up to a depth, with the number of files below it."""
    counts: dict[str, int] = {}
    for path in paths:
        *folders, _ = path.split("/")
        place = "/".join(folders[:depth] or ["."]) + "/"
        counts[place] = counts.get(place, 0) + 1
    return "\n".join(f"{place}  {count} files" for place, count in sorted(counts.items()))

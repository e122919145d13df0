"""Draw the files of a repository as a tree."""

from collections.abc import Iterable, Mapping


def tree_of(paths: Iterable[str], notes: Mapping[str, str] | None = None) -> str:
    """Return one line per folder and file, indented; notes: path -> text after its name.

    paths: sorted.
    """
    notes = notes or {}
    lines: list[str] = []
    open_folders: list[str] = []
    for path in paths:
        *folders, name = path.split("/")
        shared = 0
        while shared < min(len(folders), len(open_folders)):
            if folders[shared] != open_folders[shared]:
                break
            shared += 1
        lines += [f"{'  ' * at}{folders[at]}/" for at in range(shared, len(folders))]
        open_folders = folders
        note = notes.get(path, "")
        lines.append(f"{'  ' * len(folders)}{name}{f'  {note}' if note else ''}")
    return "\n".join(lines)


def folders_of(paths: Iterable[str], depth: int) -> str:
    """Return one line per folder up to a depth, with the number of files below it."""
    counts: dict[str, int] = {}
    for path in paths:
        *folders, _ = path.split("/")
        place = "/".join(folders[:depth] or ["."]) + "/"
        counts[place] = counts.get(place, 0) + 1
    return "\n".join(f"{place}  {count} files" for place, count in sorted(counts.items()))

"""Write the background of words: in which share of source files each word occurs.

    python benchmarks/codebases/background.py [FOLDER ...]

Without folders, the packages installed beside this Python are read: every file of source code whose
path is not one of tests or vendored code, at most 300 of each package, so that none dominates.
Words in fewer than 0.2 % of the files are left out; validation assumes a rate below that for them.
"""

import random
import sys
import sysconfig
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from fumehood_tools.validation.sources import role_of  # noqa: E402
from fumehood_tools.validation.words import stems_in  # noqa: E402

MOST_PER_PACKAGE = 300
LEAST_SHARE = 0.002
TARGET = ROOT / "tools" / "fumehood_tools" / "validation" / "background.tsv"


def main(folders: list[str]) -> int:
    """Write the table and print how many files it is from."""
    roots = [Path(it) for it in folders] or [Path(sysconfig.get_paths()["purelib"])]
    packages: dict[str, list[Path]] = defaultdict(list)
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            inner = path.relative_to(root).as_posix()
            if role_of(inner) == "source" and path.stat().st_size < 400_000:
                packages[inner.split("/")[0]].append(path)
    draw = random.Random(0)
    counts: Counter[str] = Counter()
    files = words = 0
    for paths in packages.values():
        for path in draw.sample(paths, min(MOST_PER_PACKAGE, len(paths))):
            stems = stems_in(path.read_text(encoding="utf-8", errors="replace"))
            counts.update(set(stems))
            files += 1
            words += len(stems)
    kept = sorted(
        (it for it in counts.items() if it[1] / files >= LEAST_SHARE), key=lambda it: it[0]
    )
    rows = "".join(f"{word}\t{count / files:.4f}\n" for word, count in kept if len(word) < 25)
    TARGET.write_text(rows, encoding="utf-8")
    print(f"{len(kept):,} words of {files:,} files; {words / files:.0f} stems per file")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

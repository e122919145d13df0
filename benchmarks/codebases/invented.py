"""Build the invented papers of `set/` and 20 candidate repositories for each, as git repositories.

A file of the set holds a paper and its material, in parts that begin with "@@ <part> <file>". Each
candidate is a folder with a git history by the people who would have written it. Nothing here knows
how validation works.
"""

import json
import os
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

SET = Path(__file__).parent / "set"
Files = dict[str, str]


class Invented(NamedTuple):
    """One paper of the set. parts: real, other, library, follow -> file -> text."""

    key: str
    about: dict[str, object]
    paper: str
    parts: dict[str, Files]

    @property
    def held_out(self) -> bool:
        """Whether it was kept away from the choice of constants."""
        return bool(self.about.get("held_out"))

    def said(self, name: str) -> str:
        """Return a field of its description."""
        return str(self.about[name])

    @property
    def authors(self) -> list[str]:
        """The authors of the paper."""
        authors = self.about["authors"]
        assert isinstance(authors, list)
        return [str(it) for it in authors]


class Candidate(NamedTuple):
    """One repository. people: authors of its commits; last_by: who made the last commit."""

    kind: str
    address: str
    files: Files
    people: tuple[str, ...]
    last: Files = {}
    last_by: str = ""


def load() -> list[Invented]:
    """Return the papers of the set, those that are not held out first."""
    found = [_load(path) for path in sorted(SET.glob("*.txt"))]
    return sorted(found, key=lambda it: it.held_out)


def _load(path: Path) -> Invented:
    parts: dict[str, Files] = {}
    for piece in path.read_text(encoding="utf-8").split("\n@@ "):
        head, _, text = piece.removeprefix("@@ ").partition("\n")
        part, _, file = head.partition(" ")
        parts.setdefault(part, {})[file] = text + "\n"
    about = tomllib.loads(parts.pop("about")[""])
    return Invented(path.stem, about, parts.pop("paper")[""], parts)


def candidates(paper: Invented, everything: list[Invented]) -> list[Candidate]:
    """Return the 20 candidates of a paper, the real one first."""
    others = [it for it in everything if it.key != paper.key]
    own = [make(paper, others) for make in MAKERS]
    return [*own, *(real(it, []) for it in others)]


def real(paper: Invented, _: list[Invented]) -> Candidate:
    """The repository of the paper's authors."""
    return Candidate("real", _address(paper), paper.parts["real"], tuple(paper.authors[:2]))


def fork(paper: Invented, _: list[Invented]) -> Candidate:
    """The same files with a commit by somebody else."""
    base = real(paper, [])
    name = paper.said("repository")
    address = f"https://github.com/plover{len(paper.key)}/{name}"
    last = {"notes.txt": "batch job for our cluster:\n\nsbatch -p gpu --mem 64G job.sh\n"}
    return Candidate("fork", address, base.files, base.people, last, "P. Lover")


def other(paper: Invented, _: list[Invented]) -> Candidate:
    """A re-implementation by a stranger."""
    address = f"https://github.com/rdunmore/{_slug(paper.parts['other']['README.md'])}"
    return Candidate("re-implementation", address, paper.parts["other"], ("R. Dunmore",))


def stranger(paper: Invented, _: list[Invented]) -> Candidate:
    """A project of the same name about something else."""
    name = paper.said("repository")
    page = f"# {name}\n\n{paper.said('stranger')}\n\n    npm install && npm start\n"
    code = "".join(
        f"export function view{i}(items) {{\n  return items.filter((it) => it.rank > {i});\n}}\n"
        for i in range(30)
    )
    files = {"README.md": page, "src/index.js": code, "package.json": f'{{"name": "{name}"}}\n'}
    return Candidate("stranger", f"https://github.com/zorana-b/{name}", files, ("Zorana B.",))


def survey(paper: Invented, others: list[Invented]) -> Candidate:
    """A list of many papers, this one among them."""
    papers = sorted([paper, *others], key=lambda it: it.key)
    rows = [f"- [{it.said('title')}](https://arxiv.org/abs/{it.said('arxiv')})" for it in papers]
    more = [
        f"- Some Other Idea, Part {i} (https://arxiv.org/abs/25{i:02}.0{i:04})"
        for i in range(1, 19)
    ]
    page = (
        "# awesome-methods\n\nA curated list.\n\n" + "\n".join([*more[:7], *rows, *more[7:]]) + "\n"
    )
    tool = "import sys\n\nfor line in sys.stdin:\n    if 'arxiv' in line:\n        print(line)\n"
    files = {"README.md": page, "check_links.py": tool}
    return Candidate("survey list", "https://github.com/listkeeper/awesome", files, ("K. Eeper",))


def library(paper: Invented, _: list[Invented]) -> Candidate:
    """The library that the paper uses."""
    owners = {"actcache": "saltmarsh-labs"}
    name = paper.said("library")
    address = f"https://github.com/{owners.get(name, name + '-dev')}/{name}"
    return Candidate("library", address, paper.parts["library"], ("Lib Maintainer",))


def empty(paper: Invented, _: list[Invented]) -> Candidate:
    """A repository without files, with the method's name."""
    return Candidate(
        "empty", f"https://github.com/soon/{paper.said('repository')}", {}, ("Nobody",)
    )


def test_data(paper: Invented, _: list[Invented]) -> Candidate:
    """A parser of documents whose test data contain the paper's text."""
    code = '"""Parse Markdown papers."""\n\nimport re\n\n\n' + "".join(
        f"def rule_{i}(text):\n    return re.sub(r'x{i}', 'y{i}', text)\n\n\n" for i in range(40)
    )
    files = {
        "README.md": "# paperparse\n\nParse papers into sections.\n",
        "paperparse/rules.py": code,
        "tests/data/paper.md": paper.paper,
        "tests/data/expected.json": f'{{"title": "{paper.said("title")}"}}\n',
        "tests/test_rules.py": f"TITLE = '{paper.said('title')}'\nID = '{paper.said('arxiv')}'\n",
    }
    return Candidate("test data", "https://github.com/docs-tools/paperparse", files, ("D. Ocs",))


def readme_only(paper: Invented, _: list[Invented]) -> Candidate:
    """A page that promises code."""
    page = f"# {paper.said('title')}\n\narXiv:{paper.said('arxiv')}. Code will be released soon.\n"
    address = f"https://github.com/anon-submission/{paper.said('repository')}-code"
    return Candidate("README only", address, {"README.md": page}, ("Anonymous",))


def tutorial(paper: Invented, _: list[Invented]) -> Candidate:
    """A notebook course in which one lesson walks through the paper."""

    def lesson(name: str, text: str) -> str:
        lines = [f"x_{i} = {i} * 3\n" for i in range(12)]
        cells = [
            {"cell_type": "markdown", "metadata": {}, "source": [f"# {name}: {text}"]},
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": lines},
        ]
        book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(book, indent=1)

    files = {
        "README.md": "# ten-lessons\n\nReading group notebooks, one paper a week.\n\n"
        f"Week 4: {paper.said('title')} (https://arxiv.org/abs/{paper.said('arxiv')})\n\n"
        "Week 5: Attention Is All You Need (https://arxiv.org/abs/1706.03762)\n",
        "week4.ipynb": lesson("Week 4", paper.said("title")),
        "week5.ipynb": lesson("Week 5", "attention"),
    }
    return Candidate("tutorial", "https://github.com/readinggroup/ten-lessons", files, ("T. Each",))


def follow_up(paper: Invented, _: list[Invented]) -> Candidate:
    """Code of another paper of the field, which names this one."""
    files = paper.parts["follow"]
    address = f"https://github.com/nextpaper/{_slug(files['README.md'])}"
    return Candidate("follow-up", address, files, ("N. Ext",))


def zoo(paper: Invented, others: list[Invented]) -> Candidate:
    """A large library that implements many methods, this one among them."""
    numbers = [
        0.9,
        0.99,
        0.999,
        1e-3,
        3e-4,
        1e-4,
        0.1,
        0.5,
        2,
        4,
        8,
        12,
        16,
        32,
        64,
        128,
        256,
        1000,
    ]
    names = [
        "lr",
        "batch_size",
        "dropout",
        "layers",
        "hidden",
        "steps",
        "decay",
        "warmup",
        "k",
        "rate",
    ]
    files = {
        f"zoo/methods/method_{i:02}.py": f'"""arXiv 24{i:02}.1{i:04}."""\n\n\nclass Method:\n'
        + "".join(
            f"    {name} = {numbers[(i * 7 + j) % len(numbers)]}\n" for j, name in enumerate(names)
        )
        + "".join(f"\n    def step_{j}(self, x):\n        return x * {j}\n" for j in range(8))
        for i in range(1, 13)
    }
    [(_, code)] = [it for it in paper.parts["other"].items() if it[0].endswith(".py")][:1]
    name = paper.said("name").lower()
    files[f"zoo/methods/{name}.py"] = (
        f'"""{paper.said("title")}, arXiv {paper.said("arxiv")}."""\n\n{code}'
    )
    rows = [f"| method {i} | https://arxiv.org/abs/24{i:02}.1{i:04} |" for i in range(1, 13)]
    rows += [
        f"| {it.said('title')} | https://arxiv.org/abs/{it.said('arxiv')} |"
        for it in [paper, *others[:3]]
    ]
    files["README.md"] = (
        "# method-zoo\n\nAll methods, one interface.\n\n| method | paper |\n|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )
    files["pyproject.toml"] = '[project]\nname = "method-zoo"\nauthors = [{name = "Zoe Keeper"}]\n'
    return Candidate("zoo", "https://github.com/zookeepers/method-zoo", files, ("Zoe Keeper",))


def same_authors(paper: Invented, _: list[Invented]) -> Candidate:
    """Another project of the paper's authors, in the account of the paper's code."""
    code = "import json\nfrom pathlib import Path\n\n\n" + "".join(
        f"def slide_{i}(deck):\n    return deck[{i}]\n\n\n" for i in range(25)
    )
    files = {
        "README.md": f"# lab-slides\n\nSlides and plots of our group. {paper.authors[0]}\n",
        "LICENSE": f"MIT License\n\nCopyright (c) 2025 {paper.authors[0]}\n",
        "slides.py": code,
    }
    address = f"https://github.com/{paper.said('owner')}/lab-slides"
    return Candidate("same authors", address, files, (paper.authors[0],))


MAKERS: tuple[Callable[[Invented, list[Invented]], Candidate], ...] = (
    real, fork, other, stranger, survey, library, empty, test_data, readme_only, tutorial,
    follow_up, zoo, same_authors,
)  # fmt: skip


def build(candidate: Candidate, folder: Path) -> Path:
    """Write a candidate as a git repository and return its folder."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    for number, (person, files) in enumerate(_commits(candidate)):
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        _git(folder, "add", "--all", "--force")
        when = f"{1_780_000_000 + 86_400 * number} +0000"
        _git(
            folder, "commit", "--quiet", "--allow-empty", "--message", "work", who=person, when=when
        )
    return folder


def _commits(candidate: Candidate) -> Iterator[tuple[str, Files]]:
    names = sorted(candidate.files)
    half = len(names) // 2
    people = candidate.people
    yield people[0], {it: candidate.files[it] for it in names[:half]}
    yield people[-1], {it: candidate.files[it] for it in names[half:]}
    if candidate.last:
        yield candidate.last_by, candidate.last


def _git(folder: Path, *arguments: str, who: str = "x", when: str = "0 +0000") -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": who,
        "GIT_AUTHOR_EMAIL": "someone@example.org",
        "GIT_COMMITTER_NAME": who,
        "GIT_COMMITTER_EMAIL": "someone@example.org",
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_DATE": when,
    }
    subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        timeout=60,
    )


def _address(paper: Invented) -> str:
    return f"https://github.com/{paper.said('owner')}/{paper.said('repository')}"


def _slug(page: str) -> str:
    return page.splitlines()[0].strip("# ").lower().replace(" ", "-")

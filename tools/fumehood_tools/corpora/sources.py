"""Read the documents of a corpus, in a fixed order. All of `mixed` costs 2 s and 60 MB."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fumehood_tools.corpora.embedded import read_labelled, read_speeches
from fumehood_tools.errors import BadRequest, PartMissing, StorageFailed, UnknownName

# Data sets of sae-probes that share no text with a probing task (a test checks this). Excluded for
# that reason: Wikipedia biographies, code, AG News and similar sets, Amazon reviews.
MIXED_SETS = (
    "100_news_fake",
    "94_ai_gen",
    "45_context_ans",
    "111_yelp_data",
    "101_disease_class",
    "48_cm_correct",
)
SPEECH_SHARE = 0.35
OPENING = 200
HUB_PREFIX = "hub:"
# A single text file is cut into parts of this size, so that it can be split.
_PART_CHARACTERS = 6000
_SUFFIXES = (".txt", ".md", ".jsonl")


class Document(NamedTuple):
    """A text that is never divided between the splits. `source` names its origin."""

    source: str
    text: str


def known_corpora() -> tuple[str, ...]:
    """Return the corpora that can be named without a path or a hub id."""
    return ("mixed", "sotu", "synthetic")


def read_documents(name: str, characters: int) -> list[Document]:
    """Return the documents of a corpus in a fixed order.

    Embedded and local corpora are returned completely; hub data sets only until the documents have
    `characters` characters. Raises UnknownName, PartMissing, StorageFailed, BadRequest (unreadable
    lines).
    """
    if name == "mixed":
        return [*_speeches(), *_labelled()]
    if name == "sotu":
        return list(_speeches())
    if name.startswith(HUB_PREFIX):
        return _from_hub(name.removeprefix(HUB_PREFIX), characters)
    return _from_path(local_path(name))


def local_path(name: str) -> Path:
    """Return the file or folder that a corpus name points to. Raises UnknownName if none exists."""
    path = Path(name).expanduser()
    if path.is_dir() or (path.is_file() and path.suffix in _SUFFIXES):
        return path
    raise UnknownName(
        "corpus",
        name,
        known_corpora(),
        "Pass one of these, a .txt, .md or .jsonl file, a folder of them, or hub:<data set>.",
    )


def local_files(path: Path) -> list[Path]:
    """Return the text files of a local corpus, in a fixed order."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())


def local_identity(path: Path) -> str:
    """Return a sha256 of the names and contents of a local corpus. Raises StorageFailed."""
    digest = hashlib.sha256()
    try:
        for file in local_files(path):
            name = file.name if file == path else file.relative_to(path).as_posix()
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading the corpus {path.name}") from error
    return digest.hexdigest()


def _speeches() -> Iterator[Document]:
    return (Document("sotu", text) for text in read_speeches())


def _labelled() -> Iterator[Document]:
    """Yield the texts of MIXED_SETS; of texts with the same opening, only the first.

    45_context_ans, for example, asks seven questions about each story: 3,940 texts, 559 stories.
    """
    for name in MIXED_SETS:
        openings: set[str] = set()
        for text, _ in read_labelled(name):
            opening = opening_of(text)
            if opening not in openings:
                openings.add(opening)
                yield Document(name, text)


def opening_of(text: str) -> str:
    """Return the first OPENING characters of a text, with white space normalized.

    Texts with the same opening form a family.
    """
    return " ".join(text[: 2 * OPENING].split())[:OPENING]


def _from_path(path: Path) -> list[Document]:
    documents: list[Document] = []
    for file in local_files(path):
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise StorageFailed.from_os_error(error, f"Reading the corpus {path.name}") from error
        read = _json_lines if file.suffix == ".jsonl" else _whole
        documents += [Document(file.name, part) for part in read(text, file) if part.strip()]
    if len(documents) == 1:
        documents = [Document(path.name, part) for part in passages(documents[0].text)]
    return documents


def _whole(text: str, file: Path) -> Iterator[str]:
    yield text


def _json_lines(text: str, file: Path) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield str(json.loads(line)["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest(
                f'{file.name}:{number} is not a JSON object with a "text" key. Correct that line.'
            ) from error


def passages(text: str, limit: int = _PART_CHARACTERS) -> Iterator[str]:
    """Yield consecutive parts of at most `limit` characters, cut at a space if possible."""
    start = 0
    while start < len(text):
        end = start + limit
        if end < len(text):
            space = text.rfind(" ", start + limit // 2, end)
            end = space if space > 0 else end
        yield text[start:end]
        start = end


def _from_hub(name: str, characters: int) -> list[Document]:
    """Stream a hub data set ("owner/set" or "owner/set:configuration") until there is enough text.

    Raises BadRequest if it has no "text" column, PartMissing if it is not available.
    """
    import httpx
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    repository, _, configuration = name.partition(":")
    documents: list[Document] = []
    found = 0
    try:
        stream = load_dataset(repository, configuration or None, split="train", streaming=True)
        for row in stream:
            if not isinstance(row.get("text"), str):
                raise BadRequest(f'The data set {repository} has no "text" column. Choose another.')
            documents.append(Document(repository, row["text"]))
            found += len(row["text"])
            if found >= characters:
                break
    except DatasetNotFoundError as error:
        why = "unknown, private, or the hub cannot be reached"
        raise PartMissing(f"The data set {repository}", _hub_command(repository), why) from error
    except (OSError, httpx.HTTPError) as error:
        why = "the hub cannot be reached"
        raise PartMissing(f"The data set {repository}", _hub_command(repository), why) from error
    return documents


def _hub_command(repository: str) -> str:
    return (
        f"hf download --repo-type dataset {repository}  (on a machine with a network), "
        'or set corpus.name to "mixed", "sotu" or a local folder'
    )

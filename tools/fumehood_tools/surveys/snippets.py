"""The code in a package's documentation, and which of it states what it must print.

Markdown is parsed by markdown-it. Of reStructuredText only code directives and doctests are found.
"""

import re
from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from fumehood_tools.surveys.models import ApiObject, Snippet, Verifies
from fumehood_tools.surveys.texts import Text

LONGEST_CODE = 2_000
MOST_SNIPPETS = 2_000
MOST_NAMES = 12
_PYTHON = re.compile(r"\{?(?:\.?python3?|py3?|pycon|ipython3?|code-block|code-cell|doctest)\b")
_OUTPUT = frozenset({"", "text", "txt", "output", "console", "plaintext", "none", "{code-output}"})
_DIRECTIVE = re.compile(
    r"^(?P<indent>\s*)\.\. (?P<name>code-block|code|sourcecode|testcode|doctest|ipython)::\s*"
    r"(?P<language>[\w-]*)\s*$"
)
_WORD = re.compile(r"[^\W\d]\w{2,}")


def snippets_of(
    texts: Iterable[Text], objects: Iterable[ApiObject], names: frozenset[str]
) -> list[Snippet]:
    """Return the snippets of documentation, then those of docstrings, at most MOST_SNIPPETS."""
    found: list[Snippet] = []
    for snippet in (*_of_texts(texts), *_of_docstrings(objects)):
        words = [it for it in _WORD.findall(snippet.code) if it in names]
        known = tuple(dict.fromkeys(words))[:MOST_NAMES]
        found.append(snippet.model_copy(update={"names": known}))
        if len(found) == MOST_SNIPPETS:
            break
    return found


def _of_texts(texts: Iterable[Text]) -> Iterator[Snippet]:
    for text in texts:
        if text.kind == "notebook":
            verifies: Verifies = "stored outputs" if text.has_outputs else "no"
            yield _snippet(text.path, 1, "notebook", verifies, text.text)
        elif text.form in ("md", "markdown"):
            yield from _of_markdown(text)
        elif text.form in ("rst", "txt", "") and text.kind in ("readme", "docs"):
            yield from _of_rst(text)


def _of_markdown(text: Text) -> Iterator[Snippet]:
    try:
        tokens = MarkdownIt("commonmark").parse(text.text)
    except (RecursionError, ValueError, IndexError):
        return
    fences = [it for it in tokens if it.type in ("fence", "code_block")]
    after = {id(one): two for one, two in zip(fences, fences[1:], strict=False)}
    for token in fences:
        info = token.info.strip().lower()
        has_prompt = re.search(r"^>>> ", token.content, re.MULTILINE) is not None
        if not has_prompt and not _PYTHON.match(info):
            continue
        line = (token.map or [0])[0] + 1
        verifies: Verifies = "doctest" if has_prompt else "no"
        following = after.get(id(token))
        if verifies == "no" and following is not None and _is_output(token, following):
            verifies = "output"
        yield _snippet(text.path, line, "markdown", verifies, token.content)


def _is_output(code: Token, after: Token) -> bool:
    """Whether a fence directly after another one is its output."""
    here, there = code.map, after.map
    info = after.info.strip().lower()
    return here is not None and there is not None and info in _OUTPUT and there[0] - here[1] <= 3


def _of_rst(text: Text) -> Iterator[Snippet]:
    lines = text.text.split("\n")
    at = 0
    while at < len(lines):
        found = _DIRECTIVE.match(lines[at])
        if found is not None and found["language"] in ("", "python", "python3", "pycon", "py"):
            end = _end_of_block(lines, at + 1, len(found["indent"]))
            code = "\n".join(it[len(found["indent"]) :] for it in lines[at + 1 : end])
            prompt = ">>> " in code or found["name"] == "doctest"
            output = found["name"] == "testcode"
            verifies: Verifies = "doctest" if prompt else "output" if output else "no"
            yield _snippet(text.path, at + 1, "rst", verifies, code)
            at = end
        elif lines[at].lstrip().startswith(">>> "):
            end = next((n for n in range(at, len(lines)) if not lines[n].strip()), len(lines))
            yield _snippet(text.path, at + 1, "rst", "doctest", "\n".join(lines[at:end]))
            at = end
        else:
            at += 1


def _end_of_block(lines: list[str], start: int, indent: int) -> int:
    for number in range(start, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            return number
    return len(lines)


def _of_docstrings(objects: Iterable[ApiObject]) -> Iterator[Snippet]:
    for entry in objects:
        if entry.doctests:
            start = entry.doc.find(">>>")
            code = entry.doc[max(start, 0) :]
            yield _snippet(entry.file, entry.line or 1, "docstring", "doctest", code)


def _snippet(file: str, line: int, form: str, verifies: Verifies, code: str) -> Snippet:
    return Snippet.model_validate(
        {
            "file": file,
            "line": line,
            "form": form,
            "verifies": verifies,
            "code": code.strip("\n")[:LONGEST_CODE],
        }
    )

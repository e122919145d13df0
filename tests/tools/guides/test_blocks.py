"""Python blocks are found where a reader of the rendered page sees them, with their lines."""

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.guides.blocks import MOST_BLOCKS, page_of

FENCES = {
    "```python\nx = 1\n```\n": (2, "x = 1\n"),
    "~~~py\nx = 1\n~~~\n": (2, "x = 1\n"),
    "``` Python\nx = 1\n```\n": (2, "x = 1\n"),
    '```python title="a.py"\nx = 1\n```\n': (2, "x = 1\n"),
    "```{python}\nx = 1\n```\n": (2, "x = 1\n"),
    "```{code-block} python\n:linenos:\n\nx = 1\n```\n": (4, "x = 1\n"),
    "- step\n\n  ```python\n  if 1:\n      x = 1\n  ```\n": (4, "if 1:\n    x = 1\n"),
    "> ```python\n> x = 1\n> ```\n": (2, "x = 1\n"),
    "```python\nx = 1\n": (2, "x = 1\n"),
    "---\nname: moss\n---\n\n```python\nx = 1\n```\n": (6, "x = 1\n"),
}


@pytest.mark.parametrize("text", FENCES, ids=range(len(FENCES)))
def test_a_fence_of_any_form_is_found_with_its_line(text: str) -> None:
    (block,) = page_of(text).blocks
    assert (block.line, block.code) == FENCES[text]


@pytest.mark.parametrize(
    "text",
    [
        "````markdown\n```python\nx = 1\n```\n````\n",
        "<!--\n```python\nx = 1\n```\n-->\n",
        "```bash\npython -m moss\n```\n",
        "```pythonic\nx = 1\n```\n",
        "```\nx = 1\n```\n",
    ],
)
def test_what_is_quoted_hidden_or_another_language_is_not_run(text: str) -> None:
    assert page_of(text).blocks == ()


def test_the_output_that_follows_a_block_belongs_to_it() -> None:
    text = "# T\n```python\nprint(1)\n```\n```output\n1\n```\n\nwords\n\n```output\n2\n```\n"
    (block,) = page_of(text).blocks
    assert block.expected == "1\n" and block.section == "T"
    (block,) = page_of("```python\nprint(1)\n```\n\nwords\n\n```output\n2\n```\n").blocks
    assert block.expected is None


def test_a_file_with_too_many_blocks_is_refused() -> None:
    with pytest.raises(BadRequest, match="Split it"):
        page_of("```python\nx\n```\n\n" * (MOST_BLOCKS + 1))

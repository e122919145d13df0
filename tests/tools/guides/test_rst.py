"""Python blocks of reStructuredText are found where a reader of the page sees them."""

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.guides.blocks import MOST_BLOCKS
from fumehood_tools.guides.rst import rst_page_of

FOUND = {
    ".. code-block:: python\n\n   x = 1\n": (3, "x = 1\n"),
    ".. code:: python3\n   :number-lines: 1\n   :name: it\n\n   x = 1\n\nEnd.\n": (5, "x = 1\n"),
    ".. sourcecode:: Python\n\n\tif x:\n\t    y\n": (3, "if x:\n    y\n"),
    "..  code::   python   \n\n  x\n": (3, "x\n"),
    ".. _moss:\n\n.. code:: python\n\n  x\n": (5, "x\n"),
    ".. testcode::\n\n  x = 1\n\n  y = 2\n": (3, "x = 1\n\ny = 2\n"),
    "Text.\n\n>>> 1 + 1\n2\n\nMore.\n": (3, ">>> 1 + 1\n2\n"),
    "  >>> for i in '':\n  ...     i\n\n": (1, ">>> for i in '':\n...     i\n"),
    ".. note:: See.\n\n   .. code-block:: pycon\n\n      >>> x\n": (5, ">>> x\n"),
    ".. tab-set::\n\n   .. tab-item:: Python\n\n      .. code:: py\n\n         x\n": (7, "x\n"),
}
NOT_FOUND = [
    ".. code-block:: bash\n\n   python x.py\n",
    ".. code-block:: rst\n\n   .. code-block:: python\n\n      x = 1\n",
    ".. A comment\n\n   .. code-block:: python\n\n      x = 1\n",
    "..\n   .. code-block:: python\n\n      x = 1\n",
    "Write this::\n\n   .. code-block:: python\n\n      x = 1\n",
    "::\n\n   >>> x\n",
    ".. code-block:: python\n",
    ".. literalinclude:: moss.py\n   :language: python\n",
]


@pytest.mark.parametrize("text", FOUND, ids=range(len(FOUND)))
def test_a_block_of_any_form_is_found_with_its_line(text: str) -> None:
    (block,) = rst_page_of(text).blocks
    assert (block.line, block.code) == FOUND[text]


@pytest.mark.parametrize("text", NOT_FOUND, ids=range(len(NOT_FOUND)))
def test_what_is_quoted_hidden_or_another_language_is_not_run(text: str) -> None:
    assert rst_page_of(text).blocks == ()


def test_a_block_has_its_section_and_the_output_that_is_promised() -> None:
    text = (
        "Moss\n====\n\n.. testcode::\n\n   print(1)\n\n.. testoutput::\n\n   1\n\n"
        "Fern\n----\n\n.. code-block:: python\n\n   print(2)\n\nAfter.\n"
    )
    first, second = rst_page_of(text).blocks
    assert (first.section, first.expected) == ("Moss", "1\n")
    assert (second.section, second.expected, second.line) == ("Fern", None, 17)


def test_a_file_with_too_many_blocks_is_refused() -> None:
    with pytest.raises(BadRequest, match="Split it"):
        rst_page_of(">>> x\n\n" * (MOST_BLOCKS + 1))

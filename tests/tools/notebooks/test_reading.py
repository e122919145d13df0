"""Which files are read as notebooks, what is left of them, and what the error says otherwise."""

import json
import subprocess
import sys
from typing import Any

import pytest
from fakes.notebook_files import code, notebook, run_all, text

from fumehood_tools.errors import BadRequest
from fumehood_tools.notebooks import to_script


def old_code(source: object, language: str = "python") -> dict[str, Any]:
    """Return a code cell of format 3."""
    return {"cell_type": "code", "input": source, "language": language, "outputs": []}


def cells_of(source: str) -> str:
    """Return a script without its head."""
    return source[source.index("# %%") :]


HEADING = {"cell_type": "heading", "level": 2, "source": "Title"}
FORMATS = {
    1: {
        "nbformat": 1,
        "cells": [{"cell_type": "code", "code": "a = 1"}, {"cell_type": "text", "text": "Title"}],
    },
    2: {
        "nbformat": 2,
        "worksheets": [
            {"cells": [old_code("a = 1"), {"cell_type": "html", "source": "Title"}]},
        ],
    },
    3: {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "x"},
        "worksheets": [{"cells": [old_code(["a = 1\n", "b = 2"])]}, {"cells": [HEADING]}],
    },
    4: json.loads(notebook("a = 1", text("markdown", "Title"))),
}


@pytest.mark.parametrize("number", FORMATS)
def test_every_format_is_read(number: int) -> None:
    made = to_script(json.dumps(FORMATS[number]))
    assert made.format == number and (made.cells, made.code_cells) == (2, 1)
    assert "\na = 1\n" in made.source and "Title\n" in made.source and "\nTitle" not in made.source


def test_cells_of_all_worksheets_follow_each_other() -> None:
    sheets = [{"cells": [old_code(f"x{at}")]} for at in range(3)]
    made = to_script(json.dumps({"nbformat": 3, "worksheets": sheets}))
    assert [line for line in made.source.split("\n") if line.startswith("_nb_show(x")] == [
        f"_nb_show(x{at})" for at in range(3)
    ]


def test_a_file_without_a_number_is_read_as_the_newest_format() -> None:
    found = json.loads(notebook("a = 1"))
    del found["nbformat"]
    assert to_script(json.dumps(found)).source.endswith("# %% cell 1\na = 1\n")


@pytest.mark.parametrize(
    "start", ["", "\ufeff", "\n\t "], ids=["plain", "byte order mark", "white space"]
)
def test_what_stands_before_the_json_does_not_matter(start: str) -> None:
    assert to_script(start + notebook("a = 1")).code_cells == 1


def test_parts_that_nbformat_would_miss_may_be_absent() -> None:
    cells = [
        {"cell_type": "code", "source": "a = 1"},
        {"cell_type": "code"},
        code(None),
        code(["b"], outputs=[1, {"output_type": "stream", "text": 2}]),
    ]
    made = to_script(json.dumps({"nbformat": 4, "cells": cells}))
    assert cells_of(made.source) == (
        "# %% cell 1\na = 1\n\n# %% cell 2\n\n# %% cell 3\n\n# %% cell 4\n_nb_show(b)\n"
    )


BROKEN = {
    "empty": ("", "not JSON"),
    "text": ("hello", "not JSON"),
    "half a file": (notebook("a = 1")[:60], "not JSON"),
    "a list": ("[]", "no object"),
    "a number": ("3", "no object"),
    "another JSON file": ('{"name": "x"}', "no `nbformat`"),
    "a format of the future": (json.dumps({"nbformat": 5, "cells": []}), "format 5"),
    "format 0": (json.dumps({"nbformat": 0, "cells": []}), "format 0"),
    "a format in words": (json.dumps({"nbformat": "4", "cells": []}), "no `nbformat`"),
    "a format that is true": (json.dumps({"nbformat": True, "cells": []}), "no `nbformat`"),
    "no cells": (json.dumps({"nbformat": 4, "metadata": {}}), "no list of cells"),
    "cells that are null": (json.dumps({"nbformat": 4, "cells": None}), "no list of cells"),
    "no worksheets": (json.dumps({"nbformat": 3, "cells": []}), "no list of cells"),
    "a sheet without cells": (json.dumps({"nbformat": 3, "worksheets": [{}]}), "no list of cells"),
    "a cell that is text": (json.dumps({"nbformat": 4, "cells": ["a"]}), "cell 1 is not"),
    "a cell without a type": (json.dumps({"nbformat": 4, "cells": [{}]}), "cell 1 is not"),
    "source of numbers": (notebook(code([1, 2])), "not valid in its format 4"),
    "deep": ('{"nbformat": 4, "cells": ' + "[" * 100_000, "nested too deeply"),
    "deep metadata": (
        '{"nbformat": 4, "cells": [], "metadata": {"a": ' + "[" * 700 + "]" * 700 + "}}",
        "nested too deeply",
    ),
    "cells twice": ('{"nbformat": 4, "cells": [], "cells": []}', "'cells' occurs twice"),
    "source twice": (
        '{"nbformat": 4, "cells": [{"cell_type": "code", "source": "a", "source": "b"}]}',
        "'source' occurs twice",
    ),
    "many cells": (notebook(*[""] * 20_001), "20,001 cells"),
    "much code": (notebook("a" * 1_500_000, "b" * 500_001), "2,000,001 characters"),
    "long": (notebook("a" * 100_000_000), "100,000,0"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_notebook_is_refused_with_a_next_step(name: str) -> None:
    content, part = BROKEN[name]
    with pytest.raises(BadRequest) as caught:
        to_script(content)
    said = str(caught.value)
    assert said.startswith("This notebook cannot be read: ") and part in said and len(said) < 500
    assert said.endswith(("read the file as plain text.", "then call again."))


def test_other_languages_become_comments_and_are_reported() -> None:
    cells = ["x <- 1\n!ls", "", text("markdown", "T")]
    made = to_script(notebook(*cells, kernelspec={"language": "R", "name": "ir"}))
    assert made.language == "r" and made.language_stated
    assert [(one.cell, one.line, one.text) for one in made.not_carried] == [(1, 1, "x <- 1")]
    assert "not Python" in made.not_carried[0].reason
    assert cells_of(made.source).startswith("# %% cell 1\n# x <- 1\n# !ls\n")


@pytest.mark.parametrize(
    ("metadata", "language", "stated"),
    [
        ({}, "python", False),
        ({"kernelspec": {"name": "python3", "display_name": "Python 3"}}, "python", True),
        ({"kernelspec": {"name": "julia-1.9", "language": "julia"}}, "julia", True),
        ({"kernelspec": {"language": "sage"}, "language_info": {"name": "python"}}, "sage", True),
        ({"language_info": {"name": "ipython", "version": "3.11.4"}}, "python", True),
        ({"language_info": {"name": "python", "version": "2.7.12"}}, "python2", True),
        ({"jupytext": {"main_language": "powershell"}}, "powershell", True),
        ({"kernelspec": None, "language_info": "python"}, "python", False),
    ],
)
def test_the_language_is_the_stated_one(
    metadata: dict[str, Any], language: str, stated: bool
) -> None:
    made = to_script(notebook("x = 1", **metadata))
    assert (made.language, made.language_stated) == (language, stated)
    assert ("\nx = 1" in made.source) == language.startswith("python")


def test_a_cell_may_have_its_own_language() -> None:
    old = {
        "nbformat": 3,
        "worksheets": [{"cells": [old_code("puts 1", "ruby"), old_code("a = 1")]}],
    }
    made = to_script(json.dumps(old))
    assert "\n# puts 1\n" in made.source and "\na = 1\n" in made.source
    made = to_script(
        notebook(code("SELECT 1", metadata={"vscode": {"languageId": "sql"}}), "a = 1")
    )
    assert "\n# SELECT 1\n" in made.source and "\na = 1\n" in made.source
    assert [one.reason for one in made.not_carried] == ["its language is sql, not Python"]


def test_code_that_the_compiler_warns_of_is_converted_without_a_warning() -> None:
    made = to_script(notebook("_ = 1 is 1\nx = '\\m'", "_"))
    assert not made.not_carried and "'\\m'" in made.source


def test_a_report_quotes_little_of_a_long_line() -> None:
    made = to_script(notebook("%matplotlib " + "x" * 10_000 + "\n\x1b[31m = ("))
    assert all(len(one.text) <= 200 and one.text.isprintable() for one in made.not_carried)
    assert len(made.not_carried) == 1 and len(made.not_carried[0].reason) < 300


def test_a_cell_does_not_state_the_encoding_of_the_script() -> None:
    made = to_script(notebook(text("markdown", "coding: latin-1"), "# coding: ascii\n'ä'"))
    assert "'ä'" in made.source
    compile(made.source.encode("utf-8"), "<script>", "exec")


HOSTILE = [
    'x"""\nimport os',
    "x\\",
    "a\rb\x0bc\x0cd\x1ce\u2028f\u2029g\x85h",
    "# -*- coding: rot13 -*-",
    "\N{RIGHT-TO-LEFT OVERRIDE}x\0\ud800",
    '"' * 7,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_leave_the_first_lines(name: str) -> None:
    made = to_script(notebook("print(3)"), name)
    first, second, *rest = made.source.encode("utf-8").decode("utf-8").split("\n")
    assert first == "#!/usr/bin/env python3" and second.endswith('It runs without IPython."""')
    assert rest == ["", "", "# %% cell 1", "print(3)", ""]


@pytest.mark.child
def test_text_cannot_leave_a_comment_or_a_string() -> None:
    parts = [f"{end}print('out')" for end in ("\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028")]
    cells = [
        text(kind, "\ud800\0x" + part)
        for kind in ("markdown", "raw", "k\nprint('out')")
        for part in parts
    ]
    cells += [code(f"%unknown x{part}\n(", metadata={}) for part in parts]
    cells += [code(f"%%html\n{part}") for part in parts]
    cells += [code(f"%%writefile a.txt\n'''\"\"\"{part}\\") for part in parts]
    cells += [code(f'!true \'""" \\\' {part[:1]}') for part in parts if part[0] != "\n"]
    done = run_all({"all": to_script(notebook(*cells)).source})["all"]
    assert done.status == 0 and "out" not in done.stdout.replace("iting", ""), done


@pytest.mark.child
def test_nbformat_is_imported_when_the_first_notebook_is_read_and_not_before() -> None:
    asked = (
        "import sys; import fumehood_tools.notebooks as n; a = 'nbformat' in sys.modules; "
        "n.to_script(sys.argv[1]); print(a, 'nbformat' in sys.modules, 'IPython' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked, json.dumps({"nbformat": 3, "worksheets": []})],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "False True False\n" and not done.stderr


LENGTH = 50_000
LONG = {
    "separators": "!" + ";" * LENGTH,
    "question marks": "?a" * LENGTH,
    "ends in question marks": "a" + "?" * LENGTH,
    "quotes": "\"'" * LENGTH,
    "brackets": "(" * LENGTH,
    "signs": "-" * LENGTH + "1",
    "dots": "a" + ".a" * LENGTH,
    "calls": "a" + "()" * LENGTH,
    "backslashes": "!a\\\n" * LENGTH,
    "lines": "!a\n" * 5_000,
    "stand-ins": "import IPython\n" * 5_000,
    "futures": "from __future__ import division; " * 10_000 + "1",
    "awaits": "await x\ny\n" * 1_500,
    "dashes": "%timeit " + "-q " * LENGTH,
    "a program": "%%bash\n" + ";" * LENGTH + "\n" + "pip " * LENGTH,
    "braces": "!a " + "{" * LENGTH + "$" * LENGTH,
    "a power": "9 ** 9 ** 9 ** 9",
    "digits": "9" * LENGTH,
    "assignments": "a = " * LENGTH + "!b",
    "spaces": " " * LENGTH + "a\n" + "\t" * LENGTH,
    "spaces after a word": "cd" + " " * LENGTH + "= 3",
}


@pytest.mark.parametrize("name", LONG)
def test_long_text_of_one_kind_is_converted_without_much_waiting(name: str) -> None:
    made = to_script(notebook(LONG[name], "_", text("markdown", LONG[name])))
    assert made.cells == 3


def test_many_cells_are_converted_without_much_waiting() -> None:
    assert to_script(notebook(*(f"a{at} = {at}" for at in range(3000)))).code_cells == 3000

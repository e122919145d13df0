"""Each command of IPython in each place of a cell: it is carried over there, and only there."""

import ast
import itertools

import pytest
from fakes.notebook_files import code, notebook, run_all
from hypothesis import given
from hypothesis import strategies as st

from fumehood_tools.notebooks import to_script

# A command, and what it prints where it is run once.
COMMANDS = {
    "!echo one": "one\n",
    "!echo {n} $n": "7 7\n",
    "lines = !echo two": "",
    "%cd /": "/\n",
    "%env NB_X=1": "env: NB_X=1\n",
    "%time m = 3": "Wall time",
    "%timeit -n 1 -r 1 n + 1": "per loop",
    "%matplotlib inline": "",
    "%pip install nothing": "",
    "%unknown one two": "",
    "value = %unknown one": "",
    "?print": "",
    "print?": "",
    "/print 3": "3\n",
    ",print a b": "a b\n",
    ";print a b": "a b\n",
    "!!echo three": "",
    "get_ipython().system('echo four')": "four\n",
    "get_ipython().run_line_magic('load_ext', 'autoreload')": "",
    "!echo a \\\n  b": "a b\n",
}
# Where a command stands: `@` is the command, with the indentation of its line.
PLACES = {
    "top": "n = 7\n@",
    "if": "n = 7\nif n:\n    @",
    "else": "n = 7\nif not n:\n    pass\nelse:\n    @",
    "try": "n = 7\ntry:\n    @\nfinally:\n    pass",
    "except": "n = 7\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n  @",
    "function": "def f(n):\n    @\n    return None\nf(7)",
    "tab": "n = 7\nfor _i in [1]:\n\tif n:\n\t\t@",
    "with": "import contextlib\nn = 7\nwith contextlib.suppress(ValueError):\n    @\n    pass",
    "method": "class A:\n    def f(self, n):\n        @\nA().f(7)",
    "after a string": "n = 7\nx = '''\n!no\n'''\n@",
    "after brackets": "n = 7\nx = (1\n% 2\n)\n@",
    "after a comment": "n = 7\n# it's (\n@",
}
# Where the same characters are not a command.
INERT = {
    "string": "x = '''\n@\n'''",
    "string in a call": 'f = len\nf("""a\n@""")',
    "raw string": "x = r'\\''\nx = r'''\n@\n'''",
    "comment": "x = 1\n# @",
    "comment in brackets": "x = [\n    # @\n    1]",
}
CASES = {
    f"{command.splitlines()[0]} | {place}": text.replace("@", command)
    for (place, text), command in itertools.product(PLACES.items(), COMMANDS)
}


@pytest.mark.child
def test_every_command_works_in_every_place() -> None:
    done = run_all({name: to_script(notebook(text)).source for name, text in CASES.items()})
    for name, ran in done.items():
        command = next(one for one in COMMANDS if one.splitlines()[0] == name.split(" | ")[0])
        expected = COMMANDS[command]
        assert ran.status == 0, (name, ran)
        assert ran.stdout.endswith(expected) if expected.endswith("\n") else expected in ran.stdout
        assert "no\n" not in ran.stdout


@pytest.mark.parametrize("place", INERT)
@pytest.mark.parametrize("command", COMMANDS)
def test_text_that_only_looks_like_a_command_stays_as_it_is(command: str, place: str) -> None:
    if "'" in command and "string" in place or "\\" in command:
        command = command.replace("'", "").replace("\\\n", "")
    text = INERT[place].replace("@", command)
    made = to_script(notebook(text))
    assert made.source.rstrip().endswith(text) or "_nb_show(f(" in made.source
    assert not made.not_carried


@given(
    st.lists(
        st.one_of(
            st.text(max_size=60),
            st.sampled_from(
                [*CASES.values(), "%%bash\nx", "%%time\nx = 1", "await x", "'''", "(", "\\"]
            ),
        ),
        max_size=4,
    )
)
def test_any_text_becomes_a_script_that_compiles(parts: list[str]) -> None:
    made = to_script(notebook(code("\n".join(parts)), *parts))
    tree = ast.parse(made.source)
    assert not [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and "IPython" in ast.unparse(node)
    ]
    assert all(
        1 <= one.cell <= made.cells and one.text == one.text.strip() for one in made.not_carried
    )

"""Every construct of notebooks, with what it prints in a notebook and in the script.

`same`: IPython prints the same, which a slow test checks. In `prints`, `@` is a line with a time
and `~` a path. A construct that is not carried over has a part of the reason in `reasons`, one for
each line that is reported.
"""

from typing import Any, NamedTuple

from fakes.notebook_files import code, tagged, text


class Construct(NamedTuple):
    """Cells, what they print, and a part of each reason that is reported."""

    name: str
    cells: tuple[str | dict[str, Any], ...]
    prints: str
    reasons: tuple[str, ...] = ()
    same: bool = True


def one(name: str, *cells: str | dict[str, Any], prints: str = "", **more: Any) -> Construct:
    """Return a construct."""
    return Construct(name, cells, prints, **more)


ASYNC = """import asyncio
async def double(x):
    await asyncio.sleep(0)
    return 2 * x
async def count(n):
    for i in range(n):
        yield i
class Open:
    async def __aenter__(self):
        return 7
    async def __aexit__(self, *failure):
        print("closed")
"""

BINDING = """import os.path as p, json
if await double(1):
    def f(): return a
    class C: pass
    a: int = 1
    b: str
    import re
    with open('/dev/null') as file: pass
    (c, *d), e = (1, 2, 3), 4
    [f := 2 for _ in range(1)]
    match [1, {'k': 2}]:
        case [g, {'k': h, **rest}]: pass
    try:
        1 / 0
    except ZeroDivisionError as error:
        a += 1
    del e"""

CONSTRUCTS = (
    # Values.
    one("the last value is printed", "x = 3\nx\nx + 1", prints="4\n"),
    one("a value before the last is not", "'a'\n'b'", prints="'b'\n"),
    one("None is not printed", "None", prints=""),
    one("a semicolon hides a value", "1 + 1;", prints=""),
    one("a semicolon before a comment hides it too", "1 + 1;  # two", prints=""),
    one("a comment after a value stays", "1 + 1  # two", prints="2\n"),
    one("a value after a semicolon", "x = 1; x", prints="1\n"),
    one("a tuple without parentheses", "1, 2", prints="(1, 2)\n"),
    one("a tuple of a starred list", "x = [1, 2]\n*x, 3", prints="(1, 2, 3)\n"),
    one("a value in parentheses over lines", "(1\n + 1)", prints="2\n"),
    one("a value over a backslash", "1 \\\n + 1", prints="2\n"),
    one("a generator's list", "list(x for x in range(2))", prints="[0, 1]\n"),
    one("a string over lines", "'''a\nb'''", prints="'a\\nb'\n"),
    one("a value in an if is not printed", "if True:\n    5", prints=""),
    one("letters outside ASCII before a value", "ä = 'ß'; ä", prints="'ß'\n"),
    one("a conditional and a lambda", "(lambda: 4)() if True else 5", prints="4\n"),
    # History.
    one("underscore is the last value", "2 + 2", "_ * 2", prints="4\n8\n"),
    one("two and three underscores", "1", "2", "3", "_, __, ___", prints="1\n2\n3\n(3, 2, 1)\n"),
    one("Out and its numbers", "5", "6", "Out[1] + _2", prints="5\n6\n11\n"),
    one("In has the source of cells", "a = 1", "In[1]", prints="'a = 1'\n"),
    one("an underscore of the notebook is its own", "for _ in range(2): pass", "_", prints="1\n"),
    # Shell.
    one("a shell line", "!echo hello", prints="hello\n"),
    one("a shell line that fails raises nothing", "!false", "_exit_code", prints="1\n"),
    one("a shell line with one quote", '!echo "it\'s"', prints="it's\n"),
    one("a shell line with a value in braces", "x = 3\n!echo {x + 1}", prints="4\n"),
    one("a shell line with a dollar", "x = 3\n!echo $x", prints="3\n"),
    one("a name with two dollars is the shell's", "x = 3\n!x=5; echo $$x", prints="5\n"),
    one("a variable of the shell", "!echo {1} $HOME", prints="{1} /\n", same=False),
    one("braces that are no Python stay", "!echo a b | awk '{print $2}'", prints="b\n"),
    one("doubled braces", "x = 1\n!echo {{x}} {x}", prints="{x} 1\n"),
    one("a value in single quotes", "x = 3\n!echo '$x'", prints="$x\n"),
    one(
        "a slice, and no format",
        "x = 'abc'\n!echo {x[1:]} {x!r}",
        "!echo {x:.2f}",
        prints="bc abc\n{x:.2f}\n",
    ),
    one("empty braces", "x = 1\n!echo {} $x", prints="{}\n"),
    one("a shell line that reads gets nothing", "!cat", prints="", same=False),
    one("a shell line in the background", "!sleep 60 &", reasons=("background",), same=False),
    one("lines of a command", "x = !printf 'a\\nb\\n'\nx[1], x.n", prints="('b', 'a\\nb')\n"),
    one("lines with a value", "y = 2\nx = !echo {y} $y\nlist(x)", prints="['2 2']\n"),
    one(
        "lines of a command into an attribute",
        "class A: pass\nA.x = !echo 1\nA.x[0]",
        prints="'1'\n",
    ),
    one("two exclamation marks", "!!echo hi", prints="['hi']\n"),
    one("a shell line over backslashes", "!echo a \\\n  b", prints="a b\n"),
    one("a shell line in an if", "if True:\n    !echo yes\nelse:\n    !echo no", prints="yes\n"),
    one(
        "a shell line in a function sees its names",
        "def f(n):\n    !echo {n} $n\n    return 1\nf(4)",
        prints="4 4\n1\n",
    ),
    one("sx and system", "%sx echo 1", "%system echo 2", prints="['1']\n['2']\n"),
    one("installing", "!pip install a-package", reasons=("installs",), same=False),
    one(
        "installing in a block",
        "try:\n    import os\nexcept ImportError:\n    !pip install x\n1",
        prints="1\n",
        reasons=("installs",),
    ),
    one(
        "installing with the notebook's Python",
        "import sys\n!{sys.executable} -m pip install -q x",
        reasons=("installs",),
        same=False,
    ),
    one(
        "installing with a magic",
        "%pip install x",
        "%conda install -y x",
        reasons=("installs",) * 2,
        same=False,
    ),
    one(
        "installing after another command",
        "!cd / && pip3 install x",
        reasons=("installs",),
        same=False,
    ),
    # Line magics.
    one("cd and pwd", "%cd /", "%pwd", prints="/\n'/'\n"),
    one(
        "cd to a folder that is not there",
        "%cd /no/such",
        "1",
        prints="[Errno 2] No such file or directory: '/no/such'\n~/work\n1\n",
        same=False,
    ),
    one("cd back", "%cd -q /\n%cd /usr\n%cd -\n%pwd", prints="/usr\n/\n'/'\n", same=False),
    one("cd with a value", "where = '/usr'\n%cd {where}", prints="/usr\n"),
    one(
        "env sets, shows and returns",
        "%env A_B=1 2",
        "%env A_B",
        "x = %env A_B\nx",
        "import os; os.environ['A_B']",
        prints="env: A_B=1 2\n'1 2'\n'1 2'\n'1 2'\n",
    ),
    one("set_env with a value", "v = 4\n%set_env A_C {v}", prints="env: A_C=4\n"),
    one("time prints the value too", "x = %time 1 + 1\nx", prints="@\n2\n"),
    one("time of a statement binds", "%time y = 5\ny", prints="@\n5\n"),
    one(
        "timeit runs code and binds nothing",
        "%timeit -n 1 -r 1 z = 5\n'z' in globals()",
        prints="@\nFalse\n",
    ),
    one(
        "timeit returns its result",
        "r = %timeit -n 2 -r 3 -q -o 1\nr.loops, r.repeat",
        prints="(2, 3)\n",
    ),
    one(
        "timeit in a function sees its names",
        "def f(q):\n    %timeit -n 1 -r 1 q + 1\nf(1)",
        prints="@\n",
    ),
    one(
        "run takes over names",
        "%%writefile a.py\nimport sys\nz = 9\nprint(__name__, sys.argv[1:])",
        "%run a.py 1 'b c'\nz",
        prints="Writing a.py\n__main__ ['1', 'b c']\n9\n",
    ),
    one(
        "run with the notebook's names",
        "%%writefile a.py\nprint(k)",
        "k = 8\n%run -i a.py",
        prints="Writing a.py\n8\n",
    ),
    one("run of a notebook", "%run other.ipynb", reasons=("another notebook",), same=False),
    one("matplotlib", "%matplotlib inline\n1", prints="1\n", reasons=("display",), same=False),
    one("extensions", "%load_ext autoreload\n%autoreload 2", reasons=("extension",) * 2),
    one(
        "a magic that is not known",
        "%nothing here\n1",
        prints="1\n",
        reasons=("no equivalent",),
        same=False,
    ),
    one(
        "a magic that is not known, assigned",
        "x = %nothing here\nx is None",
        prints="True\n",
        reasons=("no equivalent",),
        same=False,
    ),
    one("a profile", "%prun -q x = 5\nx", prints="5\n", reasons=("profile",), same=False),
    one("files by magics", "%mkdir d\n%ls -1", prints="d\n", same=False),
    one("magics without their sign", "cd /", "pwd", prints="/\n'/'\n"),
    one("a bare name that the notebook has bound", "ls = 5", "ls", prints="5\n"),
    one("installing without a sign", "pip install x", reasons=("installs",), same=False),
    # Strings and comments that look like commands.
    one(
        "a magic in a string",
        "x = '''\n%cd /\n!ls\n?x\n'''\nx",
        prints="'\\n%cd /\\n!ls\\n?x\\n'\n",
    ),
    one("a magic in a comment", "# %cd /\n1  # !ls ?", prints="1\n"),
    one("modulo at the start of a line", "x = (7\n% 4)\nx", prints="3\n"),
    one("modulo after a backslash", "x = 7 \\\n  % 4\nx", prints="3\n"),
    one("a question mark in a string", "'why?'", prints="'why?'\n"),
    one("an f-string with a question", "x = 1\nf'{x!r}?'", prints="'1?'\n"),
    one("unequal", "1 != 2", prints="True\n"),
    one("a keyword argument is no assignment", "dict(a='!ls')", prints="{'a': '!ls'}\n"),
    one("a string over a backslash", "x = 'a\\\n!ls'\nx", prints="'a!ls'\n"),
    # Help.
    one(
        "help before and after",
        "x = 1\n?x\nx?\nx??\nx.real?\n2",
        prints="2\n",
        reasons=("help",) * 4,
        same=False,
    ),
    one("help in a block", "if True:\n    int?\n3", prints="3\n", reasons=("help",), same=False),
    one("help of a magic", "%timeit?", reasons=("help",), same=False),
    # Calls without parentheses.
    one("a slash calls", "def f(*a): return a", "/f 1 2", prints="(1, 2)\n"),
    one("a comma calls with strings", "def f(*a): return a", ",f a b", prints="('a', 'b')\n"),
    one("a semicolon calls with one string", "def f(*a): return a", ";f a b", prints="('a b',)\n"),
    # Cell magics.
    one("bash", "%%bash\nx=5\necho $x\n", prints="5\n"),
    one("bash that fails ends the notebook", "%%bash\nexit 3", prints="", same=False),
    one(
        "bash that may fail",
        "%%bash --no-raise-error\nexit 3",
        "1",
        prints="1\n",
    ),
    one("script with a program", "%%script cat\n{x} 'quoted' \\n", prints="{x} 'quoted' \\n\n"),
    one("script false skips", "%%script false --no-raise-error\nprint(1)", reasons=("skips",)),
    one("sh and python3", "%%sh\necho sh", "%%python3\nprint('py')", prints="sh\npy\n"),
    one(
        "writefile writes the body as it is",
        "%%writefile a.txt\na\\b\n'''\"\"\"\n\tx\n",
        "open('a.txt').read()",
        prints="Writing a.txt\n'a\\\\b\\n\\'\\'\\'\"\"\"\\n\\tx\\n'\n",
    ),
    one(
        "writefile again and appended",
        "%%writefile a.txt\na",
        "%%writefile a.txt\nb",
        "%%file -a a.txt\nc",
        "open('a.txt').read()",
        prints="Writing a.txt\nOverwriting a.txt\nAppending to a.txt\n'b\\nc\\n'\n",
        same=False,
    ),
    one("time of a cell", "%%time\nx = '''a\nb'''\nx", prints="@\n'a\\nb'\n", same=False),
    one("timeit of a cell", "%%timeit -n 1 -r 1 x = 3\ny = x\nprint(y)", prints="3\n@\n"),
    one(
        "capture",
        "%%capture out\nprint('hidden')\n!echo shell\n5",
        "out.stdout",
        prints="'hidden\\nshell\\n'\n",
    ),
    one("capture without a name", "%%capture\nprint(1)", "2", prints="2\n"),
    one(
        "capture of one stream",
        "%%capture --no-stdout out\nimport sys\nprint(1)\nprint(2, file=sys.stderr)",
        "out.stderr, str(out)",
        prints="1\n('2\\n', '')\n",
    ),
    one("capture, then time", "%%capture\n%%time\nz = 4", "z", prints="4\n"),
    one(
        "drawn cells",
        "%%html\n<b>x</b>",
        "%%javascript\nalert(1)",
        "%%latex\n$x$",
        reasons=("display",) * 3,
        same=False,
    ),
    one("a cell of another language", "%%R\nx <- 1", reasons=("no equivalent",), same=False),
    one("a cell magic after blank lines", "\n\n%%bash\necho 1", prints="1\n"),
    one(
        "a cell magic that is not first",
        "x = 1\n%%time\nx",
        prints="1\n",
        reasons=("no equivalent",),
        same=False,
    ),
    # await.
    one("await", ASYNC, "x = await double(4)\nx", "await double(x)", "x", prints="8\n16\n8\n"),
    one(
        "async for and with",
        ASYNC,
        "async for i in count(2):\n    print(i)\n"
        "async with Open() as seven:\n    six = seven - 1\n",
        "i, seven, six",
        prints="0\n1\nclosed\n(1, 7, 6)\n",
    ),
    one(
        "an asynchronous comprehension",
        ASYNC,
        "[n async for n in count(3)]",
        "y = {n: await double(n) async for n in count(2)}\ny",
        prints="[0, 1, 2]\n{0: 0, 1: 2}\n",
    ),
    one(
        "names of all kinds stay",
        ASYNC,
        BINDING,
        "a, c, d, f, g, h, rest, C.__name__, re.__name__, p.__name__",
        "'e' in globals(), 'error' in globals(), file.closed",
        prints="(2, 1, [2, 3], 2, 1, 2, {}, 'C', 're', 'posixpath')\n(False, False, True)\n",
    ),
    one(
        "a task that another cell awaits",
        ASYNC,
        "task = asyncio.create_task(double(5))",
        "await task",
        prints="10\n",
        same=False,
    ),
    one(
        "an annotated value that is awaited",
        ASYNC,
        "x: dict[str, int] = {'a': await double(1)}\nx",
        prints="{'a': 2}\n",
    ),
    one(
        "strings over lines near an await",
        ASYNC,
        "x = '''a\n  b'''\nif True:\n    y = '''c\nd''' + str(await double(1))\n(x, y)",
        prints="('a\\n  b', 'c\\nd2')\n",
    ),
    one(
        "await and import star", ASYNC, "from math import *\nawait double(floor(pi))", prints="6\n"
    ),
    one(
        "statements on one line with an await",
        ASYNC,
        "a = 1; b = await double(a); c = a + b\nc",
        prints="3\n",
    ),
    one(
        "await that fails",
        ASYNC,
        "try:\n    await double(None)\nexcept TypeError as error:\n    print('no')",
        prints="no\n",
    ),
    one(
        "await in a function only",
        ASYNC,
        "async def g():\n    return await double(2)\nawait g()",
        prints="4\n",
    ),
    # Names of IPython.
    one(
        "display",
        "display(1, 'a')",
        "from IPython.display import display as show\nshow(2)",
        prints="1\n'a'\n2\n",
    ),
    one(
        "objects of IPython.display",
        "from IPython.display import display, HTML\ndisplay(HTML('<b>'))\nHTML('x')",
        prints="<IPython.core.display.HTML object>\n<IPython.core.display.HTML object>\n",
        reasons=("stand-in",),
    ),
    one(
        "IPython as a module",
        "import os, IPython\nIPython.display.display(5)\n"
        "from IPython import display\ndisplay.clear_output(wait=True)\nos.sep",
        prints="5\n'/'\n",
        reasons=("stand-in",) * 2,
        same=False,
    ),
    one(
        "calls of get_ipython that are commands",
        "get_ipython().system('echo 1')\n"
        "get_ipython().run_line_magic('cd', '/')\nget_ipython().magic('pwd')",
        prints="1\n/\n'/'\n",
        same=False,
    ),
    one(
        "other uses of get_ipython",
        "ip = get_ipython()\nip.run_line_magic('load_ext', 'x')\n"
        "x = 'google.colab' in str(get_ipython())\nx, 'IPKernelApp' in ip.config",
        prints="(False, False)\n",
        reasons=("stand-in",),
        same=False,
    ),
    one(
        "own magics are functions",
        "from IPython.core.magic import register_line_magic\n"
        "@register_line_magic\ndef mine(line):\n    return 3\nmine('')",
        prints="3\n",
        reasons=("stand-in",),
        same=False,
    ),
    one(
        "the bar of notebooks",
        "try:\n    from tqdm.notebook import tqdm, trange as t\n"
        "except ImportError:\n    print('none')",
        prints="",
        reasons=("tqdm.auto",),
        same=False,
    ),
    # Other cells.
    one(
        "markdown and raw cells are comments",
        text("markdown", "# T\n\nx = 1"),
        text("raw", "print(1)\r1/0\x0c1/0\u20281/0"),
        "2",
        prints="2\n",
    ),
    one("lines after blank ones", "\n  \n\n%nothing", reasons=("no equivalent",), same=False),
    one(
        "lines of a cell magic after blank ones",
        "\n%%capture\n\n \nx = 1\n%nothing",
        "x",
        prints="1\n",
        reasons=("no equivalent",),
        same=False,
    ),
    one("empty cells", "", "  \n\n", "# only\n", "3", prints="3\n"),
    one(
        "cells that are skipped by a tag",
        tagged("1 / 0", "skip-execution"),
        tagged("1 / 0", "skip"),
        "1",
        prints="1\n",
        reasons=("tag",) * 2,
        same=False,
    ),
    one(
        "a cell that is expected to fail",
        tagged("x = '''a\nb'''\n1 / 0", "raises-exception"),
        "x",
        prints="'a\\nb'\n",
        same=False,
    ),
    one(
        "a future of a later cell",
        "x = 1",
        "# first\nfrom __future__ import annotations\ndef f(a: nothing): return 1\nf(0)",
        prints="1\n",
    ),
    one("an indented cell", "    x = 1\n    if x:\n        print(x)", prints="1\n"),
    one("a pasted session", ">>> x = 1\n>>> if x:\n...     print(x)", prints="1\n"),
    one("other ends of lines", "x = 1\r\nif x:\r\n    x = 2\rx", prints="2\n", same=False),
    one("global at the top", "x = 1", "global x\nx = 2\nx", prints="2\n"),
    one("source in a list", code(["a = 1\n", "\n", "a"]), prints="1\n", same=False),
    one(
        "a cell that does not compile",
        "x = 1\ny = (",
        "2",
        prints="2\n",
        reasons=("does not compile",),
        same=False,
    ),
    one("Python 2", "print 'a'", "1", prints="1\n", reasons=("does not compile",), same=False),
    one(
        "return outside of functions",
        "return 5",
        "1",
        prints="1\n",
        reasons=("does not compile",),
        same=False,
    ),
    one(
        "a zero in the code",
        "x = 'a\x00b'",
        "1",
        prints="1\n",
        reasons=("does not compile",),
        same=False,
    ),
    one(
        "half a letter",
        "x = '\ud800'",
        "1",
        prints="1\n",
        reasons=("does not compile",),
        same=False,
    ),
    one("tabs", "if True:\n\tx = 1\n\t!echo $x\n\tif x:\n\t\t%cd /", prints="1\n/\n"),
)

"""What the head of a converted script is made of: plain Python in place of IPython.

Nothing here runs in fumehood. `heads.py` copies the functions and classes that a script uses, as
text, so each brings its own imports and none needs anything but its neighbours. A script's own
names never start with `_nb_`, so the two do not meet. The commands of a notebook have no time
limit: whoever runs a script sets one. There is no quoting: a value that is filled into a command is
read by the shell, as in the notebook.
"""

from collections.abc import Callable, Iterator, Mapping


def _nb_show(value: object) -> None:
    """Print the value of a cell's last expression, as a notebook does."""
    if value is not None:
        print(repr(value))


def _nb_out(value: object, number: int) -> None:
    """Print the value of a cell's last expression, and keep it in Out, _, __, ___ and _NUMBER."""
    if value is not None:
        print(repr(value))
        names = globals()
        names["Out"][number] = names[f"_{number}"] = value
        names["___"], names["__"], names["_"] = names.get("__", ""), names.get("_", ""), value


def _nb_display(*values: object, **options: object) -> object:
    """Print what a notebook would draw, as text. A handle to update it later does nothing."""
    for value in values:
        if options.get("raw") and isinstance(value, dict):
            print(value.get("text/plain", ""))
        else:
            print(repr(value))
    return _NbIPython("IPython.display.DisplayHandle") if "display_id" in options else None


class _NbIPython:
    """Stands for a name of IPython: calls and attributes return such objects and do nothing."""

    __version__, version_info = "9.0.0", (9, 0, 0)

    def __init__(self, path: str, *parts: object) -> None:
        self._path = path

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        path = f"{self._path}.{name}"
        return _nb_display if path == "IPython.display.display" else _NbIPython(path)

    def __call__(self, *values: object, **options: object) -> object:
        # A decorator returns what it decorates.
        return values[0] if len(values) == 1 and callable(values[0]) else self

    def __contains__(self, name: object) -> bool:
        return False

    def __iter__(self) -> Iterator[object]:
        return iter(())

    def __repr__(self) -> str:
        return f"<{self._path.replace('IPython.display.', 'IPython.core.display.')} object>"


def _nb_fill(line: str, names: Mapping[str, object]) -> str:
    """Fill in {expression} and $name, as IPython does: if one fails, the line stays as it is.

    A name in single quotes keeps its dollar sign, two dollar signs become one of the shell's, and
    there are no format specifications: a colon belongs to the expression.
    """
    import re
    import string

    known = {**globals(), **names}
    dollar = re.compile(r"\$(\$?[\w.]+)(?=([^']*'[^']*')*[^']*$)")
    parts = []
    try:
        for text, field, colon, conversion in string.Formatter().parse(line):
            parts.append(
                dollar.sub(lambda m: m[1] if m[1][0] == "$" else str(eval(m[1], known)), text)
            )
            if field is not None:
                value = eval(f"{field}:{colon}" if colon else field, known)
                parts.append(str(string.Formatter().convert_field(value, conversion)))
    except (SyntaxError, NameError, AttributeError, TypeError, ValueError, LookupError):
        return line
    return "".join(parts)


def _nb_run_shell(command: str, write: Callable[[str], object]) -> int:
    """Run a command in the shell, pass on each line of its output, and return its exit status."""
    import shutil
    import subprocess

    with subprocess.Popen(
        command,
        shell=True,
        executable=shutil.which("bash"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            write(line)
    return process.returncode


def _nb_shell(command: str) -> None:
    """Do `!command`: a failure raises nothing, its exit status is in _exit_code."""
    import sys

    globals()["_exit_code"] = _nb_run_shell(command, sys.stdout.write)


class _NbLines(list[str]):
    """The lines that a command printed: .n is the text, .s the text on one line, .l the list."""

    n = property("\n".join)
    s = property(" ".join)
    l = property(list)  # noqa: E741


def _nb_output(command: str) -> _NbLines:
    """Do `lines = !command`."""
    parts: list[str] = []
    _nb_run_shell(command, parts.append)
    return _NbLines("".join(parts).splitlines())


def _nb_script(program: str, text: str, may_fail: bool = False) -> None:
    """Do `%%bash` and `%%script`: give the cell's text to a program, which must succeed."""
    import shlex
    import subprocess
    import sys

    done = subprocess.run(
        shlex.split(program), input=text, capture_output=True, text=True, errors="replace"
    )
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if not may_fail:
        done.check_returncode()


def _nb_write_file(path: str, text: str, append: bool = False) -> None:
    """Do `%%writefile`."""
    import os

    path = os.path.expanduser(path)
    print(
        ("Appending to" if append else "Overwriting") if os.path.exists(path) else "Writing", path
    )
    with open(path, "a" if append else "w", encoding="utf-8") as file:
        file.write(text)


def _nb_cd(path: str, quiet: bool = False) -> None:
    """Do `%cd`: a folder that is not there is reported, not raised. `-` is the folder before."""
    import os

    names, before = globals(), os.getcwd()
    try:
        os.chdir(names.get("_nb_before", ".") if path == "-" else os.path.expanduser(path or "~"))
    except OSError as error:
        print(error)
    else:
        names["_nb_before"] = before
    if not quiet:
        print(os.getcwd())


def _nb_pwd() -> str:
    """Do `%pwd`."""
    import os

    return os.getcwd()


def _nb_env(line: str) -> str | dict[str, str] | None:
    """Do `%env`: all variables, the value of one, or NAME=VALUE (also NAME VALUE) to set one."""
    import os

    name, sign, value = line.partition("=" if "=" in line else " ")
    if not sign:
        return os.environ.get(name) if name else dict(os.environ)
    os.environ[name.strip()] = value.strip()
    print(f"env: {name.strip()}={value.strip()}")
    return None


def _nb_run(line: str, names: dict[str, object] | None = None, module: bool = False) -> None:
    """Do `%run`: run a file (or module) as a program, and take over the names that it defines.

    names: run it with these names, as `%run -i` does.
    """
    import os
    import runpy
    import shlex
    import sys

    path, *arguments = (os.path.expanduser(word) for word in shlex.split(line))
    before, sys.argv = sys.argv, [path, *arguments]
    try:
        found = (
            runpy.run_module(path, run_name="__main__", alter_sys=True)
            if module
            else runpy.run_path(path, names, run_name="__main__")
        )
    except SystemExit as end:
        print(*([f"exited with {end.code}"] if end.code else []), sep="", end="")
    else:
        globals().update({k: v for k, v in found.items() if not k.startswith("__")})
    finally:
        sys.argv = before


class _NbTimed:
    """Do `%%time`: print how long a block took."""

    def __enter__(self) -> None:
        import time

        self.start = time.perf_counter()

    def __exit__(self, *failure: object) -> None:
        import time

        print(f"Wall time: {time.perf_counter() - self.start:.3g} s")


def _nb_timed(call: Callable[[], object]) -> object:
    """Do `%time expression`."""
    with _NbTimed():
        return call()


def _nb_timeit(
    code: str,
    names: Mapping[str, object],
    setup: str = "pass",
    number: int = 0,
    repeat: int = 7,
    quiet: bool = False,
) -> object:
    """Do `%timeit`: number is the loops per run, chosen by the time they take if it is 0."""
    import statistics
    import timeit
    import types

    timer = timeit.Timer(code, setup, globals={**globals(), **names})
    number = number or timer.autorange()[0]
    seconds = [one / number for one in timer.repeat(repeat, number)]
    average, spread = statistics.fmean(seconds), statistics.pstdev(seconds)
    if not quiet:
        print(f"{average:.3g} s ± {spread:.3g} s per loop ({repeat} runs, {number:,} loops each)")
    return types.SimpleNamespace(
        average=average,
        stdev=spread,
        best=min(seconds),
        worst=max(seconds),
        timings=seconds,
        all_runs=[one * number for one in seconds],
        loops=number,
        repeat=repeat,
    )


class _NbCapture:
    """Do `%%capture`: what a block prints goes to .stdout and .stderr; .show() prints it."""

    def __init__(self, stdout: bool = True, stderr: bool = True) -> None:
        import contextlib
        import io

        self._out, self._err, self._stack = io.StringIO(), io.StringIO(), contextlib.ExitStack()
        self._redirects = [contextlib.redirect_stdout(self._out)] if stdout else []
        self._redirects_err = [contextlib.redirect_stderr(self._err)] if stderr else []

    def __enter__(self) -> "_NbCapture":
        for redirect in (*self._redirects, *self._redirects_err):
            self._stack.enter_context(redirect)
        return self

    def __exit__(self, *failure: object) -> None:
        self._stack.close()

    stdout = property(lambda self: self._out.getvalue())
    stderr = property(lambda self: self._err.getvalue())

    def show(self) -> None:
        import sys

        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)

    __call__ = show

    def __str__(self) -> str:
        return str(self.stdout)


class _NbMayFail:
    """Print an exception instead of ending the script: the notebook expects it in this cell."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        import traceback

        if isinstance(error, Exception):
            traceback.print_exception(error)
        return isinstance(error, Exception)


def _nb_await(work: object) -> object:
    """Run a coroutine in the one event loop of this script, as a notebook has one for all cells."""
    import asyncio

    names = globals()
    if "_nb_loop" not in names:
        names["_nb_loop"] = asyncio.new_event_loop()
        asyncio.set_event_loop(names["_nb_loop"])
    return names["_nb_loop"].run_until_complete(work)

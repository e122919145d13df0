"""Notebooks for tests, and a child process that runs the scripts which they become."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

# Runs each script in a fork of one interpreter in which IPython cannot be imported: a start of
# Python for each would take most of the time of these tests.
CHILD = """
import json, os, sys, tempfile
sys.modules["IPython"] = None
done = {}
for name, source in json.load(sys.stdin).items():
    with tempfile.TemporaryDirectory() as folder:
        files = [open(os.path.join(folder, one), "w+b") for one in ("1", "2")]
        with open(os.path.join(folder, "0"), "w") as file:
            file.write("typed\\n")
        os.mkdir(os.path.join(folder, "work"))
        child = os.fork()
        if not child:
            os.chdir(os.path.join(folder, "work"))
            os.dup2(os.open(os.path.join(folder, "0"), os.O_RDONLY), 0)
            for number, file in enumerate(files, 1):
                os.dup2(file.fileno(), number)
            status = 1
            try:
                exec(compile(source, name, "exec"), {"__name__": "__main__"})
                status = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in files:
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
            file.close()
        done[name] = [status, *texts]
json.dump(done, sys.stdout)
"""


class Ran(NamedTuple):
    """What a script printed, and how it ended: 0 if nothing was raised."""

    status: int
    stdout: str
    stderr: str


def code(source: object, **more: Any) -> dict[str, Any]:
    """Return a code cell of format 4."""
    plain = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "source": source} | plain | more


def tagged(source: str, *tags: str) -> dict[str, Any]:
    """Return a code cell with tags."""
    return code(source, metadata={"tags": list(tags)})


def text(kind: str, source: str) -> dict[str, Any]:
    """Return a cell of another kind: markdown or raw."""
    return {"cell_type": kind, "metadata": {}, "source": source}


def notebook(*cells: str | dict[str, Any], **metadata: Any) -> str:
    """Return a notebook of format 4. A string is the source of a code cell."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": made})


def run_all(scripts: Mapping[str, str]) -> dict[str, Ran]:
    """Run scripts under `python -I`, each in an empty folder and without IPython."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", CHILD],
        input=json.dumps(scripts),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/"},
    )
    return {name: Ran(*ran) for name, ran in json.loads(done.stdout).items()}

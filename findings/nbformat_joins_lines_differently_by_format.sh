#!/usr/bin/env bash
# nbformat 5.11.1: the same list of lines is another text in format 3 than in format 4.
#
# Expected: a cell whose source is the list ["a =", " 1"] is 'a = 1' in both formats: their schemas say the
# same of such a list (multiline_string), and both are valid.
# Found: 'a = 1' in format 4, and 'a =\n 1' in format 3, which is no Python. Format 3 joins with line ends
# unless the first line ends with one, so ["a", "b\n"] and ["a\n", "b"] are treated differently too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check nbformat==5.11.1
"$folder/venv/bin/python" - <<'PYTHON'
import json

import nbformat

print("nbformat", nbformat.__version__)
lines = ["a =", " 1"]
old = {"cell_type": "code", "language": "python", "outputs": [], "metadata": {}, "collapsed": False}
new = {"cell_type": "code", "outputs": [], "metadata": {}, "execution_count": None}
files = {
    3: {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0,
        "worksheets": [{"cells": [{**old, "input": lines}]}]},
    4: {"metadata": {}, "nbformat": 4, "nbformat_minor": 0, "cells": [{**new, "source": lines}]},
}
for number, file in files.items():
    nbformat.validate(file)
    read = nbformat.reads(json.dumps(file), as_version=4).cells[0].source
    print(f"format {number}: {lines} -> {read!r}", "as expected" if read == "a = 1" else "DIFFERENT")
PYTHON

#!/usr/bin/env bash
# ipython 9.18.1: a value with a format, as in '!echo {x:.2f}', is not filled in, and neither is any other
# value on the same line. Nothing is reported.
#
# Expected: 'x = 3.14159' and '!echo {x} {x:.2f}' print '3.14159 3.14', as in an f-string.
# Found: '{x} {x:.2f}'. The colon is taken as part of the expression, so that slices work (as
# FullEvalFormatter's documentation says); 'x:.2f' is a syntax error; and after an error in one expression
# the whole line goes to the shell as it stands.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check ipython==9.18.1
HOME="$folder" "$folder/venv/bin/python" - <<'PYTHON'
from IPython import __version__
from IPython.core.interactiveshell import InteractiveShell

print("ipython", __version__)
shell = InteractiveShell.instance()
shell.user_ns["x"] = 3.14159
for line in ("echo {x} $x", "echo {str(x)[1:3]}", "echo {x} {x:.2f}"):
    filled = shell.var_expand(line)
    print(f"{line!r} -> {filled!r}", "as expected" if "{" not in filled else "NOT FILLED IN")
PYTHON

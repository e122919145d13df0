#!/usr/bin/env bash
# griffe (griffelib 2.4.1): a stub that only declares `__all__: list[str]` empties the exports of its module.
#
# Expected: a declaration without a value says nothing about which names are exported, so those of the source stay.
# Found: the exports of the stub are an empty list, which replaces the list of the source when the two are merged.
# numpy 1.26 writes its stubs this way, so none of its names, numpy.array among them, counts as exported. A stub
# without the declaration leaves the exports of the source as they are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check griffelib==2.4.1
mkdir "$folder/p" "$folder/q"
for name in p q; do
    printf '__all__ = ["foo"]\n\ndef foo(x):\n    return x\n' > "$folder/$name/__init__.py"
    printf 'def foo(x: int) -> int: ...\n' > "$folder/$name/__init__.pyi"
done
printf '__all__: list[str]\n' >> "$folder/p/__init__.pyi"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib
import sys

import griffe

sys.path.insert(0, ".")
assert importlib.import_module("p").__all__ == ["foo"]

declared = griffe.load("p", search_paths=["."], try_relative_path=False)
silent = griffe.load("q", search_paths=["."], try_relative_path=False)
print(f"griffelib 2.4.1: exports are {declared.exports} with the declaration, {silent.exports} without")
assert declared.exports == [], "the exports of the source are kept now"
assert silent.exports == ["foo"]
assert not declared["foo"].is_exported and silent["foo"].is_exported
PYTHON

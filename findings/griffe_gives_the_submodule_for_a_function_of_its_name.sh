#!/usr/bin/env bash
# griffe (griffelib 2.4.1): `from .foo import foo` in a package's __init__ gives the submodule, not the function.
#
# Expected: the member `foo` of the package is the function, as in Python, where the import statement binds the
# name after the submodule was set as an attribute. Packages write this often: p/gate.py defines gate().
# Found: loaded statically, the member is the module `p.foo`; the function is only at `p.foo.foo`. So a list of
# the public API made from the members has a module where users call a function, and no signature for it.
# Under another name (`from .foo import foo as bar`) the member is an alias of the function, as expected.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check griffelib==2.4.1
mkdir "$folder/p"
printf 'from .foo import foo\nfrom .foo import foo as bar\n\n__all__ = ["foo", "bar"]\n' > "$folder/p/__init__.py"
printf 'def foo(x: int) -> int:\n    return x\n' > "$folder/p/foo.py"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib
import sys

import griffe

sys.path.insert(0, ".")
assert callable(importlib.import_module("p").foo), "Python itself binds the function"

package = griffe.load("p", search_paths=["."], resolve_aliases=True)
foo, bar = package["foo"], package["bar"]
print(f"griffelib 2.4.1: p.foo is a {foo.kind.value}, p.bar is a {bar.kind.value}")
assert foo.kind is griffe.Kind.MODULE, "the member is the function now"
assert package["foo.foo"].kind is griffe.Kind.FUNCTION
assert bar.kind is griffe.Kind.FUNCTION and bar.target_path == "p.foo.foo"
PYTHON

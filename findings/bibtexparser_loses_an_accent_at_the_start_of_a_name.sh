#!/usr/bin/env bash
# bibtexparser 2.1.0: split_multiple_persons_names drops a LaTeX command that stands at the start of a
# name, if the name is not the first.
#
# Expected: 'A. One and \v{S}ime Two' are 'A. One' and '\v{S}ime Two', as in BibTeX.
# Found: 'A. One' and '{S}ime Two'. After "and" the backslash and the letter behind it are stepped over
# before the start of the next name is noted, so the name starts at the brace: Šime becomes Sime. Without
# a brace, as in 'and \O ye', the name starts even later: 'ye'.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check bibtexparser==2.1.0
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from bibtexparser.middlewares.names import split_multiple_persons_names

print("bibtexparser", version("bibtexparser"))
for names in (r"\v{S}ime Two and A. One", r"A. One and \v{S}ime Two", r"A. One and \O ye"):
    found = split_multiple_persons_names(names)
    print(f"{names!r} -> {found}", "as expected" if " and ".join(found) == names else "LOST")
PYTHON

#!/usr/bin/env bash
# pandoc 3.9 (pypandoc_binary 1.17): a LaTeX `thebibliography` becomes one paragraph without marks.
#
# Expected: one block for each \bibitem, with its key or number, as `--citeproc` gives one for each entry of
# a .bib file, so that references can be counted and citations be led to them.
# Found: the entries stand one after the other in a single paragraph. Neither their keys nor any sign of
# where one ends is left in pandoc's own document (`-t json`); \cite keeps the key, which leads nowhere. The
# argument of the environment, which LaTeX measures and does not print, stands in front as text: "9".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pypandoc_binary==1.17
"$folder/venv/bin/python" - <<'PYTHON'
import json

import pypandoc

SOURCE = r"""\documentclass{article}
\begin{document}
As shown before \cite{moss,fern}.
\begin{thebibliography}{9}
\bibitem{moss} A. Moss. Ponds. 2019.
\bibitem{fern} B. Fern. Banks. 2020.
\bibitem{reed} C. Reed. Bends. 2021.
\end{thebibliography}
\end{document}
"""
blocks = json.loads(pypandoc.convert_text(SOURCE, "json", format="latex"))["blocks"]


def words(block):
    return " ".join(part["c"] for part in inlines(block["c"]) if part["t"] == "Str")


def inlines(content):
    for part in content:
        if isinstance(part, list):
            yield from inlines(part)
        elif isinstance(part, dict) and part.get("t") in ("Para", "Div", "Span"):
            yield from inlines(part["c"])
        elif isinstance(part, dict):
            yield part


[listed] = [block for block in blocks if "Ponds." in json.dumps(block)]
said = words(listed)
print(f"pandoc {pypandoc.get_pandoc_version()}: {listed['t']}: {said}")
assert "Ponds." in said and "Banks." in said and "Bends." in said, "the entries are apart now"
paragraphs = json.dumps(listed).count('"t": "Para"')
assert paragraphs == 1, f"{paragraphs} paragraphs: pandoc gives each entry one of its own now"
assert said.startswith("9 "), "the width of the labels is no longer text"
assert "moss" not in said and "fern" not in said, "the keys of the entries are kept now"
PYTHON

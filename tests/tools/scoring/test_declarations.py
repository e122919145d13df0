"""How a file declares its decoder and its skip path, and how the template reads that."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fumehood_tools.files import data_path

pytestmark = pytest.mark.child

TEMPLATE = data_path("sandbox_template")
SKIP = "    def skip(self, x):\n        return 0.5 * x\n"
FILES = {
    "plain": ("", "    pass\n"),
    "skip": ("SKIP = True\n", SKIP),
    "undeclared": ("", SKIP),
    "missing": ("SKIP = True\n", "    pass\n"),
    "decoder": ('DECODER = "bent"\n', "    pass\n"),
}
PROGRAM = """
import json, sys, torch
from pathlib import Path
from core.errors import VariantError
from core.loading import build_sae, load_variant
found = {}
for path in map(Path, sys.argv[1:]):
    try:
        sae = build_sae(load_variant(path), 8, 16)
        x = torch.ones(3, 8)
        found[path.stem] = float((sae(x) - sae.decode(sae.encode(x))).abs().max())
    except VariantError as error:
        found[path.stem] = f"{error.rule}. {error.instead}"
print(json.dumps(found))
"""


def test_a_skip_path_is_added_where_it_is_declared_and_refused_where_it_is_not(
    tmp_path: Path,
) -> None:
    for name, (head, body) in FILES.items():
        text = f"from core import BaseSAE\n\n{head}\n\nclass CustomSAE(BaseSAE):\n{body}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *(str(tmp_path / f"{name}.py") for name in FILES)],
        env={**os.environ, "PYTHONPATH": str(TEMPLATE)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["plain"] == 0
    assert found["skip"] == 0.5
    assert "not declared" in found["undeclared"]
    assert "has no skip" in found["missing"]
    assert "DECODER is 'bent'" in found["decoder"]

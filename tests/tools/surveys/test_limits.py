"""Surveys of very large packages, and of two real versions of one package from the index."""

import subprocess
import sys
from pathlib import Path

import pytest
from fakes.code_services import CodeServices

from fumehood_tools.settings import load_settings
from fumehood_tools.surveys.paging import Asked, page_of
from fumehood_tools.surveys.surveying import Request, Surveys, changed_names

pytestmark = [pytest.mark.slow, pytest.mark.child]


def test_of_20000_modules_the_top_ones_are_read_and_any_other_on_request(tmp_path: Path) -> None:
    home = tmp_path / "workspace" / "wide"
    for number in range(20_000):
        folder = home / f"wide/part_{number % 100}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"m_{number}.py").write_text(f"def f_{number}(x: int) -> int: ...\n")
    (home / "wide" / "__init__.py").write_text("def first(): ...\n")
    settings = load_settings(tmp_path / "workspace", {"FUMEHOOD_CACHE": str(tmp_path / "cache")})
    surveys = Surveys(settings)
    page = page_of(surveys, Asked(Request("./wide"), part="api"))
    assert page.objects[0].path == "wide.first"
    assert "17,001 modules are beyond the limits: pass name=<module>" in " ".join(page.limits)
    last = "wide.part_99.m_19999"
    found = page_of(surveys, Asked(Request("./wide"), part="api", name=f"{last}.f_19999"))
    assert found.object is not None and found.object.signature == "(x: int) -> int"


# Package, older and newer version -> names that changed, and what is said of them.
REAL = {
    ("more-itertools", "8.14.0", "10.8.0"): {
        "more_itertools.collate": "removed: function is not there any more",
        "more_itertools.map_if": "changed: parameter func_else: default was lambda x: x, is None",
    },
    ("transformer-lens", "3.9.0", "4.3.0"): {
        "transformer_lens.HookedTransformer": "removed: class is not there any more, unless "
        "its module's __getattr__ makes it (perhaps now transformer_lens.TransformerBridge)",
    },
    ("sae-lens", "5.11.0", "6.54.12"): {
        "sae_lens.SAE.save_model": "changed: parameter sparsity was removed",
        "sae_lens.sae.SAE": "moved: class is now sae_lens.SAE",
    },
}


@pytest.mark.network
@pytest.mark.parametrize("versions", sorted(REAL), ids=lambda it: it[0])
def test_two_real_versions_name_what_changed_between_them(
    versions: tuple[str, str, str], tmp_path: Path
) -> None:
    package, old, new = versions
    services = CodeServices(tmp_path / "hosts")
    for version in (old, new):
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
            + ["-q", "-d", str(tmp_path / "wheels"), f"{package}=={version}"],
            check=True,
            timeout=120,
        )
    wheels = {it.name: it.read_bytes() for it in (tmp_path / "wheels").iterdir()}
    services.packages[package] = wheels
    environ = {"FUMEHOOD_CACHE": str(tmp_path / "cache"), "FUMEHOOD_ENDPOINTS": services.endpoints}
    settings = load_settings(tmp_path, environ)
    with services.running():
        names = changed_names(package, old, new, settings=settings)
    for name, said in REAL[versions].items():
        assert said in names[name]
    # A method that a class inherits in the newer version has not gone.
    assert "transformer_lens.model_bridge.TransformerBridge.run_with_cache" not in names

"""What is loaded before the first task of a guide, by environment."""

from pathlib import Path

from fumehood_tools.guides.environments import PYTHON, find_environment
from fumehood_tools.settings import load_settings


def test_slow_packages_are_loaded_once_where_they_are_pinned_and_never_from_a_folder(
    tmp_path: Path,
) -> None:
    settings = load_settings(tmp_path, {"FUMEHOOD_CACHE": str(tmp_path / "cache")})
    metadata = tmp_path / "venv" / "lib" / f"python{PYTHON}" / "site-packages" / "torch-9.dist-info"
    metadata.mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("", encoding="utf-8")
    (metadata / "METADATA").write_text("Name: torch\nVersion: 9\n", encoding="utf-8")
    (metadata / "RECORD").write_text("torch/__init__.py,,\n", encoding="utf-8")
    asked = {"torch", "json"}
    pinned = find_environment("nnsight-0.8", settings).profile(asked)
    assert "torch" in pinned.preload and "json" not in pinned.preload
    assert "torch" not in find_environment("venv", settings).profile(asked).preload

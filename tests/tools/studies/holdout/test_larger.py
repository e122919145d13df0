"""Which larger subjects are on this machine: the top of the ladder."""

import json
from pathlib import Path

from fumehood_tools.studies.holdout.larger import larger_subjects, none_is_here


def put(hub: Path, name: str, layers: int, width: int, weights: bool = True) -> None:
    folder = hub / f"models--{name.replace('/', '--')}" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    config = {"num_hidden_layers": layers, "hidden_size": width}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if weights:
        (folder / "model.safetensors").write_bytes(b"")


def test_only_complete_models_that_are_larger_are_offered_the_smallest_first(
    tmp_path: Path,
) -> None:
    put(tmp_path, "someone/huge", 40, 4096)
    put(tmp_path, "someone/larger", 32, 960)
    put(tmp_path, "someone/smaller", 12, 512)
    put(tmp_path, "someone/no-weights", 32, 960, weights=False)
    (tmp_path / "models--someone--odd" / "snapshots" / "a").mkdir(parents=True)
    (tmp_path / "models--someone--odd" / "snapshots" / "a" / "config.json").write_text(
        "{}", "utf-8"
    )
    found = larger_subjects(tmp_path, "smollm2-135m", tmp_path)
    assert found == ["someone/larger", "someone/huge"]
    assert larger_subjects(tmp_path / "empty", "smollm2-135m", tmp_path) == []
    assert "the ladder ends here" in none_is_here() and "hf download" in none_is_here()

"""One training: from shards to safetensors, reproducible, with helpful errors."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fumehood_tools.files import data_path, sha256_of
from fumehood_tools.kinds import core_folder, template_root

VARIANTS = template_root() / "sae" / "variants"
TRAINABLE = sorted(path for path in VARIANTS.glob("*.py") if path.stem != "untrained")
DEMO = sorted((data_path("examples") / "variants").glob("*.py"))
Spec = Callable[..., dict[str, Any]]
HEAD = '"""Mine."""\nimport torch\nfrom core import BaseSAE, BaseTrainer\n\n\n'
SAE = "class CustomSAE(BaseSAE):\n    pass\n\n\n"
LOSS = "class CustomTrainer(BaseTrainer):\n    def loss(self, x, step, logging=False, **kwargs):\n"


def few(source: str) -> str:
    """Return a variant at a sparsity that suits 64 latents."""
    return source.replace("K = 32", "K = 4").replace("TARGET_L0 = 32.0", "TARGET_L0 = 4.0")


def explained(core: SimpleNamespace, spec: dict[str, Any]) -> float:
    """Return the centered explained variance of a trained SAE, loaded as the scorer loads it."""
    import torch
    from safetensors.torch import load_file

    module = core.package.load_variant(Path(spec["variant"]))
    sae = core.package.build_sae(module, spec["activation_dim"], spec["dict_size"])
    sae.load_state_dict(load_file(Path(spec["out"]) / "sae.safetensors"), strict=True)
    shards = core.batches.Shards(spec["train_shards"], spec["scale"], spec["activation_dim"])
    x = shards.rows(np.arange(len(shards)))
    with torch.no_grad():
        error = x - sae.eval().decode(sae.encode(x))
    return 1 - float(error.pow(2).sum() / (x - x.mean(dim=0)).pow(2).sum())


def trained_by_itself(spec: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run train.py as the supervisor does, in a separate, isolated process."""
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    entry = core_folder() / "train.py"
    return subprocess.run(
        [sys.executable, "-I", "-B", str(entry), str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )


@pytest.fixture(scope="module")
def control(core: SimpleNamespace, shards: list[str], tmp_path_factory: Any) -> float:
    """Return the explained variance of the untrained control."""
    folder = tmp_path_factory.mktemp("control")
    path = folder / "untrained.py"
    path.write_text(few((VARIANTS / "untrained.py").read_text(encoding="utf-8")), "utf-8")
    spec = {
        "variant": str(path),
        "train_shards": shards,
        "scale": 7.0,
        "activation_dim": 32,
        "dict_size": 64,
        "steps": 60,
        "batch_size": 256,
        "out": str(folder / "out"),
    }
    core.train.train(spec)
    return explained(core, spec)


@pytest.mark.parametrize("path", [*TRAINABLE, *DEMO], ids=lambda path: path.stem)
def test_every_packaged_variant_learns_more_than_the_untrained_control(
    core: SimpleNamespace,
    training_spec: Spec,
    write_variant: Callable[..., Path],
    control: float,
    path: Path,
) -> None:
    copy = write_variant(few(path.read_text(encoding="utf-8")), path.stem)
    spec = training_spec(copy)
    core.train.train(spec)
    assert explained(core, spec) > control + 0.15


@pytest.mark.parametrize("name", ["soft_threshold", "decorrelated"])
def test_a_pilot_file_trains_with_only_its_import_line_changed(
    core: SimpleNamespace,
    training_spec: Spec,
    write_variant: Callable[..., Path],
    control: float,
    name: str,
) -> None:
    source = (Path(__file__).parent / "pilot" / f"{name}.py").read_text(encoding="utf-8")
    lines = [
        "from core import BaseSAE, BaseTrainer" if line.startswith("from custom_saes") else line
        for line in source.splitlines()
    ]
    spec = training_spec(write_variant("\n".join(lines) + "\n", name))
    core.train.train(spec)
    assert explained(core, spec) > control + 0.15
    weights = Path(spec["out"]) / "sae.safetensors"
    module = core.package.load_variant(Path(spec["variant"]))
    assert type(module.CustomSAE.from_pretrained(weights)) is module.CustomSAE


def test_the_control_is_not_trained_and_its_config_says_so(
    core: SimpleNamespace, training_spec: Spec
) -> None:
    spec = training_spec(VARIANTS / "untrained.py")
    core.train.train(spec)
    out = Path(spec["out"])
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    progress = json.loads((out / "progress.json").read_text(encoding="utf-8"))
    assert (config["trained"], config["tokens"], config["final_loss"]) == (False, 0, None)
    assert progress["done"] == progress["total"] == spec["steps"]


@pytest.mark.child
def test_the_same_spec_gives_the_same_weights_in_another_process(
    training_spec: Spec, tmp_path: Path
) -> None:
    made = []
    for number in range(2):
        spec = training_spec(VARIANTS / "batch_topk.py", steps=20, out=str(tmp_path / str(number)))
        done = trained_by_itself(spec, tmp_path)
        assert done.returncode == 0, done.stderr
        made.append(sha256_of(tmp_path / str(number) / "sae.safetensors"))
    assert made[0] == made[1]


def test_batches_do_not_depend_on_how_rows_are_spread_over_shards(
    core: SimpleNamespace, shards: list[str], planted: np.ndarray, tmp_path: Path
) -> None:
    np.save(tmp_path / "whole.npy", planted)
    spread = core.batches.Shards(shards, 7.0, 32)
    whole = core.batches.Shards([tmp_path / "whole.npy"], 7.0, 32)
    seen = []
    for one, two in zip(spread.batches(250, 24, 3), whole.batches(250, 24, 3), strict=True):
        assert one.equal(two)
        seen.append(one.numpy())
    # One epoch contains every row exactly once.
    rows = np.concatenate(seen)
    expected = planted.astype(np.float32) / np.float32(7.0)
    np.testing.assert_allclose(np.sort(rows[:, 0]), np.sort(expected[:, 0]), rtol=1e-6)


REFUSALS = [
    ("class CustomSAE(BaseSAE:\n    pass\n", 6, "not valid Python", "syntax"),
    ("class Other(BaseSAE):\n    pass\n", 1, "no class CustomSAE", "CustomSAE"),
    ("class CustomSAE(BaseSAE):\n    def encode(self, x):\n        return x\n", None, "shape", "F"),
    (SAE + LOSS + "        return self.ae(x).mean(), step\n", 11, "tuple", "scalar"),
    (SAE + LOSS + "        return self.ae(x).mean() / 0 * 0\n", 11, "nan", "clamp"),
    (SAE + LOSS + "        return torch.zeros((), requires_grad=True)\n", 11, "", ""),
    (SAE + LOSS + "        return self.ae(x).detach().mean()\n", 11, "require grad", "detach"),
    (SAE + LOSS + "        return self.weight * self.ae(x).mean()\n", 12, "weight", "__init__"),
    (SAE + LOSS + "        import sys; sys.exit(0)\n", 12, "SystemExit", "line"),
    (
        "class CustomSAE(BaseSAE):\n    def __init__(self, activation_dim, dict_size, k):\n"
        "        super().__init__(activation_dim, dict_size)\n",
        None,
        "missing 1 required",
        "default",
    ),
    (
        SAE + "class CustomTrainer(BaseTrainer):\n    def __init__(self, steps):\n        pass\n",
        11,
        "unexpected keyword",
        "**kwargs",
    ),
]


@pytest.mark.parametrize(("body", "line", "said", "cure"), REFUSALS)
def test_a_refusal_names_line_and_remedy(
    core: SimpleNamespace,
    training_spec: Spec,
    write_variant: Callable[..., Path],
    body: str,
    line: int | None,
    said: str,
    cure: str,
) -> None:
    spec = training_spec(write_variant(HEAD + body), steps=10)
    with pytest.raises(core.package.VariantError) as told:
        core.train.train(spec)
    error = told.value
    assert said in error.rule and cure in error.instead, (error.rule, error.instead)
    assert line is None or error.line == line, error
    assert not error.rule.endswith(".") and error.kind == "variant"


@pytest.mark.child
def test_a_refusal_in_a_child_leaves_error_json_and_no_weights(
    training_spec: Spec, write_variant: Callable[..., Path], tmp_path: Path
) -> None:
    source = HEAD + SAE + LOSS + "        return self.ae(x).sum() * float('nan')\n"
    spec = training_spec(write_variant(source), steps=10)
    done = trained_by_itself(spec, tmp_path)
    assert done.returncode == 3
    out = Path(spec["out"])
    error = json.loads((out / "error.json").read_text(encoding="utf-8"))
    assert set(error) == {"rule", "instead", "line", "kind"}
    assert "step 0" in error["rule"] and error["line"] == 11
    assert not (out / "sae.safetensors").exists()


@pytest.mark.child
def test_children_start_without_the_slow_imports_and_can_still_compile(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import core.train, torch\n"
        "from core.stubs import postpone_compiler\n"
        "postpone_compiler()\n"
        "weight = torch.nn.Parameter(torch.ones(2))\n"
        "adam = torch.optim.Adam([weight], lr=0.1)\n"
        "weight.sum().backward(); adam.step()\n"
        "slow = [n for n in ('torch._dynamo.utils', 'nnsight.models') if n in sys.modules]\n"
        "assert not slow and weight[0] < 1, slow\n"
        "from nnsight import LanguageModel\n"
        "double = torch.compile(lambda x: 2 * x, backend='eager')\n"
        "assert double(torch.ones(1)).item() == 2 and 'torch._dynamo.utils' in sys.modules\n"
        "adam.step()\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program, str(template_root())],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_file_can_refuse_rounded_products_and_the_config_says_how_it_was_trained(
    core: SimpleNamespace, training_spec: Spec, write_variant: Callable[[str], Path]
) -> None:
    rounded = training_spec(VARIANTS / "standard.py", steps=4, arithmetic="bfloat16")
    core.train.train(rounded)
    assert spec(rounded)["arithmetic"] == "bfloat16"
    exact = write_variant(f'{HEAD}ARITHMETIC = "float32"\n\n\n{SAE}')
    unrounded = training_spec(exact, steps=4, arithmetic="bfloat16")
    core.train.train(unrounded)
    assert spec(unrounded)["arithmetic"] == "float32"
    wrong = write_variant(f'{HEAD}ARITHMETIC = "bfloat16"\n\n\n{SAE}', "wrong")
    with pytest.raises(core.package.VariantError, match="ARITHMETIC can only be float32"):
        core.train.train(training_spec(wrong, steps=4))


def test_a_training_screened_in_integers_is_the_one_in_float32(
    core: SimpleNamespace, training_spec: Spec, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    ended = []
    for name in ("plain", "screened"):
        given = training_spec(
            VARIANTS / "topk.py",
            steps=8,
            integer_screening=name == "screened",
            out=str(tmp_path / name),
        )
        core.train.train(given)
        assert spec(given)["integer_screening"] == (name == "screened")
        ended.append(load_file(tmp_path / name / "sae.safetensors"))
    for key, weight in ended[0].items():
        torch.testing.assert_close(ended[1][key], weight, atol=1e-5, rtol=1e-4)


def spec(given: dict[str, Any]) -> dict[str, Any]:
    """Return the config.json of a training."""
    config: dict[str, Any] = json.loads((Path(given["out"]) / "config.json").read_text("utf-8"))
    return config

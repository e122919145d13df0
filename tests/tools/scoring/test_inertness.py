"""Compare variants with their parents, through the glass, on a planted dictionary."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fumehood_tools.glass import ChildLimits, Nursery, choose_level
from fumehood_tools.harvest import Activations
from fumehood_tools.kinds import SAE, template_folder
from fumehood_tools.records.inertness import SAME, SLIGHT, Inertness
from fumehood_tools.scoring.inertness import ProbeCase, find_parent, measure_inertness
from fumehood_tools.spec import SandboxSpec, check_spec

D, F, ROWS, STEPS, BATCH = 24, 256, 4_000, 30, 128
SPEC: SandboxSpec = check_spec(
    {
        "dict_size": F,
        "corpus": {"train_tokens": STEPS * BATCH},
        "training": {"batch_size": BATCH},
    }
)
HEAD = "import torch\nfrom core import BaseSAE, BaseTrainer\n\n"
TOPK = (template_folder(SAE) / "variants" / "topk.py").read_text(encoding="utf-8")
RETYPED = """
class CustomSAE(BaseSAE):
    def encode(self, x):
        pre = torch.einsum("bd,fd->bf", x - self.bias, self.encoder.weight) + self.encoder.bias
        return pre.clamp(min=0)

    def decode(self, f):
        return (self.decoder.weight @ f.T).T + (self.decoder.bias + self.bias)


class CustomTrainer(BaseTrainer):
    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        error = ((x_hat - x) ** 2).sum() / len(x)
        return error + 0.1 * self.sparsity_warmup_fn(step) * f.sum() / len(x)
"""
PENALTY = """
from core import BaseTrainer


class CustomSAE(BaseSAE):
    pass


class CustomTrainer(BaseTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, "l1_penalty": 0.1})

    def loss(self, x, step, logging=False, **kwargs):
        return super().loss(x, step) + 1e-4 * self.ae.encode(x).pow(2).sum(dim=-1).mean()
"""
UNREAD = """
class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.unread = torch.nn.Parameter(torch.zeros(3))


class CustomTrainer(BaseTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, "l1_penalty": 0.1})
"""
GAIN = RETYPED.replace("return pre.clamp(min=0)", "return 1.2 * pre.clamp(min=0)")
HALF_AUX = TOPK.replace("super().__init__(k=K,", "super().__init__(k=K, auxk_alpha=1 / 64,")
JUNK = """
import os


class CustomSAE(BaseSAE):
    def decode(self, f):
        if os.path.basename(os.getcwd()) == "variant":
            for name in ("probe.safetensors", "probe.json"):
                with open(name, "wb") as file:
                    file.write(b"{}" * 9)
            os._exit(0)
        return super().decode(f)
"""
Compare = Callable[..., Inertness | None]
RENAMED = (template_folder(SAE) / "variants" / "batch_topk.py").read_text(encoding="utf-8")
OTHER_UNITS = f"""{TOPK}

class CustomSAE(CustomSAE):
    def encode(self, x, **how):
        return super().encode(x, **how) * 100

    def decode(self, f):
        return super().decode(f / 100)
"""
DEAD_BRANCH = f"""{TOPK}
import torch


class CustomSAE(CustomSAE):
    def __init__(self, activation_dim, dict_size, k=K):
        super().__init__(activation_dim, dict_size, k)
        self.second = torch.nn.Linear(activation_dim, dict_size)

    def encode(self, x, **how):
        f = super().encode(x, **how)
        if self.training or how:
            return f
        return f + 0.0 * self.second(x).relu()
"""
CASES = {
    "a renamed copy": (TOPK, "topk", "same"),
    "the same sums in another order": (HEAD + RETYPED, "standard", "same"),
    "a parameter that nothing reads": (HEAD + UNREAD, "standard", "same"),
    "a penalty of next to nothing": (HEAD + PENALTY, "standard", "slight"),
    "latents that are scaled": (HEAD + GAIN, "standard", "different"),
    "another number of latents": (TOPK.replace("K = 32", "K = 16"), "topk", "different"),
    "only the loss of dead latents": (HALF_AUX, "topk", "slight"),
    "latents in other units": (OTHER_UNITS, "topk", "same"),
    "a branch that adds nothing": (DEAD_BRANCH, "topk", "same"),
}


@pytest.fixture(scope="module")
def activations(tmp_path_factory: pytest.TempPathFactory) -> Activations:
    folder = tmp_path_factory.mktemp("activations")
    draw = np.random.default_rng(0)
    directions = draw.normal(size=(F, D))
    x = (draw.random((ROWS, F)) < 0.1) @ directions
    np.save(folder / "0.npy", (x + 0.1 * draw.normal(size=x.shape)).astype(np.float16))
    # The other fields are left out, because the evaluation split is not needed here.
    content: dict[str, Any] = {
        "folder": folder,
        "train_shards": (folder / "0.npy",),
        "d_model": D,
        "scale": float(np.sqrt((x**2).sum(axis=1).mean())),
    }
    return Activations.model_construct(**content)


@pytest.fixture(scope="module")
def nursery(
    tmp_path_factory: pytest.TempPathFactory, activations: Activations, kernels: Path | None
) -> Iterator[Nursery]:
    root, shards = tmp_path_factory.mktemp("nursery"), [activations.folder]
    with Nursery(root, level=choose_level(), readable=shards, kernels=kernels) as started:
        yield started


@pytest.fixture
def compared(nursery: Nursery, activations: Activations, request: pytest.FixtureRequest) -> Compare:
    """Return a function that trains a source behind the glass and compares it with its parent."""
    folder = nursery.scratch_root / request.node.name.replace(" ", "_").replace("/", "_")

    def compare(source: str, parent: str | None, name: str = "mine") -> Inertness | None:
        folder.mkdir()
        variant = folder / f"{name}.py"
        declared = f'\nPARENT = "{parent}"\n' if parent else ""
        variant.write_text(f"{source}{declared}", encoding="utf-8")
        spec = {
            "variant": str(variant),
            "train_shards": [str(path) for path in activations.train_shards],
            "scale": activations.scale,
            "activation_dim": D,
            "dict_size": F,
            "steps": STEPS,
            "batch_size": BATCH,
            "out": str(folder / "child" / "out"),
        }
        trained = nursery.start(
            "core.train",
            spec,
            scratch=folder / "child",
            limits=ChildLimits(wall_seconds=60),
            readable=[variant, *activations.train_shards],
        )
        outcome = trained.wait()
        assert outcome.exit_code == 0, outcome
        case = ProbeCase(
            variant, folder / "child" / "out" / "sae.safetensors", folder / "inertness"
        )
        found = find_parent(variant) if parent else None
        return measure_inertness(nursery, case, activations, SPEC, found)

    return compare


@pytest.mark.child
@pytest.mark.parametrize("what", CASES)
def test_a_change_is_measured_as_large_as_it_is(what: str, compared: Compare) -> None:
    source, parent, mechanism = CASES[what]
    found = compared(source, parent)
    assert found is not None
    assert (found.parent, found.mechanism) == (parent, mechanism), found
    if what == "only the loss of dead latents":
        assert found.forward == 0 and found.gradient
    if what == "a parameter that nothing reads":
        assert found.added == ("unread",) and found.forward == found.gradient == 0


def test_a_baseline_under_another_name_is_that_baseline_whatever_it_declares(
    compared: Compare,
) -> None:
    found = compared(RENAMED, "topk")
    assert found is not None and found.parent == "batch_topk" and found.mechanism == "same"
    assert found.declared == "topk" and found.parent_sha256
    assert found.distances["batch_topk"] <= SAME < SLIGHT < found.distances["topk"]
    assert {"gated", "jumprelu", "matryoshka", "p_anneal", "standard"} < found.distances.keys()
    assert found.text().startswith("same as batch_topk, though it declares topk (")


@pytest.mark.parametrize(("source", "parent"), [(RENAMED, "batch_topk"), (HEAD + GAIN, None)])
def test_without_a_parent_only_a_baseline_that_is_the_same_is_named(
    source: str, parent: str | None, compared: Compare
) -> None:
    found = compared(source, None)
    assert (found and found.parent) == parent


def test_a_packaged_variant_is_not_compared_with_itself(compared: Compare) -> None:
    source = (template_folder(SAE) / "variants" / "example.py").read_text(encoding="utf-8")
    found = compared(source, None, "example")
    assert found is None or found.parent != "example"


def test_junk_instead_of_a_comparison_is_none_and_no_crash(
    compared: Compare,
) -> None:
    assert compared(HEAD + JUNK, "standard") is None


def test_the_parent_is_the_declared_one_or_that_of_the_base_class(tmp_path: Path) -> None:
    others = tmp_path / "variants"
    others.mkdir()
    (others / "mine.py").write_text("", encoding="utf-8")
    (others / "topk.py").write_text("an edited copy", encoding="utf-8")
    packaged = template_folder(SAE) / "variants"
    cases = {
        "class CustomSAE(BaseSAE): ...": packaged / "standard.py",
        "class A(AutoEncoderTopK): ...\nclass CustomSAE(A): ...": packaged / "topk.py",
        "class CustomSAE(lib.BatchTopKSAE): ...": packaged / "batch_topk.py",
        'PARENT = "topk"\nclass CustomSAE(BaseSAE): ...': packaged / "topk.py",
        'PARENT = "mine"\nclass CustomSAE(BaseSAE): ...': others / "mine.py",
        'PARENT = "../../secret"\nclass CustomSAE(BaseSAE): ...': None,
        "class CustomSAE(Dictionary): ...": None,
        "not Python (": None,
    }
    for source, wanted in cases.items():
        path = tmp_path / "variant.py"
        path.write_text(source, encoding="utf-8")
        found = find_parent(path, others)
        assert (found.path if found else None) == wanted, source
    assert find_parent(packaged / "topk.py") is None


def test_a_comparison_reads_as_one_line() -> None:
    content = {"parent": "topk", "forward": 0.0, "loss": 2e-3, "gradient": 0.5}
    found = Inertness.model_validate({**content, "mechanism": "different"})
    assert found.text() == "different from topk (forward 0 %, loss 0.2 %, gradient 50 %)"
    assert json.loads(found.model_dump_json())["gradient"] == 0.5
